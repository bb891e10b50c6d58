package rules

import (
	"slices"
	"sync"

	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/telemetry"
)

// compileFilter checks and compiles a filter of series; normal is its text without
// differences in spacing.
func compileFilter(s *substituted) (where func(*telemetry.Labels) bool, normal string, err error) {
	if s.tooLong != nil {
		return nil, "", expressionErrors{s.tooLong}
	}
	x := s.scan()
	tree, err := x.parse()
	if err != nil {
		return nil, "", x.syntax(err)
	}
	faults := slices.Concat(x.faults(), x.versions.faults, checkOps(&tree), x.checkShapes(tree))
	program, wrong := x.compile(LabelView{}, slices.Concat(telemetry.LabelNames, s.in.names()))
	if faults = append(faults, wrong...); len(faults) > 0 {
		return nil, "", faults.sorted()
	}
	filters := sync.Pool{New: newSeriesFilter} // sources ask at once
	return func(labels *telemetry.Labels) bool {
		filter := filters.Get().(*seriesFilter)
		defer filters.Put(filter)
		return filter.admits(program, labels) && (!x.versions.mixed || knownVersion(labels.SDKVersion))
	}, tree.String(), nil
}

// seriesFilter asks where expressions, one at a time. Each series is asked for each
// grouping when it is seen first: what a run needs is used again.
type seriesFilter struct {
	machine vm.VM
	labels  *telemetry.Labels
	label   func(name string) string // of labels
}

func newSeriesFilter() any {
	f := &seriesFilter{}
	f.label = func(name string) string { return f.labels.Get(name) }
	return f
}

func (f *seriesFilter) admits(program *vm.Program, labels *telemetry.Labels) bool {
	f.labels = labels
	admitted, err := f.machine.Run(program, newLabelView(labels, f.label))
	f.labels = nil
	return err == nil && admitted.(bool)
}
