package rules

import (
	"fmt"

	"github.com/weirmq/weir/telemetry"
)

// countLive counts the alerts of rules that have a limit.
func (e *Evaluator) countLive() {
	e.live = map[string]int{}
	for _, rule := range e.set.Rules {
		if rule.Limit > 0 {
			e.live[rule.Alert] = 0
		}
	}
	for _, alert := range e.alerts {
		if count, limited := e.live[alert.Rule]; limited && alert.live() {
			e.live[alert.Rule] = count + 1
		}
	}
}

// live says that the alert counts towards its rule's limit. None at all does not.
func (a *alertState) live() bool {
	return a != nil && (a.State == telemetry.AlertPending || a.State == telemetry.AlertFiring)
}

// limited lets an alert of a rule move, and counts whether it is live then.
func (e *Evaluator) limited(rule *Rule, g *groupState, move func() (*telemetry.Alert, error)) (*telemetry.Alert, error) {
	if rule.Limit == 0 {
		return move()
	}
	key := alertKey(rule.Alert, g.key)
	before := e.alerts[key].live()
	out, err := move()
	switch after := e.alerts[key].live(); {
	case after && !before:
		e.live[rule.Alert]++
	case before && !after:
		e.live[rule.Alert]--
	}
	return out, err
}

// full says that a rule may have no further alert now, and counts the one that would have begun. What there is goes on.
func (e *Evaluator) full(rule *Rule) bool {
	if rule.Limit == 0 || e.live[rule.Alert] < rule.Limit {
		return false
	}
	e.stats.LimitedAlerts++
	e.health[rule.Alert].Limited++
	return true
}

// sayLimited says that a rule is at its limit, in the same words for as long as it is.
func (h *RuleHealth) sayLimited(rule *Rule) {
	if h.Limited > 0 && h.LastError == "" {
		h.LastError = fmt.Sprintf("the limit of %d alerts is reached: further groups meet the condition and have none; narrow the rule, or raise limit", rule.Limit)
	}
}
