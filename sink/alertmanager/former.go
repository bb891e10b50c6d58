package alertmanager

import (
	"maps"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// relabeled is why the alert of former labels resolved.
const relabeled = "the severity of the alert changed"

// formerKey is that of the entry for the labels that an alert had before: to Alertmanager that is another alert. There is one at
// most, since an alert has one of two severities.
func formerKey(id string) string { return id + "/former" }

// former sees to it that the labels which an alert had before are told as resolved, like any other, and that those which came
// back are not. Where was knows nothing, the alert itself says which it had.
func (q *queue) former(was, alert *telemetry.Alert, now time.Time) {
	if e := q.entries[formerKey(alert.ID)]; e != nil && maps.Equal(e.alert.Labels, alert.Labels) {
		q.drop(e)
	}
	resolved := *was
	switch {
	case was.State == telemetry.AlertFiring:
		resolved.ResolvedAt, resolved.Reason = alert.EvaluatedAt, relabeled
	case was.State == "" && len(alert.FormerLabels) > 0:
		resolved = *alert
		resolved.Labels, resolved.ResolvedAt, resolved.Reason = alert.FormerLabels, alert.FormerUntil, relabeled
	}
	if resolved.ResolvedAt.IsZero() || maps.Equal(resolved.Labels, alert.Labels) {
		return
	}
	resolved.State, resolved.Seq = telemetry.AlertResolved, alert.Seq
	e := q.entries[formerKey(alert.ID)]
	if e == nil {
		e = q.admit(formerKey(alert.ID))
	}
	if e == nil {
		q.overflowed++
		return
	}
	q.replace(e, &resolved, now)
}
