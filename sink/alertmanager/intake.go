package alertmanager

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// put takes a state of an alert.
func (q *queue) put(alert *telemetry.Alert, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !alert.ExpiresAt.IsZero() {
		q.ahead(alert, now)
		return
	}
	e := q.entries[alert.ID]
	if e != nil && !supersedes(alert, e.alert) || !q.outdoesAhead(alert) {
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
		was := e.alert
		q.replace(e, alert, now)
		q.former(was, alert, now)
	case telemetry.AlertPending, telemetry.AlertInactive:
		if e != nil {
			q.end(e, alert, now)
		}
	}
}

// admit makes an entry, where the limit is reached in the place of the alert that resolved first. It returns nil where
// all fire.
func (q *queue) admit(key string) *entry {
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
	e := &entry{key: key, alert: &telemetry.Alert{}, index: -1}
	q.entries[key] = e
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
// compacted log may lack it. What resolved is still told once, and not again: a pending alert lives anew, as it is for Prometheus.
func (q *queue) end(e *entry, by *telemetry.Alert, now time.Time) {
	if e.alert.State == telemetry.AlertFiring {
		resolved := *e.alert
		resolved.State, resolved.Seq, resolved.EvaluatedAt, resolved.ResolvedAt = telemetry.AlertResolved, by.Seq, by.EvaluatedAt, by.EvaluatedAt
		q.replace(e, &resolved, now)
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
		for _, key := range []string{id, formerKey(id), aheadKey(id)} {
			if e := q.entries[key]; e != nil {
				q.drop(e)
			}
		}
	}
}
