package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// counted is what an alert counts by: a restart must go on with the same, so that each change of it is published.
type counted struct {
	cleared, critical, criticalCleared   time.Time
	unknown, unmeasured, criticalUnknown time.Time
	unknownFor                           time.Duration
}

func (a *alertState) counted() counted {
	return counted{a.ClearedAt, a.CriticalAt, a.CriticalClearedAt, a.UnknownSince, a.UnmeasuredSince, a.CriticalUnknownSince, a.UnknownFor}
}

// heldFor is for how long the condition held until a time, without the time in which that was unknown.
func (a *alertState) heldFor(at time.Time) time.Duration {
	held := at.Sub(a.ActiveAt) - a.UnknownFor
	if !a.UnknownSince.IsZero() {
		held -= at.Sub(a.UnknownSince)
	}
	return held
}

// publish returns a copy to publish of an alert that made no transition.
func (a *alertState) publish(at time.Time) *telemetry.Alert {
	a.EvaluatedAt, a.Transition, a.published = at, false, at
	out := a.Alert
	return &out
}

// doubt handles a condition of which it is unknown whether it is true: time stands still for the alert. So a disturbed run
// counts no more than an undisturbed one, and fires nothing earlier.
func (e *Evaluator) doubt(rule *Rule, key string, found verdict, at time.Time) *telemetry.Alert {
	alert := e.alerts[key]
	if alert == nil || alert.State == telemetry.AlertResolved || !at.After(alert.EvaluatedAt) {
		return nil
	}
	before := alert.counted()
	if found.indefinite || alert.State == telemetry.AlertPending || !alert.ClearedAt.IsZero() {
		stop(&alert.UnknownSince, at)
	}
	lowered := alert.countCritical(rule, found, at)
	switch {
	case found.unmeasured:
		if stop(&alert.UnmeasuredSince, at); at.Sub(alert.UnmeasuredSince) >= UnmeasuredRetention {
			return e.endUnmeasured(rule, key, found, at)
		}
	case found.indefinite:
		alert.UnmeasuredSince = time.Time{}
	}
	switch {
	case lowered:
		alert.measure(rule, found, e.config.Pane)
		return e.move(alert, alert.State, at)
	case alert.counted() == before:
		return nil
	}
	return alert.publish(at)
}

// doubtCritical handles a condition for critical of which it is unknown whether it is true, where the alert counts by it.
func (a *alertState) doubtCritical(at time.Time) {
	if !a.CriticalAt.IsZero() && (a.Labels[severityLabel] != severityCritical || !a.CriticalClearedAt.IsZero()) {
		stop(&a.CriticalUnknownSince, at)
	}
}

// stop notes since when something is unknown, where it was not before.
func stop(since *time.Time, at time.Time) {
	if since.IsZero() {
		*since = at
	}
}

// resume lets an alert count on once its condition is known again.
func (a *alertState) resume(at time.Time) {
	if unknown := standstill(&a.UnknownSince, at); unknown > 0 {
		a.UnmeasuredSince = time.Time{}
		if a.State == telemetry.AlertPending {
			a.UnknownFor += unknown
		}
		postpone(&a.ClearedAt, unknown)
	}
}

// countCritical lets an alert count on for critical by what was found, and says whether its severity changed.
func (a *alertState) countCritical(rule *Rule, found verdict, at time.Time) bool {
	if !found.critical && !found.calm {
		a.doubtCritical(at)
		return false
	}
	a.resumeCritical(at)
	return a.escalate(rule, found, at)
}

// resumeCritical is as resume, of the condition for critical.
func (a *alertState) resumeCritical(at time.Time) {
	unknown := standstill(&a.CriticalUnknownSince, at)
	postpone(&a.CriticalAt, unknown)
	postpone(&a.CriticalClearedAt, unknown)
}

// standstill ends a time in which something was unknown, and says how long that was.
func standstill(since *time.Time, at time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	defer func() { *since = time.Time{} }()
	return at.Sub(*since)
}

// postpone moves a time forward, where there is one.
func postpone(t *time.Time, by time.Duration) {
	if !t.IsZero() {
		*t = t.Add(by)
	}
}

// endUnmeasured ends an alert of what nobody measures any more.
func (e *Evaluator) endUnmeasured(rule *Rule, key string, found verdict, at time.Time) *telemetry.Alert {
	alert := e.alerts[key]
	if alert.State == telemetry.AlertPending {
		delete(e.alerts, key)
		return e.move(alert, telemetry.AlertInactive, at)
	}
	alert.ResolvedAt = at
	alert.Reason = fmt.Sprintf("nothing was known of %s for %s", strings.Join(unknownParts(rule, found), ", "), FormatDuration(UnmeasuredRetention))
	return e.move(alert, telemetry.AlertResolved, at)
}

// unknownParts are the parts of a rule's condition that make it unknown, as they are written: those that are not made of others.
func unknownParts(rule *Rule, found verdict) []string {
	parts, _ := rule.explained(found.view, "")
	var out []string
	for i, part := range parts {
		if part.Value != nil || slices.Contains(out, part.Text) {
			continue
		}
		within := parts[i+1:]
		if end := slices.IndexFunc(within, func(p telemetry.ExplainedPart) bool { return p.Depth <= part.Depth }); end >= 0 {
			within = within[:end]
		}
		if !slices.ContainsFunc(within, func(p telemetry.ExplainedPart) bool { return p.Value == nil }) {
			out = append(out, part.Text)
		}
	}
	return out
}
