package ruletest

import (
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// history is what a store has of a case: the cells of all that was reported, also before the case begins. It answers of hours
// past as production does, by what they add up to.
type history struct {
	before *fold // what was reported before the case begins, which no rule sees otherwise
	folds  []*fold
	first  int64 // pane of the oldest cell, in Unix seconds; of no use while read is nil
	read   map[hourKey]rules.Hour
}

type hourKey struct {
	grouping string
	start    int64 // Unix seconds
}

func newHistory(pane time.Duration) *history {
	h := &history{before: newFold(pane)}
	h.folds = []*fold{h.before}
	return h
}

// keep keeps what is folded in there.
func (h *history) keep(f *fold) *fold {
	h.folds = append(h.folds, f)
	return f
}

// unread says that something was reported before the case began, and that none of the sets of rules looks there.
func (h *history) unread(sets ...*rules.Set) bool {
	return len(h.before.panes) > 0 && !slices.ContainsFunc(sets, func(set *rules.Set) bool { return set.LooksPast() || len(set.Inspections) > 0 })
}

// changed says that something was folded in.
func (h *history) changed() { h.read = nil }

// Hour is what rules.Past says. An hour that rules ask for is over: all that can come of it has.
func (h *history) Hour(grouping *telemetry.Grouping, group string, start time.Time) (rules.Counted, rules.Knowledge) {
	if h.read == nil {
		h.read, h.first = map[hourKey]rules.Hour{}, h.oldest()
	}
	if h.first > start.Unix() {
		return rules.Counted{}, rules.Absent
	}
	key := hourKey{grouping.ID, start.Unix()}
	hour, ok := h.read[key]
	if !ok {
		hour = h.hour(grouping, start)
		h.read[key] = hour
	}
	return hour[group], rules.Known
}

// oldest is the pane of the oldest cell; where there is none, one that is later than all.
func (h *history) oldest() int64 {
	oldest := begin.Add(maxMoment).Unix()
	for _, f := range h.folds {
		for at := range f.panes {
			oldest = min(oldest, at.unix)
		}
	}
	return oldest
}

// hour adds up the cells of an hour.
func (h *history) hour(grouping *telemetry.Grouping, start time.Time) rules.Hour {
	out := rules.Hour{}
	for _, f := range h.folds {
		for at, in := range f.panes {
			if at.unix < start.Unix() || at.unix >= start.Add(time.Hour).Unix() {
				continue
			}
			minute := uint64(1) << (at.unix / 60 % 60)
			for of, totals := range in.totals {
				out.Add(grouping, &of.labels, rules.CountedIn(totals, minute))
			}
		}
	}
	return out
}
