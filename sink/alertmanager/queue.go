package alertmanager

import (
	"container/heap"
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// outcome is how a post of an alert ended.
type outcome int

const (
	acknowledged outcome = iota
	refusedAlone         // refused where it was the only alert
	failed
)

// parcel is an alert in a post: the state that was sent, of an entry that may move on meanwhile.
type parcel struct {
	entry *entry
	alert *telemetry.Alert
}

// queue holds what one instance is to be told, one entry for each alert, and one for the labels that it had before its severity changed.
type queue struct {
	resend time.Duration
	limit  int           // of entries
	wake   chan struct{} // holds a token when there may be something to do sooner than was said

	mu         sync.Mutex
	entries    map[string]*entry // by key
	heap       byDue             // the entries with something to do that are not in flight
	resolved   *list.List        // the entries of resolved alerts, in the order they came
	flight     []*entry          // of the last batch; those still in flight have flying set
	progress   chan struct{}     // closed and replaced when an entry was settled or dropped
	overflowed uint64
}

func newQueue(resend time.Duration, limit int) *queue {
	return &queue{resend: resend, limit: limit, wake: make(chan struct{}, 1), entries: map[string]*entry{},
		resolved: list.New(), progress: make(chan struct{})}
}

// schedule puts an entry where its next deed belongs.
func (q *queue) schedule(e *entry) {
	if e.flying {
		return // settle does it
	}
	due, ok := e.next(q.resend)
	e.due = due
	switch {
	case ok && e.index >= 0:
		heap.Fix(&q.heap, e.index)
	case ok:
		heap.Push(&q.heap, e)
	case e.index >= 0:
		heap.Remove(&q.heap, e.index)
	}
}

// drop forgets an entry. Where it is in flight, settle finds it gone.
func (q *queue) drop(e *entry) {
	delete(q.entries, e.key)
	if e.index >= 0 {
		heap.Remove(&q.heap, e.index)
	}
	if e.element != nil {
		q.resolved.Remove(e.element)
	}
	q.tell()
}

func (q *queue) tell() {
	close(q.progress)
	q.progress = make(chan struct{})
}

// take returns up to most alerts that are due, the longest due first; each must be settled before the next take. Where
// none is due it returns when to ask again, zero for when woken.
func (q *queue) take(now time.Time, most int) ([]parcel, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []parcel
	q.flight = q.flight[:0]
	for len(q.heap) > 0 && len(batch) < most && !q.heap[0].due.After(now) {
		e := q.heap[0]
		if e.finished(now) {
			q.drop(e)
			continue
		}
		heap.Pop(&q.heap)
		e.flying = true
		q.flight = append(q.flight, e)
		batch = append(batch, parcel{e, e.alert})
	}
	if len(batch) > 0 || len(q.heap) == 0 {
		return batch, time.Time{}
	}
	return nil, q.heap[0].due
}

// settle notes how the post of some alerts ended, which was written at a time.
func (q *queue) settle(batch []parcel, how outcome, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range batch {
		e := p.entry
		e.flying = false
		if q.entries[e.key] != e {
			continue // forgotten meanwhile
		}
		switch how {
		case acknowledged:
			e.acknowledged, e.sent = versionOf(p.alert), at
		case refusedAlone:
			e.refused = versionOf(p.alert)
		}
		if e.finished(at) {
			q.drop(e)
			continue
		}
		q.schedule(e)
	}
	q.tell()
}

// firing says that the instance was told of some alert that still fires.
func (q *queue) firing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries) > q.resolved.Len()
}

// tellAgain makes every firing alert due whose last post was written before a time.
func (q *queue) tellAgain(before time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		if e.alert.State == telemetry.AlertFiring && !e.flying && e.sent.Before(before) {
			e.sent = time.Time{}
			q.schedule(e)
		}
	}
}

// await waits until nothing that was due at a time is left, or ctx ends.
func (q *queue) await(ctx context.Context, due time.Time) error {
	for {
		left, progress := q.left(due)
		if !left {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (q *queue) left(due time.Time) (bool, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := len(q.heap) > 0 && !q.heap[0].due.After(due)
	for _, e := range q.flight {
		left = left || e.flying && !e.due.After(due)
	}
	return left, q.progress
}

// counts returns how many alerts are tracked, how many of them wait, and how many were turned away.
func (q *queue) counts() (tracked, waiting int, overflowed uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		if !e.handled() {
			waiting++
		}
	}
	return len(q.entries), waiting, q.overflowed
}
