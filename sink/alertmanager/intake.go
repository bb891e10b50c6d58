package alertmanager

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// The first states come from a replay of weir.alerts, where an alert may fire that resolved further on in the log. An
// Alertmanager told of the first would tell people at once, for it does not hold back what began long ago. So sending
// begins when no state changed for replayQuiet, or replayLimit after the first.
const (
	// Not smaller: a fetch from a far broker takes hundreds of milliseconds; not larger: the first alert waits for it.
	replayQuiet = 500 * time.Millisecond
	// Not smaller: a long log is read for seconds; not larger: in a storm, alerts after a start come late by it.
	replayLimit = 10 * time.Second
)

// replay tells when the first states have all come.
type replay struct {
	first, last time.Time // changes of state
	passed      bool
}

// note notes a change of state.
func (r *replay) note(now time.Time) {
	if r.last = now; r.first.IsZero() {
		r.first = now
	}
}

// over is when sending begins, zero once it has.
func (r *replay) over() time.Time {
	quiet, limit := r.last.Add(replayQuiet), r.first.Add(replayLimit)
	switch {
	case r.passed:
		return time.Time{}
	case quiet.Before(limit):
		return quiet
	}
	return limit
}

// put takes a state of an alert.
func (q *queue) put(alert *telemetry.Alert, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[alert.ID]
	if e != nil && !supersedes(alert, e.alert) {
		return
	}
	switch alert.State {
	case telemetry.AlertFiring, telemetry.AlertResolved:
		if e == nil {
			e = q.admit(alert.ID)
		}
		if e == nil {
			q.overflowed++
			return
		}
		q.replace(e, alert, now)
	case telemetry.AlertPending, telemetry.AlertInactive:
		if e != nil {
			q.end(e, alert, now)
		}
	}
}

// admit makes an entry, where the limit is reached in the place of the alert that resolved first. It returns nil where
// all fire.
func (q *queue) admit(id string) *entry {
	if len(q.entries) >= q.limit {
		oldest := q.resolved.Front()
		if oldest == nil {
			return nil
		}
		victim := oldest.Value.(*entry)
		if !victim.handled() {
			q.overflowed++
		}
		q.drop(victim)
	}
	e := &entry{alert: &telemetry.Alert{ID: id}, index: -1}
	q.entries[id] = e
	return e
}

// replace gives an entry a newer state. Where only values changed they wait for the next resend.
func (q *queue) replace(e *entry, alert *telemetry.Alert, now time.Time) {
	changed := versionOf(alert) != versionOf(e.alert)
	e.alert = alert
	if !changed {
		return
	}
	e.changed, e.ended = now, false
	q.replay.note(now)
	if e.element != nil {
		q.resolved.Remove(e.element)
		e.element = nil
	}
	if alert.State == telemetry.AlertResolved {
		e.element = q.resolved.PushBack(e)
	}
	q.schedule(e)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// end takes a state that is never sent. What fired before it has resolved, even if that state was never seen: a
// compacted log may lack it. What resolved is still told.
func (q *queue) end(e *entry, by *telemetry.Alert, now time.Time) {
	if e.alert.State == telemetry.AlertFiring {
		resolved := *e.alert
		resolved.State, resolved.Seq, resolved.EvaluatedAt, resolved.ResolvedAt = telemetry.AlertResolved, by.Seq, by.EvaluatedAt, by.EvaluatedAt
		q.replace(e, &resolved, now)
	}
	if by.State != telemetry.AlertInactive {
		return
	}
	e.ended = true
	if !e.flying && e.finished(now) {
		q.drop(e)
	}
}

// forget drops alerts by ID.
func (q *queue) forget(ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		if e := q.entries[id]; e != nil {
			q.drop(e)
		}
	}
}
