package rules

import (
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// rosters are who was there in the panes of a stretch. In most panes they are those of the pane before.
type rosters struct {
	runs  []rosterRun
	union *telemetry.Totals // of the runs, nil where it is to be made
}

// rosterRun is panes on end that have the same clients, nodes and versions.
type rosterRun struct {
	of    *telemetry.Totals
	panes int
}

func (r *rosters) come(t *telemetry.Totals) {
	if n := len(r.runs); n > 0 && sameRoster(r.runs[n-1].of, t) {
		r.runs[n-1].panes++
		return
	}
	r.runs = append(r.runs, rosterRun{t, 1})
	r.union = nil
}

func (r *rosters) leave() {
	if r.runs[0].panes--; r.runs[0].panes == 0 {
		r.runs = slices.Delete(r.runs, 0, 1)
		r.union = nil
	}
}

func (r *rosters) clear() {
	clear(r.runs)
	r.runs, r.union = r.runs[:0], nil
}

// together are all who were there, for reading.
func (r *rosters) together() *telemetry.Totals {
	if len(r.runs) == 1 {
		return r.runs[0].of
	}
	if r.union == nil {
		r.union = &telemetry.Totals{}
		for _, run := range r.runs {
			r.union.MergeDistincts(run.of)
		}
	}
	return r.union
}

func sameRoster(a, b *telemetry.Totals) bool {
	return a.OverflowedClients == b.OverflowedClients && sameList(a.Clients, b.Clients) && sameList(a.Nodes, b.Nodes) &&
		sameVersions(a.Versions, b.Versions)
}

func sameVersions(a, b []telemetry.VersionTotals) bool {
	if len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] {
		return true
	}
	return slices.EqualFunc(a, b, func(a, b telemetry.VersionTotals) bool {
		return a.SDKLang == b.SDKLang && a.SDKVersion == b.SDKVersion && sameList(a.Clients, b.Clients)
	})
}

// sameList looks at the names only where they are not the same memory.
func sameList(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}
