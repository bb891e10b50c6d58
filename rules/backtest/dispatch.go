package backtest

import (
	"slices"
	"sort"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// dispatch looks at each cell once for all workers: what it is of, and who needs it.
type dispatch struct {
	plan      Plan
	groupings []telemetry.Grouping
	workers   int
	series    []seriesRoute              // by number
	numbers   map[telemetry.Source]int32 // of one topic, however many the store has seen
	started   bool
	clock     time.Time // as the aggregator's was: not before any segment that was seen
}

// seriesRoute says who a series is, as a group of it alone lists it, and which workers have groups of it.
type seriesRoute struct {
	who     telemetry.Totals
	workers []int
}

// batch is what a worker gets at once: some panes.
type batch struct {
	panes  []paneCells
	labels []*telemetry.Labels // by number of series
}

// paneCells is what a worker gets of one pane.
type paneCells struct {
	start          time.Time
	clock          time.Time // the aggregator's, when it has come
	known, sources int32     // before and after it; they are numbered from ownSource on
	cells          []sentCell
}

type sentCell struct {
	*telemetry.StoredCell
	source int32
}

// ownSource is the source that gives the time where the store has no cell yet.
const ownSource = 0

// split makes the batches of all workers. A store without cells from before the range is a pipeline that starts with its first ones.
func (d *dispatch) split(cells *telemetry.StoredCells) []batch {
	out := make([]batch, d.workers)
	for i := range out {
		out[i].labels = cells.Labels
	}
	for _, labels := range cells.Labels[len(d.series):] {
		d.series = append(d.series, d.route(labels))
	}
	rest := cells.Cells
	for at := cells.From; at.Before(cells.To); at = at.Add(d.plan.Pane) {
		n := sort.Search(len(rest), func(i int) bool { return rest[i].PaneUnix > at.Unix() })
		if d.started || d.plan.Begun || n > 0 {
			d.splitPane(out, at, rest[:n], cells.Labels)
		}
		rest = rest[n:]
	}
	return out
}

func (d *dispatch) route(labels *telemetry.Labels) (out seriesRoute) {
	out.who.JoinIdentity(labels)
	for i := range d.groupings {
		values, ok := d.groupings[i].Values(labels)
		if !ok {
			continue
		}
		worker := int(telemetry.GroupPartition(telemetry.GroupKey(d.groupings[i].ID, values), d.plan.Partitions)) % d.workers
		if !slices.Contains(out.workers, worker) {
			out.workers = append(out.workers, worker)
		}
	}
	return out
}

// sources is how many are known.
func (d *dispatch) sources() int32 { return ownSource + 1 + int32(len(d.numbers)) }

func (d *dispatch) splitPane(out []batch, start time.Time, cells []telemetry.StoredCell, labels []*telemetry.Labels) {
	p := paneCells{start: start}
	if d.started {
		p.known = d.sources()
	}
	d.started, d.clock = true, later(d.clock, start)
	sent := make([][]sentCell, d.workers)
	for i := range sent {
		sent[i] = make([]sentCell, 0, len(cells)/d.workers+len(cells)/8)
	}
	for i := range cells {
		cell := &cells[i]
		d.clock = later(d.clock, cell.Segment.Begin())
		source, known := d.numbers[cell.Source]
		if !known {
			source = d.sources()
			d.numbers[cell.Source] = source
		}
		route := &d.series[cell.Series]
		route.identify(cell, labels[cell.Series].Client)
		for _, worker := range route.workers {
			sent[worker] = append(sent[worker], sentCell{cell, source})
		}
	}
	p.clock, p.sources = d.clock, d.sources()
	d.clock = later(d.clock, start.Add(d.plan.Pane))
	for i := range out {
		p.cells = sent[i]
		out[i].panes = append(out[i].panes, p)
	}
}

// identify lists in a cell who it is of, but for how many messages a version has, which no rule reads: in most panes a client's
// group has one cell, and takes its totals as they are.
func (s *seriesRoute) identify(cell *telemetry.StoredCell, client string) {
	t := &cell.Totals
	t.Clients, t.Nodes, t.Versions = s.who.Clients, s.who.Nodes, s.who.Versions
	t.JoinStopped(client, t.Events)
}
