package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// transition moves one alert through its life, as Prometheus does: inactive,
// pending while for lasts, firing, resolved. It returns the alert where there is
// something to publish. What is unknown moves nothing.
func (e *Evaluator) transition(rule *Rule, g *groupState, found verdict, at time.Time) (*telemetry.Alert, error) {
	e.stats.Evaluations++
	key := alertKey(rule.Alert, g.key)
	alert := e.alerts[key]
	switch {
	case alert != nil && !at.After(alert.EvaluatedAt) && !alert.early:
		// Evaluated before: a crash came after the alert was published and before how far was.
		return nil, nil
	case found.unknown:
		return e.doubt(rule, key, found, at), nil
	case found.active:
		return e.active(rule, g, found, at)
	case alert == nil || alert.State == telemetry.AlertResolved:
		return nil, nil
	case alert.State == telemetry.AlertPending:
		delete(e.alerts, key)
		return e.move(alert, telemetry.AlertInactive, at), nil
	}
	before := alert.counted()
	alert.resume(at)
	if alert.ClearedAt.IsZero() {
		alert.ClearedAt = at
	}
	alert.resumeCritical(at) // what is true of no severity is not critical
	alert.calmed(at)
	if at.Sub(alert.ClearedAt) >= rule.KeepFiringFor {
		alert.ResolvedAt = at
		alert.measure(rule, found, e.config.Pane) // its annotations go on saying what fired
		return e.move(alert, telemetry.AlertResolved, at), nil
	}
	if alert.counted() == before {
		return nil, nil
	}
	return alert.publish(at), nil
}

// active handles a condition that is true.
func (e *Evaluator) active(rule *Rule, g *groupState, found verdict, at time.Time) (*telemetry.Alert, error) {
	key := alertKey(rule.Alert, g.key)
	alert := e.alerts[key]
	began := alert == nil || alert.State == telemetry.AlertResolved
	if began && e.full(rule) {
		return nil, nil
	}
	if began {
		var seq uint64
		if alert != nil {
			seq = alert.Seq
		}
		alert = &alertState{Alert: telemetry.Alert{Rule: rule.Alert, GroupKey: g.key, ActiveAt: at, Seq: seq}}
		if err := alert.name(rule, g); err != nil {
			return nil, err
		}
		e.alerts[key] = alert
		delete(e.told, key)
	}
	closes := alert.early // what was found of a part of the window is found of all of it now
	alert.early = found.early
	before := alert.counted()
	alert.resume(at)
	alert.ClearedAt = time.Time{}
	changed := alert.countCritical(rule, found, at)
	counts := alert.counted() != before
	alert.measure(rule, found, e.config.Pane)
	alert.propose(rule)
	err := alert.annotate(rule, g, found)
	switch {
	case alert.State != telemetry.AlertFiring && alert.heldFor(at) >= rule.For:
		alert.FiredAt = at
		return e.move(alert, telemetry.AlertFiring, at), err
	case began:
		return e.move(alert, telemetry.AlertPending, at), err
	case changed:
		return e.move(alert, alert.State, at), err
	}
	if at.Sub(alert.published) < RefreshEvery && !closes && !counts {
		alert.EvaluatedAt, alert.Transition = at, false
		return nil, err
	}
	return alert.publish(at), err
}

// move makes a transition and returns a copy to publish.
func (e *Evaluator) move(a *alertState, state telemetry.AlertState, at time.Time) *telemetry.Alert {
	a.State, a.EvaluatedAt, a.Transition, a.published = state, at, true, at
	a.Revision = e.set.Revision
	a.Seq++
	out := a.Alert
	return &out
}

// name gives an alert its labels, which are its identity, all but a severity that may change.
func (a *alertState) name(rule *Rule, g *groupState) error {
	labels := map[string]string{alertnameLabel: rule.Alert}
	for i, name := range rule.Grouping.By {
		if g.values[i] != "" {
			labels[name] = g.values[i]
		}
	}
	data := labelData(rule.Grouping.By, g.values)
	for name, text := range rule.labels {
		value, err := render(text, data)
		if err != nil {
			return fmt.Errorf("label %s: %w", name, err)
		}
		if value = strings.TrimSpace(value); value != "" { // a block of text ends in a line break
			labels[name] = value
		}
	}
	a.Labels, a.ID = labels, telemetry.Fingerprint(labels)
	if rule.severity != "" {
		labels[severityLabel] = rule.severity
	}
	return nil
}

// measure notes the newest window and what the expression read in it.
func (a *alertState) measure(rule *Rule, found verdict, pane time.Duration) {
	a.WindowStart = found.from
	a.WindowEnd = found.from.Add(max((rule.Window+pane-1)/pane, 1) * pane)
	a.Completeness, a.LateReports = found.view.Completeness, uint64(found.view.Late)
	a.Values = rule.values(found.view)
	a.Explanation = explanation(rule, found, a.Labels[severityLabel])
}

// values are what the expression read of a view, as far as it is known.
func (r *Rule) values(view *View) map[string]float64 {
	out := map[string]float64{}
	for _, field := range r.reads.fields {
		if number := view.number(field); !math.IsNaN(number) && !math.IsInf(number, 0) {
			out[field] = number
		}
	}
	return out
}

// annotate renders what the alert says to people.
func (a *alertState) annotate(rule *Rule, g *groupState, found verdict) error {
	data := annotationData(rule, g.values, found.view)
	annotations := map[string]string{}
	for name, text := range rule.annotations {
		value, err := render(text, data)
		if err != nil {
			return fmt.Errorf("annotation %s: %w", name, err)
		}
		annotations[name] = value
	}
	a.Annotations = annotations
	return nil
}

// expire forgets resolved alerts after their retention.
func (e *Evaluator) expire(at time.Time) []telemetry.Alert {
	var changed []telemetry.Alert
	for _, key := range sortedKeys(e.alerts) {
		alert := e.alerts[key]
		if alert.State == telemetry.AlertResolved && at.Sub(alert.ResolvedAt) >= ResolvedRetention {
			delete(e.alerts, key)
			changed = append(changed, *e.move(alert, telemetry.AlertInactive, at))
		}
	}
	return changed
}

// endOrphans ends the alerts whose rule is gone or groups otherwise now.
func (e *Evaluator) endOrphans(at time.Time) []telemetry.Alert {
	var changed []telemetry.Alert
	for _, key := range sortedKeys(e.alerts) {
		alert := e.alerts[key]
		reason := e.orphaned(alert)
		switch {
		case reason == "" || alert.State == telemetry.AlertResolved:
		case alert.State == telemetry.AlertPending:
			delete(e.alerts, key)
			changed = append(changed, *e.move(alert, telemetry.AlertInactive, at))
		default:
			alert.ResolvedAt, alert.Reason = at, reason
			changed = append(changed, *e.move(alert, telemetry.AlertResolved, at))
		}
	}
	return changed
}

// orphaned says why an alert has lost its rule, "" where it has not.
func (e *Evaluator) orphaned(alert *alertState) string {
	rule := e.byName[alert.Rule]
	if rule == nil {
		return "the rule was deleted"
	}
	group := rule.Grouping.ID + "\x00"
	if len(alert.GroupKey) < len(group) || alert.GroupKey[:len(group)] != group {
		return "the rule groups by other labels now"
	}
	tier := alert.Labels[tierLabel]
	if rule.Tier != "" && !slices.ContainsFunc(e.variants[alert.Rule], func(r *Rule) bool { return r.covers(tier) }) {
		return "the rule says nothing of its tier now"
	}
	return ""
}
