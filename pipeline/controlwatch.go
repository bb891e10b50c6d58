package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
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

	shown string
}

// WatchControl prints what clients apply of what they are asked to, again and again, and says whether all of them did at last. It ends when ctx does, when the time is over,
// or when all agree.
func WatchControl(ctx context.Context, config *Config, w ControlWatch) (agree bool, err error) {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.Timeout, errControlTimeout)
		defer cancel()
	}
	looked := false
	err = w.asking(ctx, config, func(asking context.Context, ask func(context.Context) (controlDiffs, error)) error {
		ticker := time.NewTicker(controlLookEvery)
		defer ticker.Stop()
		for {
			answer, err := ask(asking)
			if err != nil {
				return err
			}
			looked, agree = true, answer.Agree
			if err := w.show(&answer); err != nil || w.UntilApplied && agree {
				return err
			}
			select {
			case <-ticker.C:
			case <-asking.Done():
				return context.Cause(asking)
			}
		}
	})
	switch {
	case ctx.Err() == nil:
		return agree, err
	case !looked:
		return false, fmt.Errorf("ask what clients apply: there was no answer: %w", context.Cause(ctx))
	case w.UntilApplied && !errors.Is(context.Cause(ctx), errControlTimeout):
		return false, errors.New("interrupted before all clients did what they are asked to")
	}
	return agree, nil
}

var errControlTimeout = errors.New("the time of --timeout is over")

// show shows an answer: as JSON each of them in a line, as text in place of the one before, or below it where something is new.
func (w *ControlWatch) show(answer *controlDiffs) error {
	if w.JSON {
		return json.NewEncoder(w.Out).Encode(answer)
	}
	var text strings.Builder
	if err := answer.writeText(&text); err != nil {
		return err
	}
	switch {
	case w.Draw != nil:
		return w.Draw(w.Out, shownTime(answer.At)+"\n"+text.String())
	case text.String() == w.shown:
		return nil
	}
	w.shown = text.String()
	_, err := io.WriteString(w.Out, shownTime(answer.At)+"\n"+w.shown)
	return err
}
