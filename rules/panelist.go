package rules

import (
	"cmp"
	"slices"
)

// paneList holds the panes of a group in the order of their starts. Most groups have one for each pane of event time, so that
// a pane is where its time says it is.
type paneList []startedPane

type startedPane struct {
	start int64 // Unix seconds
	*paneState
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
	if last := len(l) - 1; last >= 0 && l[last].start == start {
		return l[last].paneState
	}
	if at, found := l.find(start); found {
		return l[at].paneState
	}
	return nil
}

// made returns a pane, and makes it where there is none.
func (l *paneList) made(start int64) *paneState {
	at, found := l.find(start)
	if !found {
		*l = slices.Insert(*l, at, startedPane{start, &paneState{}})
	}
	return (*l)[at].paneState
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
