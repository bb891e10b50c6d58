package backtest

import (
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// fold adds cells up to groups, as the aggregate stage does.
type fold struct {
	groupings []telemetry.Grouping
	owned     func(key string) (partition int32, owned bool) // groups by their key
	series    [][]*group                                     // by number: the groups of each series
	identity  []telemetry.Totals                             // by number: the lists of a group of this one series
	groups    map[string]*group
	numbers   map[telemetry.Source]int32 // of one topic, however many the store has seen
	touched   []*group                   // of the pane
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

// ownSource is the source that gives the time where the store has no cell yet.
const ownSource = 0

func newFold(groupings []telemetry.Grouping, owned func(key string) (partition int32, owned bool)) *fold {
	return &fold{groupings: groupings, owned: owned, groups: map[string]*group{}, numbers: map[telemetry.Source]int32{}}
}

// sources is how many are known; they are numbered from ownSource on.
func (f *fold) sources() int32 { return ownSource + 1 + int32(len(f.numbers)) }

func (f *fold) takeSources(cells []telemetry.StoredCell) {
	for i := range cells {
		if _, ok := f.numbers[cells[i].Source]; !ok {
			f.numbers[cells[i].Source] = f.sources()
		}
	}
}

// take adds up the cells of one pane, and calls emit with each group's contributions and partition. Nobody writes to their
// totals any more; they share memory with the cells.
func (f *fold) take(pane time.Time, cells []telemetry.StoredCell, labels []*telemetry.Labels, emit func(int32, *rules.Partial)) {
	contributions := 0
	for i := range cells {
		cell := &cells[i]
		for _, g := range f.groupsOf(cell.Series, labels) {
			if g.used == 0 {
				f.touched = append(f.touched, g)
			}
			part, begun := g.part(f.numbers[cell.Source], cell.Segment)
			if begun {
				contributions++
			}
			part.join(g.grouping.Omit, labels, cell)
		}
	}
	totals := make([]telemetry.Totals, contributions) // that are forgotten at once
	for _, g := range f.touched {
		for i := range g.parts[:g.used] {
			part := &g.parts[i]
			f.sum(part, g.grouping.Omit, labels, &totals[0])
			emit(g.partition, &rules.Partial{Key: g.key, Grouping: g.grouping.ID, Values: g.values, Omitted: g.grouping.Omit,
				Source: telemetry.Source{Partition: part.source}, Segment: part.segment, Pane: pane, Totals: &totals[0]})
			totals = totals[1:]
		}
		g.used = 0
	}
	f.touched = f.touched[:0]
}

// groupsOf are the groups of a series; it is grouped once.
func (f *fold) groupsOf(series uint32, labels []*telemetry.Labels) []*group {
	for int(series) >= len(f.series) {
		of := labels[len(f.series)]
		f.series = append(f.series, f.grouped(of))
		var who telemetry.Totals
		who.JoinIdentity(of)
		f.identity = append(f.identity, who)
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

// part is what a source's segment contributes, and whether it is new in the pane.
func (g *group) part(source int32, segment telemetry.Segment) (part *groupPart, begun bool) {
	for i := range g.parts[:g.used] {
		if p := &g.parts[i]; p.source == source && p.segment == segment {
			return p, false
		}
	}
	if g.used == len(g.parts) {
		g.parts = append(g.parts, groupPart{})
	}
	p := &g.parts[g.used]
	p.source, p.segment = source, segment
	g.used++
	return p, true
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

// sum says what the part adds up to, and empties it. Of one series alone it shares the lists, which say nothing of how many
// messages a version has: no rule reads that.
func (f *fold) sum(p *groupPart, omit telemetry.Parts, labels []*telemetry.Labels, out *telemetry.Totals) {
	if p.first == nil {
		if p.clients != nil {
			p.totals.OverflowedClients = uint64(len(p.clients) - len(p.totals.Clients))
		}
		*out = p.totals.Clone()
		p.totals.Reset()
		p.clients = nil
		return
	}
	series := p.first.Series
	*out = p.first.Totals
	out.Drop(omit &^ telemetry.PartDistincts)
	if !omit.Has(telemetry.PartDistincts) {
		who := &f.identity[series]
		out.Clients, out.Nodes, out.Versions = who.Clients, who.Nodes, who.Versions
		out.JoinStopped(labels[series].Client, out.Events)
	}
	p.first = nil
}
