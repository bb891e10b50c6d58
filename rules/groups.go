package rules

import (
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// groupState is what is known of one group: its panes by their start in Unix seconds.
type groupState struct {
	key      string
	grouping string
	values   []string
	panes    paneList
	changes  uint32  // of panes that were evaluated
	slides   []slide // by the place of their reach
	last     int64   // start of the newest pane that there was, in Unix seconds
	unknown  bool    // to some rule, at the newest evaluation
	foreseen int64   // the step that was not foreseen any more, in Unix seconds
	row      int32   // among those of its grouping, at the newest evaluation

	baselines map[time.Duration]*groupBaseline // the newest, by span; nil where no rule asked
}

// Partial is what a source's segment contributes to a group in one pane. Its version is Totals.Reports.
type Partial struct {
	Key      string // telemetry.GroupKey of the grouping and values
	Grouping string
	Values   []string
	Omitted  telemetry.Parts // what Totals lacks
	Source   telemetry.Source
	Segment  telemetry.Segment
	Pane     time.Time // start
	Totals   *telemetry.Totals
}

// Apply keeps a batch of partials, the highest version of each. What comes for a
// pane that its source's watermark has passed is late: counted, not evaluated.
func (e *Evaluator) Apply(batch *telemetry.GroupBatch) {
	for i := range batch.Groups {
		came := &batch.Groups[i]
		partial := Partial{Key: telemetry.GroupKey(came.Grouping, came.Values), Grouping: came.Grouping, Values: came.Values, Omitted: came.Omitted,
			Source: batch.Source, Segment: batch.Segment}
		for j := range came.Partials {
			partial.Pane, partial.Totals = came.Partials[j].Pane, &came.Partials[j].Totals
			if !e.ApplyPartial(&partial) {
				break
			}
		}
	}
}

// ApplyPartial is Apply of one partial. It returns false where there is no room for the group.
func (e *Evaluator) ApplyPartial(came *Partial) bool {
	if !e.used[came.Grouping] { // of rules that were taken away, or that are not loaded here yet
		return true
	}
	mark, known := e.sources.watermarks[came.Source]
	closed := known && !mark.EventTime.Before(came.Pane.Add(e.config.Pane))
	if came.Pane.Before(e.oldestPane(came.Grouping)) {
		return e.applyOld(came, closed)
	}
	g := e.group(came)
	if g == nil {
		return false
	}
	start := came.Pane.Unix()
	if !closed && e.early[came.Grouping] != nil {
		e.note(g, came.Pane)
	}
	if came.Omitted != 0 {
		e.omits.note(came.Grouping, came.Omitted, start)
	}
	if known && !closed { // what comes late does not say since when all is known
		e.saw(came.Grouping, came.Pane, came.Segment)
	}
	if came.Pane.Before(e.evaluated) {
		g.changes++
	}
	e.stats.LateReports += g.panes.made(start).put(contribution{of: part{came.Source, came.Segment}, totals: came.Totals, omitted: came.Omitted, own: e.config.Settled}, closed)
	return true
}

// applyOld notes a partial of a pane that no rule reads any more: it is read again, or of a source that is behind.
func (e *Evaluator) applyOld(came *Partial, closed bool) bool {
	forgotten := came.Pane.Before(e.lookback(e.heard, e.kept[came.Grouping]))
	switch {
	case closed, forgotten && !e.readsAgain():
		e.stats.LateReports += came.Totals.Reports
		return true
	case forgotten: // it was in time before the restart, which reads what other groupings need
		return true
	}
	return e.group(came) != nil
}

// group returns the group of a partial, nil where there are too many.
func (e *Evaluator) group(came *Partial) *groupState {
	g := e.groups[came.Key]
	if g == nil {
		if len(e.groups) >= e.config.MaxGroups && !e.forgetRemembered() {
			e.stats.OverflowedGroups++
			return nil
		}
		g = &groupState{key: came.Key, grouping: came.Grouping, values: came.Values}
		e.groups[came.Key], e.inOrder = g, nil
	}
	g.last = max(g.last, came.Pane.Unix())
	return g
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// holds says whether the group was there before a time: one that came after has no part
// in an evaluation, or a topic that is new would be a topic that has fallen silent.
func (g *groupState) holds(at time.Time) bool {
	if len(g.panes) == 0 { // remembered for its absence
		return true
	}
	for _, p := range slices.Backward(g.panes) { // the newest are looked at anyway
		if p.start < at.Unix() && p.holds {
			return true
		}
	}
	return false
}

// stretchOf merges a group's panes in [from, to).
func (e *Evaluator) stretchOf(g *groupState, from, to time.Time, need telemetry.Parts) *stretch {
	out := &stretch{seconds: to.Sub(from).Seconds()}
	for at := from; at.Before(to); at = at.Add(e.config.Pane) {
		pane := g.panes.at(at.Unix())
		if pane == nil {
			out.paneTPS = append(out.paneTPS, 0)
			continue
		}
		totals := pane.total()
		out.paneTPS = append(out.paneTPS, float64(totals.Messages)/e.config.Pane.Seconds())
		read := needed(totals, need)
		out.totals.MergePanes(&read)
		if times, ok := skew(totals, telemetry.GaugePartitionRate); ok {
			out.skews = append(out.skews, times)
		}
		out.late += pane.late
		out.omitted |= pane.omitted
	}
	return out
}

// needed is t without the parts that nothing reads.
func needed(t *telemetry.Totals, need telemetry.Parts) telemetry.Totals {
	out := *t
	out.Drop(telemetry.AllParts &^ need)
	out.Events = nil
	return out
}

// prune forgets panes that no rule reads any more, and groups without panes and alerts, once
// every rule knew of them when it was evaluated: else a group may have gone unnoticed.
func (e *Evaluator) prune() {
	e.begins.prune(e.oldestPane, e.evaluated)
	e.omits.prune(e.oldestPane)
	e.remembered, e.longest = 0, 0
	alerting := e.groupsWithAlerts()
	for key, g := range e.groups {
		oldest := e.oldestPane(g.grouping)
		g.panes.forget(oldest.Unix())
		noticed := !g.unknown || g.last < oldest.Add(-absenceRetention).Unix()
		switch {
		case len(g.panes) > 0 || alerting[key]:
		case noticed:
			delete(e.groups, key)
			e.inOrder, g.row = nil, absentRow
			continue
		default:
			e.remembered++
		}
		e.longest = max(e.longest, e.kept[g.grouping])
	}
}

// forgetRemembered makes room by forgetting the groups that are remembered for their absence
// only. It returns false where there are none.
func (e *Evaluator) forgetRemembered() bool {
	before := len(e.groups)
	if e.remembered > 0 {
		alerting := e.groupsWithAlerts()
		maps.DeleteFunc(e.groups, func(key string, g *groupState) bool { return len(g.panes) == 0 && !alerting[key] })
	}
	e.remembered, e.inOrder = 0, nil
	return len(e.groups) < before
}
