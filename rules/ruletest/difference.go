package ruletest

import (
	"slices"

	"github.com/google/go-cmp/cmp"
)

// contextLines stay around what differs. Not fewer: one says where it is; not more: what differs is to be seen at once.
const contextLines = 2

// compareLines lists two texts line by line, with - before those of the first and + before those of the second; of what both
// have, only what is near to these.
func compareLines(want, got []string) (lines []string, differ bool) {
	if slices.Equal(want, got) {
		return nil, false
	}
	r := &lineReporter{}
	cmp.Equal(append([]string{}, want...), append([]string{}, got...), cmp.Reporter(r)) // neither nil, which is not compared by line
	r.turn()
	return r.near(), true
}

// lineReporter collects what cmp says of two lists of lines.
type lineReporter struct {
	path           cmp.Path
	removed, added []string // that stand at one place
	lines          []string
}

// PushStep goes into a value, as cmp.Reporter asks.
func (r *lineReporter) PushStep(step cmp.PathStep) { r.path = append(r.path, step) }

// PopStep leaves it.
func (r *lineReporter) PopStep() { r.path = r.path[:len(r.path)-1] }

// Report takes one line of both lists, or of one.
func (r *lineReporter) Report(result cmp.Result) {
	index, ok := r.path.Last().(cmp.SliceIndex)
	if !ok {
		return
	}
	want, got := index.Values()
	wantAt, gotAt := index.SplitKeys()
	if result.Equal() {
		r.turn()
		r.lines = append(r.lines, "  "+want.String())
		return
	}
	if wantAt >= 0 {
		r.removed = append(r.removed, "- "+want.String())
	}
	if gotAt >= 0 {
		r.added = append(r.added, "+ "+got.String())
	}
}

// turn writes what differs at one place: first what is gone.
func (r *lineReporter) turn() {
	r.lines = append(append(r.lines, r.removed...), r.added...)
	r.removed, r.added = nil, nil
}

// near leaves out what is far from any difference.
func (r *lineReporter) near() []string {
	var out []string
	left := 0
	for at, line := range r.lines {
		around := r.lines[max(0, at-contextLines):min(len(r.lines), at+contextLines+1)]
		if !slices.ContainsFunc(around, func(l string) bool { return l[0] != ' ' }) {
			left++
			continue
		}
		if left > 0 {
			out = append(out, "  …")
			left = 0
		}
		out = append(out, line)
	}
	if left > 0 {
		out = append(out, "  …")
	}
	return out
}
