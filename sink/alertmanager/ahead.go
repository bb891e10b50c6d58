package alertmanager

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// aheadKey is that of the entry for what is told ahead of an alert's life. It has one of its own, as it is no state: the alert's
// next state need not supersede it, and one that was before says nothing of it.
func aheadKey(id string) string { return id + "/ahead" }

// ahead takes what is told ahead of an alert's life. Instances hear of it as of an alert that fires, until it expires or the
// alert begins. Of one that fires they have heard. That it resolved before is not sent any more, also where nobody has heard it:
// to Alertmanager the two are one alert, which that would end.
func (q *queue) ahead(alert *telemetry.Alert, now time.Time) {
	if !alert.ExpiresAt.After(now) {
		return
	}
	if e := q.entries[alert.ID]; e != nil {
		if e.alert.State == telemetry.AlertFiring {
			return
		}
		q.drop(e)
	}
	e := q.entries[aheadKey(alert.ID)]
	if e == nil {
		e = q.admit(aheadKey(alert.ID))
	}
	if e == nil {
		q.overflowed++
		return
	}
	q.replace(e, alert, now)
}

// outdoesAhead takes a state for the newest that there is to tell, in the place of what was told ahead. It returns false for
// the end of a life before that, which a process writes again that is given the alert.
func (q *queue) outdoesAhead(alert *telemetry.Alert) bool {
	e := q.entries[aheadKey(alert.ID)]
	if e == nil {
		return true
	}
	if alert.State != telemetry.AlertFiring && alert.EvaluatedAt.Before(e.alert.ActiveAt) {
		return false
	}
	q.drop(e)
	return true
}
