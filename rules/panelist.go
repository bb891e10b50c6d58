package rules

import (
	"cmp"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// paneList holds the panes of a group in the order of their starts. Most groups have one for each pane of event time, so that
// a pane is where its time says it is.
type paneList []startedPane

type startedPane struct {
	start int64             // Unix seconds
	sum   *telemetry.Totals // of all parts, where it is known without a look at them
	holds bool              // some part
	*paneState
}

// put is paneState.put.
func (p *startedPane) put(came contribution, closed bool) (late uint64) {
	late = p.paneState.put(came, closed)
	p.sum, p.holds = nil, len(p.parts) > 0
	if len(p.parts) == 1 {
		p.sum = p.total()
	}
	return late
}

// find returns the place of a pane, or where it is to be put.
func (l paneList) find(start int64) (at int, found bool) {
	last := len(l) - 1
	if last < 0 || start > l[last].start {
		return len(l), false
	}
	if start >= l[0].start && last > 0 {
		at = int((start - l[0].start) * int64(last) / (l[last].start - l[0].start))
		if l[at].start == start {
			return at, true
		}
	}
	return slices.BinarySearchFunc(l, start, func(p startedPane, start int64) int { return cmp.Compare(p.start, start) })
}

// at returns a pane, nil where there is none.
func (l paneList) at(start int64) *paneState {
	if at, found := l.find(start); found {
		return l[at].paneState
	}
	return nil
}

// totals are those of a pane, nil where there is none.
func (l paneList) totals(start int64) *telemetry.Totals {
	at := len(l) - 1
	if at < 0 || l[at].start != start {
		var found bool
		if at, found = l.find(start); !found {
			return nil
		}
	}
	if l[at].sum == nil {
		l[at].sum = l[at].total()
	}
	return l[at].sum
}

// made returns a pane, and makes it where there is none. It is good until the next one is made.
func (l *paneList) made(start int64) *startedPane {
	at, found := l.find(start)
	if !found {
		*l = slices.Insert(*l, at, startedPane{start: start, paneState: &paneState{}})
	}
	return &(*l)[at]
}

// forget takes away the panes that begin before a time.
func (l *paneList) forget(oldest int64) {
	at, _ := l.find(oldest)
	if at == 0 {
		return
	}
	clear((*l)[:at]) // for the garbage collector
	*l = (*l)[at:]
}
