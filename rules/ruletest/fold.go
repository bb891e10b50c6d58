package ruletest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// fold adds reports up as the aggregate stage does: to cells of a series in a pane, by source and segment, and these to
// groups. A report is in the segment of the minute in which it comes.
type fold struct {
	pane    time.Duration
	series  map[string]*series
	known   map[*telemetry.Labels]*series // those of lines, which stay where they are
	panes   map[cellPane]*cells
	changed map[cellPane]map[*series]bool // since the last flush
	minutes map[int32]int64               // highest of each source, since 1970
	block   uint64                        // rises where segments are cut
}

// cellPane is a pane of one segment of one source.
type cellPane struct {
	source  int32
	segment telemetry.Segment
	unix    int64
}

// cells are those of all series in one pane.
type cells struct {
	order  []*series
	totals map[*series]*telemetry.Totals
}

// series are labels, with the groups that they belong to.
type series struct {
	labels telemetry.Labels
	groups map[string][]string // values by grouping; nil where the grouping does not admit the series
}

func newFold(pane time.Duration) *fold {
	return &fold{pane: pane, series: map[string]*series{}, known: map[*telemetry.Labels]*series{}, panes: map[cellPane]*cells{}, changed: map[cellPane]map[*series]bool{}, minutes: map[int32]int64{}}
}

// came says that a source has come to a time: what it brings next comes then, whenever it was measured.
func (f *fold) came(source int32, at time.Time) {
	f.minutes[source] = max(f.minutes[source], at.Unix()/60)
}

// add folds one report in.
func (f *fold) add(source int32, labels *telemetry.Labels, report *telemetry.Report) {
	start := time.UnixMilli(report.StartUnixMillis)
	f.came(source, start)
	at := cellPane{source, telemetry.Segment{Block: f.block, MinuteUnix: f.minutes[source]}, start.Truncate(f.pane).Unix()}
	in := f.panes[at]
	if in == nil {
		in = &cells{totals: map[*series]*telemetry.Totals{}}
		f.panes[at] = in
	}
	of := f.seriesOf(labels)
	totals := in.totals[of]
	if totals == nil {
		totals = &telemetry.Totals{}
		in.totals[of], in.order = totals, append(in.order, of)
	}
	totals.AddReport(report)
	if f.changed[at] == nil {
		f.changed[at] = map[*series]bool{}
	}
	f.changed[at][of] = true
}

func (f *fold) seriesOf(labels *telemetry.Labels) *series {
	if of := f.known[labels]; of != nil {
		return of
	}
	names, values := telemetry.LabelNames, make([]string, 0, len(telemetry.LabelNames)+2*len(labels.Extra))
	for i := range names {
		values = append(values, *labels.FieldAt(i))
	}
	for _, extra := range labels.Extra {
		values = append(values, extra.Name, extra.Value)
	}
	key := telemetry.GroupKey("", values)
	if f.series[key] == nil {
		f.series[key] = &series{labels: labels.Clone(), groups: map[string][]string{}}
	}
	f.known[labels] = f.series[key]
	return f.series[key]
}

// cutSegments begins new segments: what is folded in next is added to no cell from before.
func (f *fold) cutSegments() { f.block++ }

// flush returns what changed since the last flush as batches for the rules, by pane and source.
func (f *fold) flush(groupings []telemetry.Grouping) []*telemetry.GroupBatch {
	var out []*telemetry.GroupBatch
	order := slices.SortedFunc(maps.Keys(f.changed), func(a, b cellPane) int {
		return cmp.Or(cmp.Compare(a.unix, b.unix), cmp.Compare(a.source, b.source), cmp.Compare(a.segment.Block, b.segment.Block),
			cmp.Compare(a.segment.MinuteUnix, b.segment.MinuteUnix))
	})
	for _, at := range order {
		batch := &telemetry.GroupBatch{Source: sourceOf(at.source), Segment: at.segment}
		for i := range groupings {
			batch.Groups = append(batch.Groups, f.panes[at].groups(&groupings[i], f.changed[at], time.Unix(at.unix, 0).UTC())...)
		}
		out = append(out, batch)
	}
	clear(f.changed)
	return out
}

// groups joins the series of each group that has one which changed.
func (c *cells) groups(grouping *telemetry.Grouping, changed map[*series]bool, pane time.Time) []telemetry.GroupPartials {
	place, grown := map[string]int{}, map[string]bool{}
	var out []telemetry.GroupPartials
	for _, of := range c.order {
		values, known := of.groups[grouping.ID]
		if !known {
			if admitted, ok := grouping.Values(&of.labels); ok {
				values = admitted
			}
			of.groups[grouping.ID] = values
		}
		if values == nil {
			continue
		}
		key := telemetry.GroupKey(grouping.ID, values)
		at, ok := place[key]
		if !ok {
			at = len(out)
			place[key] = at
			out = append(out, telemetry.GroupPartials{Grouping: grouping.ID, Values: values, Omitted: grouping.Omit,
				Partials: []telemetry.GroupPartial{{Pane: pane}}})
		}
		out[at].Partials[0].Totals.JoinSeries(&of.labels, c.totals[of])
		grown[key] = grown[key] || changed[of]
	}
	out = slices.DeleteFunc(out, func(g telemetry.GroupPartials) bool { return !grown[telemetry.GroupKey(g.Grouping, g.Values)] })
	for i := range out {
		out[i].Partials[0].Totals.Drop(grouping.Omit) // as the aggregate stage leaves it out
	}
	return out
}

// sourceOf is a partition of the topic that all cases have.
func sourceOf(partition int32) telemetry.Source {
	return telemetry.Source{TopicID: [16]byte{1}, Partition: partition}
}
