package rules

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// groupState is what is known of one group: its panes by their start in Unix seconds.
type groupState struct {
	key      string
	grouping string
	values   []string
	panes    map[int64]*paneState
	last     int64 // start of the newest pane that there was, in Unix seconds
	unknown  bool  // to some rule, at the newest evaluation
}

// paneState holds, for every source and segment, the partial of the highest version.
type paneState struct {
	parts   map[part]contribution
	merged  *telemetry.Totals // of all parts; nil after a change
	omitted telemetry.Parts   // by some part of merged
	late    uint64            // reports that came after the source's watermark
}

// contribution is what a part holds in its highest version, and what that lacks.
type contribution struct {
	totals  *telemetry.Totals // nil where all of it came late
	omitted telemetry.Parts
	late    uint64 // reports that came late, of the highest version that did
}

type part struct {
	source  telemetry.Source
	segment telemetry.Segment
}

// compare orders the segments of a source by their place in it.
func (p part) compare(o part) int {
	return cmp.Or(bytes.Compare(p.source.TopicID[:], o.source.TopicID[:]), cmp.Compare(p.source.Partition, o.source.Partition),
		cmp.Compare(p.segment.Block, o.segment.Block), cmp.Compare(p.segment.MinuteUnix, o.segment.MinuteUnix))
}

// put keeps the higher version, of equal ones the one that lacks less, and says by how
// many reports a closed pane grew.
func (p *paneState) put(of part, came contribution, closed bool) (late uint64) {
	old := p.parts[of]
	var known uint64
	if old.totals != nil {
		known = old.totals.Reports
	}
	lacksLess := came.omitted != old.omitted && !came.omitted.Has(^old.omitted)
	if came.totals.Reports < known || came.totals.Reports == known && !lacksLess {
		return 0
	}
	if grown := came.totals.Reports - known; closed && grown > 0 {
		late = grown - min(grown, old.late)
		old.late += late
		p.late += late
		p.parts[of] = old
		return late
	}
	kept := came.totals.Clone() // not the memory of the whole batch
	p.parts[of] = contribution{&kept, came.omitted, old.late}
	p.merged = nil
	return 0
}

// total merges all parts. Sources see different series, so their gauges add up. The
// segments of one source see the same series again where a pane spans the minute at
// which a segment ends: of each gauge one of them counts.
func (p *paneState) total() *telemetry.Totals {
	if p.merged != nil {
		return p.merged
	}
	bySource := map[telemetry.Source]*telemetry.Totals{}
	p.omitted = 0
	for _, of := range slices.SortedFunc(maps.Keys(p.parts), part.compare) {
		source := bySource[of.source]
		if source == nil {
			source = &telemetry.Totals{}
			bySource[of.source] = source
		}
		if p.parts[of].totals == nil {
			continue
		}
		next := *p.parts[of].totals
		p.omitted |= p.parts[of].omitted
		gauges := fullerGauges(source.Gauges, next.Gauges)
		next.Gauges = nil
		source.MergeSources(&next)
		source.Gauges = gauges
	}
	p.merged = &telemetry.Totals{}
	for _, source := range bySource {
		p.merged.MergeSources(source)
	}
	return p.merged
}

// fullerGauges takes of each gauge the later segment's, unless it has heard of fewer
// series yet: then the earlier one's, which is older by seconds but whole.
func fullerGauges(earlier, later []telemetry.GaugeValue) []telemetry.GaugeValue {
	out := slices.Clone(earlier)
	for _, gauge := range later {
		at, found := slices.BinarySearchFunc(out, gauge.Name, func(g telemetry.GaugeValue, name string) int { return strings.Compare(g.Name, name) })
		switch {
		case !found:
			out = slices.Insert(out, at, gauge)
		case gauge.Series >= out[at].Series:
			out[at] = gauge
		}
	}
	return out
}

// Apply keeps a batch of partials, the highest version of each. What comes for a
// pane that its source's watermark has passed is late: counted, not evaluated.
func (e *Evaluator) Apply(batch *telemetry.GroupBatch) {
	oldest := e.oldestPane()
	for i := range batch.Groups {
		e.applyGroup(part{batch.Source, batch.Segment}, &batch.Groups[i], oldest)
	}
}

func (e *Evaluator) applyGroup(of part, came *telemetry.GroupPartials, oldest time.Time) {
	for i := range came.Partials {
		partial := &came.Partials[i]
		closed := e.sources.passed(of.source, partial.Pane.Add(e.config.Pane))
		if partial.Pane.Before(oldest) {
			if closed || partial.Pane.Before(e.OldestNeeded()) {
				e.stats.LateReports += partial.Totals.Reports
			} else if e.group(came, partial.Pane) == nil { // read again, or of a source that is behind
				return
			}
			continue
		}
		g := e.group(came, partial.Pane)
		if g == nil {
			return
		}
		start := partial.Pane.Unix()
		pane := g.panes[start]
		if pane == nil {
			pane = &paneState{parts: map[part]contribution{}}
			g.panes[start] = pane
		}
		if !closed && e.sources.knows(of.source) { // what comes late does not say since when all is known
			e.began(came.Grouping, partial.Pane, of.segment)
		}
		e.stats.LateReports += pane.put(of, contribution{totals: &partial.Totals, omitted: came.Omitted}, closed)
	}
}

// group returns the group that has a pane, nil where there are too many.
func (e *Evaluator) group(came *telemetry.GroupPartials, pane time.Time) *groupState {
	key := telemetry.GroupKey(came.Grouping, came.Values)
	g := e.groups[key]
	if g == nil {
		if len(e.groups) >= e.config.MaxGroups {
			e.stats.OverflowedGroups++
			return nil
		}
		g = &groupState{key: key, grouping: came.Grouping, values: came.Values, panes: map[int64]*paneState{}}
		e.groups[key] = g
	}
	g.last = max(g.last, pane.Unix())
	return g
}

// began notes since when all of a grouping was seen, until the first evaluation after it:
// what was before is unknown. A grouping that a reload brings is computed from the
// segments that are open then, so that of panes from before these a part is missing;
// where the broker's clock is ahead, the aggregator's says what is now.
func (e *Evaluator) began(grouping string, pane time.Time, segment telemetry.Segment) {
	from := later(pane, segment.Begin())
	if now := e.sources.newest.At; from.After(now) {
		from = later(pane, now)
	}
	if at, ok := e.begins[grouping]; !ok || from.Before(at) && at.After(e.evaluated) {
		e.begins[grouping] = from
	}
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
	for start, pane := range g.panes {
		if start < at.Unix() && len(pane.parts) > 0 {
			return true
		}
	}
	return false
}

// stretchOf merges a group's panes in [from, to).
func (e *Evaluator) stretchOf(g *groupState, from, to time.Time, need telemetry.Parts) *stretch {
	out := &stretch{seconds: to.Sub(from).Seconds()}
	for at := from; at.Before(to); at = at.Add(e.config.Pane) {
		pane := g.panes[at.Unix()]
		if pane == nil {
			out.paneTPS = append(out.paneTPS, 0)
			continue
		}
		totals := pane.total()
		out.paneTPS = append(out.paneTPS, float64(totals.Messages)/e.config.Pane.Seconds())
		read := needed(totals, need)
		out.totals.MergePanes(&read)
		out.late += pane.late
		out.omitted |= pane.omitted
	}
	return out
}

// needed is t without the parts that nothing reads.
func needed(t *telemetry.Totals, need telemetry.Parts) telemetry.Totals {
	out := *t
	if !need.Has(telemetry.PartLatency) {
		out.LatencyMicros = telemetry.Histogram{}
	}
	if !need.Has(telemetry.PartDelay) {
		out.DelayMicros = telemetry.Histogram{}
	}
	if !need.Has(telemetry.PartSize) {
		out.SizeBytes = telemetry.Histogram{}
	}
	if !need.Has(telemetry.PartHeartbeat) {
		out.HeartbeatMicros = telemetry.Histogram{}
	}
	if !need.Has(telemetry.PartDistincts) {
		out.Clients, out.Nodes, out.Versions, out.StoppedClients = nil, nil, nil, nil
	}
	out.Events = nil
	return out
}

// prune forgets panes that no rule reads any more, and groups without panes and alerts, once
// every rule knew of them when it was evaluated: else a group may have gone unnoticed.
func (e *Evaluator) prune() {
	oldest, remembered := e.oldestPane(), e.lookback(e.evaluated.Add(-absenceRetention)).Unix()
	for grouping, at := range e.begins { // a reload may bring a rule that looks further back
		e.begins[grouping] = later(at, oldest)
	}
	for key, g := range e.groups {
		for start := range g.panes {
			if time.Unix(start, 0).Before(oldest) {
				delete(g.panes, start)
			}
		}
		noticed := !g.unknown || g.last < remembered
		if len(g.panes) == 0 && noticed && !e.hasAlerts(g) {
			delete(e.groups, key)
		}
	}
}
