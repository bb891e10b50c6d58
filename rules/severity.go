package rules

import (
	"maps"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// alertnameLabel is the label that is a rule's name.
const alertnameLabel = "alertname"

// severityLabel is the label that rules with warn or crit set themselves. It is no part of their alerts' identity.
const severityLabel = "severity"

// The severities that warn and crit give.
const (
	severityWarning  = "warning"
	severityCritical = "critical"
)

// isCritical says whether a view is critical, and whether it is known not to be.
func (r *Rule) isCritical(found *verdict, whole bool, elsewhereUnknown func() bool) error {
	if r.critical == nil {
		return nil
	}
	critical, indefinite, err := r.critical.holds(found.view, elsewhereUnknown)
	if err != nil {
		return err
	}
	found.critical = critical && (whole || r.critical.reads.presence)
	found.calm = !critical && !indefinite && whole
	return nil
}

// escalate changes the severity of an alert by what was found, and says whether it did. Each severity needs its condition for
// as long as the rule says: critical comes once it held for the rule's for, and goes once it was gone for keep_firing_for.
// What is unknown changes nothing.
func (a *alertState) escalate(rule *Rule, found verdict, at time.Time) bool {
	is := a.Labels[severityLabel] == severityCritical
	switch {
	case rule.critical == nil:
	case found.critical:
		a.CriticalClearedAt = time.Time{}
		if a.CriticalAt.IsZero() {
			a.CriticalAt = at
		}
		if !is && at.Sub(a.CriticalAt) >= rule.For {
			a.relabel(severityCritical, at)
			return true
		}
	case found.calm && !is:
		a.CriticalAt = time.Time{}
	case found.calm:
		if a.calmed(at); at.Sub(a.CriticalClearedAt) >= rule.KeepFiringFor {
			a.CriticalAt, a.CriticalClearedAt = time.Time{}, time.Time{}
			a.relabel(severityWarning, at)
			return true
		}
	}
	return false
}

// calmed notes that an alert's condition for critical is gone.
func (a *alertState) calmed(at time.Time) {
	switch {
	case a.Labels[severityLabel] != severityCritical:
		a.CriticalAt = time.Time{}
	case !a.CriticalAt.IsZero() && a.CriticalClearedAt.IsZero():
		a.CriticalClearedAt = at
	}
}

// relabel gives an alert another severity. What it was while it fired is told of once more, as resolved.
func (a *alertState) relabel(severity string, at time.Time) {
	if a.State == telemetry.AlertFiring {
		a.FormerLabels, a.FormerUntil = a.Labels, at
	}
	a.Labels = maps.Clone(a.Labels) // copies that were published share it
	a.Labels[severityLabel] = severity
}

// mayEscalate says that a firing alert becomes critical at a time if its condition for that is true then. It may have begun to
// fire early at that time.
func (a *alertState) mayEscalate(rule *Rule, at time.Time) bool {
	switch {
	case a.Labels[severityLabel] == severityCritical || !at.After(a.EvaluatedAt) && !a.early:
		return false
	case rule.For == 0:
		return true
	}
	return !a.CriticalAt.IsZero() && a.CriticalUnknownSince.IsZero() && at.Sub(a.CriticalAt) >= rule.For
}
