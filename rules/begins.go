package rules

import (
	"maps"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// begins is since when all of each grouping is known, by grouping.
type begins struct {
	at map[string]time.Time
	// floors are of groupings that were unknown for a while: what is read of one does not say
	// that all was known before its floor. One that has begun needs it until it is evaluated.
	floors map[string]time.Time
	since  time.Time // where the very first evaluation began, zero after a restart
	gap    bool      // until the first watermark after it
}

func newBegins() begins {
	return begins{at: map[string]time.Time{}, floors: map[string]time.Time{}}
}

// of is since when all of a grouping is known, not ok where it is to begin yet. One of which
// nothing came since the very first evaluation has had nothing.
func (b *begins) of(grouping string) (at time.Time, ok bool) {
	if at, ok := b.at[grouping]; ok {
		return at, true
	}
	_, floored := b.floors[grouping]
	return b.since, !floored
}

// restore takes what was known before a restart of the groupings that are used. One that is
// used now and was not is to begin yet.
func (b *begins) restore(until Progress, used map[string]bool) {
	maps.Copy(b.at, until.Begins)
	maps.Copy(b.floors, until.Floors)
	b.gap = until.Gap
	b.keep(used)
	for grouping := range used {
		_, begun := b.at[grouping]
		_, floored := b.floors[grouping]
		if !begun && !floored && !until.EvaluatedUntil.IsZero() {
			b.floors[grouping] = until.EvaluatedUntil
		}
	}
}

// unreadSpan is for how long after the newest watermark was written there may be groups that
// came before a reload and were not read, as no rule used their grouping. Not smaller:
// aggregators write both once a second, each when it can; not larger: a new rule waits for it.
const unreadSpan = 2 * time.Second

// swap forgets groupings that are not used any more. One that was not used before is to
// begin yet, later than what came of it before now and was not read, unless nothing was heard yet.
func (b *begins) swap(before, used map[string]bool, now time.Time) {
	b.keep(used)
	for grouping := range used {
		if !before[grouping] && !now.IsZero() {
			b.floors[grouping] = now.Add(unreadSpan)
		}
	}
}

// keep forgets groupings that no rule uses: what comes of them is not read.
func (b *begins) keep(used map[string]bool) {
	unused := func(grouping string, _ time.Time) bool { return !used[grouping] }
	maps.DeleteFunc(b.at, unused)
	maps.DeleteFunc(b.floors, unused)
}

// afterGap begins anew at a time what was known before the gap; the other groupings that are
// used begin no earlier.
func (b *begins) afterGap(at time.Time, used map[string]bool) {
	for grouping := range used {
		b.floors[grouping] = at
		if _, begun := b.at[grouping]; begun {
			b.at[grouping] = at
		}
	}
	b.gap = false
}

// saw notes since when all of a grouping was seen, until the first evaluation after it:
// what was before is unknown. A grouping that a reload brings is computed from the
// segments that are open then, so that of panes from before these a part is missing;
// where the broker's clock is ahead, the aggregator's says what is now.
func (e *Evaluator) saw(grouping string, pane time.Time, segment telemetry.Segment) {
	from := later(pane, segment.Begin())
	if now := e.sources.newest.At; from.After(now) {
		from = later(pane, now)
	}
	from = later(from, e.begins.floors[grouping])
	if at, ok := e.begins.at[grouping]; !ok || from.Before(at) && at.After(e.evaluated) {
		e.begins.at[grouping] = from
	}
}

// prune forgets what was before the oldest pane that is kept of each grouping, as a reload may bring a rule
// that looks further back, and the floors of what was evaluated.
func (b *begins) prune(oldest func(grouping string) time.Time, evaluated time.Time) {
	for grouping, at := range b.at {
		b.at[grouping] = later(at, oldest(grouping))
	}
	maps.DeleteFunc(b.floors, func(grouping string, _ time.Time) bool {
		at, begun := b.at[grouping]
		return begun && !at.After(evaluated)
	})
}

// endOfPane is the end of the pane that a time is in.
func (e *Evaluator) endOfPane(at time.Time) time.Time {
	return at.Truncate(e.config.Pane).Add(e.config.Pane)
}
