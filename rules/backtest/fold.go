package backtest

import (
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// fold adds cells up to groups, as the aggregate stage does.
type fold struct {
	groupings []telemetry.Grouping
	owned     func(key string) (partition int32, owned bool) // groups by their key
	series    [][]*group                                     // by number: the groups of each series
	groups    map[string]*group
	touched   []*group // of the pane
}

// group is a group with what sources and segments contributed in one pane.
type group struct {
	grouping  *telemetry.Grouping
	key       string
	partition int32
	values    []string
	parts     []groupPart // the first used ones are of this pane
	used      int
}

type groupPart struct {
	source  int32
	segment telemetry.Segment
	first   *telemetry.StoredCell // the only one so far, nil once there are more
	totals  telemetry.Totals      // of all cells, once there are more than first
	clients map[string]bool       // all of them, once there are more than are listed
}

func newFold(groupings []telemetry.Grouping, owned func(key string) (partition int32, owned bool)) *fold {
	return &fold{groupings: groupings, owned: owned, groups: map[string]*group{}}
}

// take adds up the cells of one pane, and calls emit with each group's contributions and partition. Nobody writes to their
// totals any more; they share memory with the cells.
func (f *fold) take(p *paneCells, labels []*telemetry.Labels, emit func(int32, *rules.Partial)) {
	for _, cell := range p.cells {
		for _, g := range f.groupsOf(cell.Series, labels) {
			if g.used == 0 {
				f.touched = append(f.touched, g)
			}
			g.part(cell.source, cell.Segment).join(g.grouping.Omit, labels, cell.StoredCell)
		}
	}
	for _, g := range f.touched {
		partial := rules.Partial{Key: g.key, Grouping: g.grouping.ID, Values: g.values, Omitted: g.grouping.Omit, Pane: p.start}
		for i := range g.parts[:g.used] {
			part := &g.parts[i]
			partial.Source, partial.Segment, partial.Totals = telemetry.Source{Partition: part.source}, part.segment, part.sum()
			emit(g.partition, &partial)
		}
		g.used = 0
	}
	f.touched = f.touched[:0]
}

// groupsOf are the groups of a series; it is grouped once.
func (f *fold) groupsOf(series uint32, labels []*telemetry.Labels) []*group {
	for int(series) >= len(f.series) {
		f.series = append(f.series, f.grouped(labels[len(f.series)]))
	}
	return f.series[series]
}

func (f *fold) grouped(labels *telemetry.Labels) []*group {
	var out []*group
	for i := range f.groupings {
		grouping := &f.groupings[i]
		values, ok := grouping.Values(labels)
		if !ok {
			continue
		}
		key := telemetry.GroupKey(grouping.ID, values)
		partition, owned := f.owned(key)
		if !owned {
			continue
		}
		g := f.groups[key]
		if g == nil {
			g = &group{grouping: grouping, key: key, partition: partition, values: values}
			f.groups[key] = g
		}
		out = append(out, g)
	}
	return out
}

// part is what a source's segment contributes.
func (g *group) part(source int32, segment telemetry.Segment) *groupPart {
	for i := range g.parts[:g.used] {
		if p := &g.parts[i]; p.source == source && p.segment == segment {
			return p
		}
	}
	if g.used == len(g.parts) {
		g.parts = append(g.parts, groupPart{})
	}
	p := &g.parts[g.used]
	p.source, p.segment = source, segment
	g.used++
	return p
}

// join adds a cell. The first is only kept: in most panes a client has one.
func (p *groupPart) join(omit telemetry.Parts, labels []*telemetry.Labels, cell *telemetry.StoredCell) {
	if p.first == nil && p.totals.Reports == 0 {
		p.first = cell
		return
	}
	if p.first != nil {
		p.add(omit, labels[p.first.Series], &p.first.Totals)
		p.first = nil
	}
	p.add(omit, labels[cell.Series], &cell.Totals)
}

// add adds a series' cell without what no rule reads.
func (p *groupPart) add(omit telemetry.Parts, labels *telemetry.Labels, cell *telemetry.Totals) {
	read := *cell
	read.Drop(omit &^ telemetry.PartDistincts)
	if omit.Has(telemetry.PartDistincts) {
		p.totals.JoinCounters(&telemetry.Labels{}, &read)
		p.totals.JoinGauges(&read)
		return
	}
	p.totals.JoinSeries(labels, &read)
	if p.clients == nil && len(p.totals.Clients) == telemetry.MaxListedClients {
		p.clients = map[string]bool{}
		for _, client := range p.totals.Clients {
			p.clients[client] = true
		}
	}
	if p.clients != nil && labels.Client != "" {
		p.clients[labels.Client] = true
	}
}

// sum is what the part adds up to, and empties it. Of one cell it is the cell's totals, with what no rule reads.
func (p *groupPart) sum() *telemetry.Totals {
	if p.first != nil {
		out := &p.first.Totals
		p.first = nil
		return out
	}
	if p.clients != nil {
		p.totals.OverflowedClients = uint64(len(p.clients) - len(p.totals.Clients))
	}
	out := p.totals.Clone()
	p.totals.Reset()
	p.clients = nil
	return &out
}
