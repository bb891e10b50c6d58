package rules

import (
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// maxTold bounds the alerts told ahead whose pane is not evaluated yet. Not smaller: a surge is
// of thousands of groups at once; not larger: what more there is comes a lateness later, and each
// is a record and an entry of the notifier.
const maxTold = 10_000

// TellAhead asks the rules that fire early for the ends of the panes after the next one, of the
// groups of which something came since the last call, and returns the alerts that are told ahead
// of their life: people may hear of them, and they are no state.
//
// It is sound because what is true for the end of a pane stays true until that is evaluated. The
// alert then fires, with the same labels, from that time or from an earlier one, as what still
// comes for a pane before may make it true there. So nothing lives by what is told ahead; it is
// noted here alone, so that it is told once, until the alert begins or the pane is evaluated.
//
// Nothing is told of a group that has a living alert of the rule: people know of that. Nor is any
// of a rule with for, which is pending first, or with two severities, which are labels.
// Panes that have not begun by the aggregator's clock are not asked for, as in FireEarly, nor
// those that have been over for longer than a source is waited for: what is read again of an
// outage is evaluated in its order.
func (e *Evaluator) TellAhead() []telemetry.Alert {
	if e.evaluated.IsZero() || len(e.later) == 0 {
		return nil
	}
	clock := e.sources.newest.At
	at := later(e.evaluated.Add(2*e.config.Pane), e.endOfPane(clock.Add(-e.sources.patience)))
	var told []telemetry.Alert
	for ; !at.Add(-e.config.Pane).After(clock) && len(e.later) > 0; at = at.Add(e.config.Pane) {
		told = append(told, e.askEarly(e.newsOf(e.later, at), question{e.ahead, at, e.mayTell, e.tell})...)
	}
	return told
}

// aheadConditions are those of a set that are told ahead.
func aheadConditions(set *Set) []asked {
	return slices.DeleteFunc(earlyConditions(set), func(one asked) bool { return one.rule.For > 0 || one.rule.critical != nil })
}

// mayTell says that an alert found true is told ahead: people do not know of it.
func (e *Evaluator) mayTell(one asked, g *groupState, _ time.Time) bool {
	key := alertKey(one.rule.Alert, g.key)
	if _, told := e.told[key]; told || len(e.told) >= maxTold {
		return false
	}
	alert := e.alerts[key]
	return alert == nil || alert.State == telemetry.AlertResolved
}

// tell is the alert as it will be once its pane is evaluated, but for what still comes.
func (e *Evaluator) tell(rule *Rule, g *groupState, found verdict, at time.Time) *telemetry.Alert {
	key := alertKey(rule.Alert, g.key)
	alert := &alertState{Alert: telemetry.Alert{Rule: rule.Alert, GroupKey: g.key, State: telemetry.AlertFiring, ActiveAt: at, FiredAt: at,
		EvaluatedAt: at, Revision: e.set.Revision, ExpiresAt: at.Add(e.config.AheadExpiry)}}
	if before := e.alerts[key]; before != nil {
		alert.Seq = before.Seq
	}
	if alert.name(rule, g) != nil {
		return nil // the evaluation says what fails
	}
	alert.measure(rule, found, e.config.Pane)
	if alert.annotate(rule, g, found) != nil {
		return nil
	}
	e.told[key] = at
	return &alert.Alert
}

// forgetTold forgets what was told ahead of panes that are evaluated.
func (e *Evaluator) forgetTold() {
	maps.DeleteFunc(e.told, func(_ string, at time.Time) bool { return !at.After(e.evaluated) })
}
