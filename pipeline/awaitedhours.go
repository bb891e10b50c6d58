package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// awaitedHours are those that a backtest's rules ask for: who asks waits until they are read, as a backtest has the time, and
// must say the same each time it runs.
type awaitedHours struct {
	*pastHours
	groupings []telemetry.Grouping // of all rules that ask
	store     *clickhouse.Store
	ctx       context.Context         // of the backtest, as who asks has none
	fail      context.CancelCauseFunc // ends it

	reading sync.Mutex // held while an hour is read
}

// newAwaitedHours returns those that sets of rules ask for. A reading that fails ends the context by fail.
func newAwaitedHours(ctx context.Context, fail context.CancelCauseFunc, store *clickhouse.Store, sets []*rules.Set) *awaitedHours {
	h := &awaitedHours{pastHours: newPastHours(), store: store, ctx: ctx, fail: fail}
	h.inUse = -1 // who asks for one waits: none of the others is in use
	seen := map[string]bool{}
	for _, set := range sets {
		for _, grouping := range set.PastGroupings() {
			if !seen[grouping.ID] {
				seen[grouping.ID] = true
				h.groupings = append(h.groupings, grouping)
			}
		}
	}
	return h
}

// Hour is what rules.Past says.
func (h *awaitedHours) Hour(grouping *telemetry.Grouping, group string, start time.Time) (rules.Counted, rules.Knowledge) {
	if counted, known := h.pastHours.Hour(grouping, group, start); known != rules.Unread {
		return counted, known
	}
	h.reading.Lock()
	defer h.reading.Unlock()
	for i := range h.groupings { // so that one query answers all
		h.pastHours.Hour(&h.groupings[i], "", start)
	}
	if err := h.read(h.ctx, h.store); err != nil {
		h.fail(err)
	}
	return h.pastHours.Hour(grouping, group, start)
}
