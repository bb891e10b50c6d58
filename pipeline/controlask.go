package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
)

const (
	// appliedAge is for how long what the store said of clients is told again. Not smaller: however many look on, it is asked once in that time; not larger: people wait for
	// a command to take effect.
	appliedAge = time.Second
	// historySpan is how far back the history goes where nobody says. Not smaller: a command lasts up to as long; not larger: who wants more says so.
	historySpan = control.MaxLifetime
)

// appliedBoard is the newest comparison of what clients are asked with what they say that they apply. Whoever asks while one is made waits, and gets it.
type appliedBoard struct {
	turn chan struct{}
	last controlComparison // of who has the turn
}

func newAppliedBoard() *appliedBoard { return &appliedBoard{turn: make(chan struct{}, 1)} }

// newest is the newest comparison, made of now where it is too old.
func (b *appliedBoard) newest(ctx context.Context, compare func(context.Context) (controlComparison, error)) (controlComparison, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return controlComparison{}, fmt.Errorf("wait for who asks what clients apply: %w", context.Cause(ctx))
	}
	if time.Since(b.last.at) < appliedAge {
		return b.last, nil
	}
	compared, err := compare(ctx)
	if err != nil {
		return controlComparison{}, err
	}
	b.last = compared
	return compared, nil
}

// serveControlDiff answers where clients do not do what they are asked to: ?name= of one command, and ?all=true also where they do.
func (p *Pipeline) serveControlDiff(w http.ResponseWriter, r *http.Request) {
	c := p.controls.Load()
	if c == nil {
		http.Error(w, errNotControl.Error(), http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeAskPatience)
	defer cancel()
	compared, err := p.applied.newest(ctx, c.compare)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, compared.answer(r.URL.Query().Get("name"), flagOf(r, "all")))
}

// compare holds what clients are asked to do by now against what they say. Others read and write the topic meanwhile.
func (c *controller) compare(ctx context.Context) (compared controlComparison, err error) {
	set, err := c.snapshot(ctx)
	if err != nil {
		return compared, err
	}
	err = askStore(ctx, storeOf(&c.p.config), func(ctx context.Context, store *clickhouse.Store) error {
		compared, err = compareApplied(ctx, toldOf{store, c.p.config.Telemetry.Pane}, set, time.Now())
		return err
	})
	return compared, err
}

// snapshot is what the topic says by now.
func (c *controller) snapshot(ctx context.Context) (*control.Set, error) {
	if err := c.turn.take(ctx); err != nil {
		return nil, err
	}
	defer c.turn.give()
	if err := c.topic.catchUp(ctx); err != nil {
		return nil, err
	}
	c.show()
	return c.topic.set.Clone(), nil
}

// serveControlHistory answers what was asked of clients: ?name= of one command or route, ?from= and to, and of at most ?limit= records, the newest. It is asked of the store,
// so that a process of any role answers.
func (p *Pipeline) serveControlHistory(w http.ResponseWriter, r *http.Request) {
	q, err := controlQueryOf(r, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.answerFromStore(w, r, func(ctx context.Context, at storeAddress) (any, error) { return controlHistoryIn(ctx, at, q) })
}

// controlQueryOf reads what is asked of the history.
func controlQueryOf(r *http.Request, now time.Time) (q clickhouse.ControlQuery, err error) {
	asked := r.URL.Query()
	q.Name = asked.Get("name")
	if q.From, q.To, err = askedTimes(asked); err != nil {
		return q, err
	}
	if q.From.IsZero() {
		q.From = now.Add(-historySpan)
	}
	if text := asked.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit == 0 {
			return q, fmt.Errorf("limit is %.64q, want 1 to %d", text, clickhouse.MaxControlRecords)
		}
	}
	return q, checkControlQuery(&q)
}
