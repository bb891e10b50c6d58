package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/rules/kernel"
	"github.com/weirmq/weir/telemetry"
)

// reach is a stretch of event time before an evaluation, in panes.
type reach struct{ back, panes int }

// shelf is what is added up of each group at once: a section over a reach, with the columns
// that are read from it.
type shelf struct {
	reach
	section section
	needs   sections
	span    *reachSpan
	columns []*column
	filled  []kernel.Rows // by block
}

// reachSpan is where a reach is at an evaluation.
type reachSpan struct {
	reach
	place int // among those of the columns
	stand stand
}

// column is one field of all groups.
type column struct {
	shelf  *shelf
	field  columnField
	blocks []*[kernel.BlockRows]float64
}

// labelColumn is where a condition on labels is true. Labels do not change, so that it is
// kept while the groups are the same.
type labelColumn struct {
	program *vm.Program
	filled  bool
	blocks  []kernel.Rows
}

// leaf is the column that the plan has by a number: one of the three.
type leaf struct {
	number *column
	labels *labelColumn
	policy *policyColumn
}

// columns holds the columns of one grouping's rules, filled as they are asked for.
type columns struct {
	pane    time.Duration
	seconds int64 // of a pane
	by      []string
	numbers map[string]*column
	labels  map[string]*labelColumn
	policy  map[string]*policyColumn
	shelves []*shelf
	spans   []*reachSpan
	leaves  []leaf // as the plan numbers them

	groups []*groupState
	at     time.Time
	e      *Evaluator
	adder  adder

	keeps   bool // what slides, from one evaluation to the next; else each is begun anew in scratch
	scratch slide
	slid    stretch
}

func newColumns(pane time.Duration, by []string) *columns {
	return &columns{pane: pane, seconds: int64(pane / time.Second), by: by, numbers: map[string]*column{}, labels: map[string]*labelColumn{}, policy: map[string]*policyColumn{}, adder: adder{pane: int64(pane / time.Second)}}
}

// panes is how many panes a span has, rounded up.
func (c *columns) panes(span time.Duration) int {
	return max(int((span+c.pane-1)/c.pane), 1)
}

func (c *columns) wholePanes(span time.Duration) time.Duration {
	return time.Duration(c.panes(span)) * c.pane
}

// add adds a column and returns its name.
func (c *columns) add(of reach, field string, as columnField) string {
	name := fmt.Sprintf("%s over %d panes %d ago", field, of.panes, of.back)
	if c.numbers[name] != nil {
		return name
	}
	at := slices.IndexFunc(c.shelves, func(s *shelf) bool { return s.reach == of && s.section == as.section })
	if at < 0 {
		at = len(c.shelves)
		c.shelves = append(c.shelves, &shelf{reach: of, section: as.section, needs: as.section.needs(), span: c.span(of)})
	}
	added := &column{shelf: c.shelves[at], field: as}
	c.shelves[at].columns = append(c.shelves[at].columns, added)
	c.numbers[name] = added
	return name
}

func (c *columns) span(of reach) *reachSpan {
	at := slices.IndexFunc(c.spans, func(s *reachSpan) bool { return s.reach == of })
	if at < 0 {
		at = len(c.spans)
		c.spans = append(c.spans, &reachSpan{reach: of, place: at})
	}
	return c.spans[at]
}

func (c *columns) addLabels(text string, program *vm.Program) {
	if c.labels[text] == nil {
		c.labels[text] = &labelColumn{program: program}
	}
}

// addPolicy adds a column of the policy and returns its name.
func (c *columns) addPolicy(name string, of *policyColumn) string {
	if c.policy[name] == nil {
		c.policy[name] = of
	}
	return name
}

// bind takes the names of the plan's leaves, when all have been added.
func (c *columns) bind(names []string) {
	for _, name := range names {
		c.leaves = append(c.leaves, leaf{c.numbers[name], c.labels[name], c.policy[name]})
	}
}

// begin takes the groups, in the order of rows, of an evaluation at a time.
func (c *columns) begin(e *Evaluator, groups []*groupState, at time.Time) {
	if !slices.Equal(c.groups, groups) {
		c.groups = append(c.groups[:0], groups...)
		for _, of := range c.labels {
			of.filled = false
		}
		for _, of := range c.policy {
			of.filled = false
		}
	}
	c.e, c.at = e, at
	var oldest int64
	if len(groups) > 0 { // all are of one grouping
		oldest = e.oldestPane(groups[0].grouping).Unix()
	}
	for _, s := range c.spans {
		s.stand.to = at.Add(-time.Duration(s.back) * c.pane).Unix()
		s.stand.from = s.stand.to - int64(time.Duration(s.panes)*c.pane/time.Second)
		s.stand.oldest = oldest
	}
	blocks := (len(groups) + kernel.BlockRows - 1) / kernel.BlockRows
	for _, s := range c.shelves {
		s.filled = slices.Grow(s.filled[:0], blocks)[:blocks]
		clear(s.filled)
	}
	for _, of := range c.numbers {
		for len(of.blocks) < blocks {
			of.blocks = append(of.blocks, new([kernel.BlockRows]float64))
		}
	}
}

// Numbers fills the rows that were not read yet; kernel.Columns says how.
func (c *columns) Numbers(leaf, block int, rows *kernel.Rows) *[kernel.BlockRows]float64 {
	if of := c.leaves[leaf].policy; of != nil {
		if !of.filled {
			of.fill(c.e.set.Policy, c.groups)
		}
		return of.blocks[block]
	}
	of := c.leaves[leaf].number
	filled := &of.shelf.filled[block]
	rows.Each(func(row int) {
		if !filled.Has(row) {
			c.fill(of.shelf, block, row)
			filled.Add(row)
		}
	})
	return of.blocks[block]
}

// fill adds up what a shelf needs of one group, for all its columns.
func (c *columns) fill(of *shelf, block, row int) {
	g := c.groups[block*kernel.BlockRows+row]
	if of.section == sectionDeparted {
		from, to := of.span.stand.times()
		before := c.e.stretchOf(g, from.Add(from.Sub(to)), from, telemetry.PartDistincts)
		here := c.e.stretchOf(g, from, to, telemetry.PartDistincts)
		of.columns[0].blocks[block][row] = departed(&before.totals, &here.totals)
		return
	}
	s := c.sum(of, g)
	for _, each := range of.columns {
		if version := each.field.against; version != nil {
			each.blocks[block][row] = version.read(s, c.e.set.Policy.version(version.minimum.of(g.values)))
			continue
		}
		each.blocks[block][row] = each.field.read(s)
	}
}

// sum is what a section adds up to over its span of a group, until the next one is asked for.
func (c *columns) sum(of *shelf, g *groupState) *stretch {
	if !of.section.slides() {
		return c.adder.add(g, &of.span.stand)
	}
	kept := &c.scratch
	if c.keeps {
		if len(g.slides) == 0 {
			g.slides = make([]slide, len(c.spans))
		}
		kept = &g.slides[of.span.place]
	} else {
		kept.from, kept.to = 0, 0
	}
	s := slider{kept, g, c.seconds}
	s.stand(of.span.stand, of.needs)
	s.show(of.section, &c.slid)
	return &c.slid
}

// Flags returns where a condition on labels is true; kernel.Columns says how.
func (c *columns) Flags(leaf, block int, _ *kernel.Rows) *kernel.Rows {
	of := c.leaves[leaf].labels
	if !of.filled {
		c.fillLabels(of)
	}
	return &of.blocks[block]
}

func (c *columns) fillLabels(of *labelColumn) {
	of.filled = true
	of.blocks = make([]kernel.Rows, (len(c.groups)+kernel.BlockRows-1)/kernel.BlockRows)
	var view View
	for i, g := range c.groups {
		view.setLabels(c.by, g.values)
		if out, err := expr.Run(of.program, view); err == nil && out.(bool) {
			of.blocks[i/kernel.BlockRows].Add(i % kernel.BlockRows)
		}
	}
}
