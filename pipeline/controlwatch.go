package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// controlLookEvery is how often it is looked while somebody looks on. Not smaller: the store is asked each time; not larger: it seems dead.
const controlLookEvery = time.Second

// ControlWatch is a wish to look on while clients take over what they are asked to.
type ControlWatch struct {
	ControlDiff
	UntilApplied bool          // until none differs
	Timeout      time.Duration // for so long at most; 0 for as long as ctx
	// Draw draws a text in place of the one before; nil has what is new printed below what was.
	Draw func(out io.Writer, text string) error

	last   controlDiffs // the newest answer
	failed error        // why there is none that is newer
	shown  string
}

// WatchControl prints what clients apply of what they are asked to, again and again, and says whether all of them did at last. It ends when ctx does, when the time is over,
// or when all agree. Who cannot be asked at first is an error; who could before is asked again, and what failed is told.
func WatchControl(ctx context.Context, config *Config, w ControlWatch) (agree bool, err error) {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.Timeout, errControlTimeout)
		defer cancel()
	}
	err = w.asking(ctx, config, w.look)
	switch {
	case ctx.Err() == nil:
		return w.last.Agree, err
	case w.last.At.IsZero():
		return false, fmt.Errorf("ask what clients apply: there was no answer: %w", context.Cause(ctx))
	case w.UntilApplied && !errors.Is(context.Cause(ctx), errControlTimeout):
		return false, errors.New("interrupted before all clients did what they are asked to")
	case w.UntilApplied && w.failed != nil:
		return false, fmt.Errorf("ask what clients apply: the newest answer is of %s: %w", shownTime(w.last.At), w.failed)
	}
	return w.last.Agree, nil
}

var errControlTimeout = errors.New("the time of --timeout is over")

// look asks until ctx ends, or all agree where that is waited for.
func (w *ControlWatch) look(ctx context.Context, ask func(context.Context) (controlDiffs, error)) error {
	ticker := time.NewTicker(controlLookEvery)
	defer ticker.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, storeAskPatience)
		answer, err := ask(bounded)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.failed = err; err == nil {
			w.last = answer
		} else if w.last.At.IsZero() {
			return err
		}
		if err := w.show(); err != nil || w.UntilApplied && w.failed == nil && w.last.Agree {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// show shows the newest answer, and why there is none that is newer: as JSON a line of one of them, as text in place of the one before, or below it where something is new.
func (w *ControlWatch) show() error {
	if w.JSON {
		return json.NewEncoder(w.Out).Encode(w.line())
	}
	var text strings.Builder
	if err := w.last.writeText(&text); err != nil {
		return err
	}
	if w.failed != nil {
		fmt.Fprintf(&text, "as it was then: it cannot be asked now, and is asked again: %s\n", telemetry.Printable(w.failed.Error()))
	}
	at := shownTime(w.last.At) + "\n"
	switch {
	case w.Draw != nil:
		return w.Draw(w.Out, at+text.String())
	case text.String() == w.shown:
		return nil
	}
	w.shown = text.String()
	_, err := io.WriteString(w.Out, at+w.shown)
	return err
}

// line is what programs are told.
func (w *ControlWatch) line() any {
	if w.failed == nil {
		return w.last
	}
	return struct {
		At    time.Time `json:"at"`
		Error string    `json:"error"`
	}{time.Now().UTC(), w.failed.Error()}
}
