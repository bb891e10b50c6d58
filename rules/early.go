package rules

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// growingFields never fall while more of a window comes in.
var growingFields = map[string]bool{"tps": true, "bps": true, "messages": true, "bytes": true, "errors": true, "rebalances": true,
	"clients": true, "nodes": true, "latency_max": true, "size_max": true}

// FiresEarly says whether the rule is asked as soon as something comes, for the end of the
// pane that is open: it is, where its expression stays true once it is. Where it is not, why
// says what may make it false again.
func (r *Rule) FiresEarly() (early bool, why string) {
	switch {
	case r.Lane == LaneInspection:
		return false, "it is asked once a day"
	case r.Limit > 0:
		return false, "it has a limit: which groups have an alert would depend on which came first"
	}
	early, why = r.staysTrue()
	if !early && why == "" {
		why = r.shrinks() + " may become false while more comes in"
	}
	return early, why
}

// shrinks is the part of the rule's conditions that may become false while more comes in, as it is written.
func (r *Rule) shrinks() string {
	for _, condition := range r.Conditions() {
		if part := mayShrink(condition.Tree); part != nil {
			return condition.Said(part)
		}
	}
	return r.ExprText
}

// CriticalEarly says whether the rule's condition for critical is asked like that, whatever the other is.
func (r *Rule) CriticalEarly() bool {
	if r.critical == nil || r.Limit > 0 || r.Lane == LaneInspection {
		return false
	}
	stays, _ := r.critical.staysTrue()
	return stays
}

// staysTrue says that the condition is true of all of a window where it is of a part. Where it may not be, why says so, unless that
// is because some part may shrink.
func (c *condition) staysTrue() (stays bool, why string) {
	if !c.reads.presence {
		return false, "it may be true because input is missing"
	}
	return mayShrink(c.tree) == nil, ""
}

// mayShrink returns a part of a condition that may become false while more comes in, nil
// where none does. It errs towards some.
func mayShrink(node ast.Node) ast.Node {
	if unary, ok := node.(*ast.UnaryNode); ok && (unary.Operator == "not" || unary.Operator == "!") && onlyLabels(unary.Node) {
		return nil
	}
	if call, ok := node.(*ast.CallNode); ok && comparesLabels(call) {
		return nil
	}
	binary, ok := node.(*ast.BinaryNode)
	if !ok {
		return node
	}
	switch {
	case slices.Contains([]string{"and", "&&", "or", "||"}, binary.Operator):
		if shrinks := mayShrink(binary.Left); shrinks != nil {
			return shrinks
		}
		return mayShrink(binary.Right)
	case aboutLabels(binary):
		return nil
	case (binary.Operator == ">" || binary.Operator == ">=") && grows(binary.Left) && isConstant(binary.Right),
		(binary.Operator == "<" || binary.Operator == "<=") && isConstant(binary.Left) && grows(binary.Right):
		return nil
	}
	return node
}

// onlyLabels says that a condition looks at labels alone.
func onlyLabels(node ast.Node) bool {
	binary, ok := node.(*ast.BinaryNode)
	if !ok {
		return false
	}
	if slices.Contains([]string{"and", "&&", "or", "||"}, binary.Operator) {
		return onlyLabels(binary.Left) && onlyLabels(binary.Right)
	}
	return aboutLabels(binary)
}

// grows says that a number never falls while more comes in.
func grows(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return growingFields[n.Value]
	case *ast.BinaryNode:
		factor, constant := ConstantNumber(n.Right)
		switch n.Operator {
		case "+":
			return grows(n.Left) && (grows(n.Right) || constant) || isConstant(n.Left) && grows(n.Right)
		case "-":
			return grows(n.Left) && constant
		case "/":
			return grows(n.Left) && constant && factor > 0
		case "*":
			first, isFirst := ConstantNumber(n.Left)
			return grows(n.Left) && constant && factor >= 0 || isFirst && first >= 0 && grows(n.Right)
		}
	}
	return false
}

func isConstant(node ast.Node) bool {
	_, ok := ConstantNumber(node)
	return ok
}

// earlyConditions are those of a set that are asked early.
func earlyConditions(set *Set) []asked {
	var out []asked
	for _, rule := range set.Rules {
		if early, _ := rule.FiresEarly(); early {
			out = append(out, asked{rule, &rule.condition})
		}
		if rule.CriticalEarly() {
			out = append(out, asked{rule, rule.critical})
		}
	}
	return out
}

// FireEarly asks the rules that fire early of the groups of which something came since the
// last call, for the end of the pane after the newest evaluation, and returns the alerts that
// changed. What it finds is what the evaluation at that time will find; nothing ends here.
//
// Only a pane that has begun by the clock of the newest watermark is asked for: a client whose
// clock is ahead lets nothing fire for a time that has not come. Of later panes nothing fires
// before the ones before them are evaluated, so that no alert becomes active out of order.
func (e *Evaluator) FireEarly() []telemetry.Alert {
	at := e.evaluated.Add(e.config.Pane)
	if e.evaluated.IsZero() || e.evaluated.After(e.sources.newest.At) || len(e.fresh) == 0 {
		return nil
	}
	return e.askEarly(e.newsOf(e.fresh, at), question{e.early, at, e.mayFire, e.fire})
}

// note notes that something came of a group. What is for a pane later than the next changes
// nothing of what was asked for that.
func (e *Evaluator) note(g *groupState, pane time.Time) {
	next := e.evaluated.Add(e.config.Pane)
	if _, known := e.fresh[g.key]; !known || pane.Before(next) {
		e.fresh[g.key] = time.Time{}
	}
	if g.last >= next.Unix() && e.ahead[g.grouping] != nil {
		e.later[g.key] = time.Time{}
	}
}

// newsOf returns the groups of which something came before a time and that were not asked for
// it since, by grouping. Those of which something came for later panes are asked again for these.
func (e *Evaluator) newsOf(news map[string]time.Time, at time.Time) map[string][]*groupState {
	out := map[string][]*groupState{}
	for _, key := range sortedKeys(news) {
		g := e.groups[key]
		if g == nil {
			delete(news, key)
			continue
		}
		if asked := news[key]; asked.Before(at) && g.holds(at) {
			out[g.grouping] = append(out[g.grouping], g)
		}
		if news[key] = at; g.last < at.Unix() {
			delete(news, key)
		}
	}
	return out
}

// question is what is asked before a pane is evaluated: which conditions, for which time, of which
// alerts, and what becomes of those that are found true.
type question struct {
	batches map[string]*batch // by grouping
	at      time.Time
	may     func(asked, *groupState, time.Time) bool
	take    func(*Rule, *groupState, verdict, time.Time) *telemetry.Alert
}

// askEarly asks the early conditions of groups, by grouping.
func (e *Evaluator) askEarly(byGrouping map[string][]*groupState, q question) []telemetry.Alert {
	completeness := e.stats.Completeness
	defer func() { e.stats.Completeness = completeness }() // of evaluations
	e.stats.Completeness = e.sources.completeness(q.at)
	var changed []telemetry.Alert
	for _, grouping := range sortedKeys(byGrouping) {
		if batch := q.batches[grouping]; batch != nil {
			changed = append(changed, e.askBatch(batch, byGrouping[grouping], q)...)
		}
	}
	return changed
}

// askBatch asks the early conditions of one grouping.
func (e *Evaluator) askBatch(b *batch, groups []*groupState, q question) []telemetry.Alert {
	b.evaluate(e, groups, q.at)
	var changed []telemetry.Alert
	for i := range b.rules {
		one := &b.rules[i]
		for _, row := range one.rule.covered(one.candidates, groups) {
			g := groups[row]
			if !q.may(one.asked, g, q.at) {
				continue
			}
			found, err := e.ask(one.rule, g, q.at)
			if err != nil || !found.active || found.unknown || one.of == one.rule.critical && !found.critical {
				continue // the evaluation at that time says what fails
			}
			if alert := q.take(one.rule, g, found, q.at); alert != nil {
				changed = append(changed, *alert)
			}
		}
	}
	return changed
}

// fire begins an alert, or lets one that is pending fire, or one that fires become critical.
func (e *Evaluator) fire(rule *Rule, g *groupState, found verdict, at time.Time) *telemetry.Alert {
	found.early = true
	alert, err := e.active(rule, g, found, at)
	if err != nil {
		return nil // the evaluation says what fails
	}
	return alert
}

// mayFire says that a condition found true moves the rule's alert: it begins, has been
// pending for long enough, or becomes critical.
func (e *Evaluator) mayFire(one asked, g *groupState, at time.Time) bool {
	alert := e.alerts[alertKey(one.rule.Alert, g.key)]
	switch {
	case alert == nil:
		return true
	case alert.State == telemetry.AlertFiring:
		return one.of == one.rule.critical && alert.mayEscalate(one.rule, at)
	case !at.After(alert.EvaluatedAt):
		return false
	case alert.State == telemetry.AlertPending:
		return alert.heldFor(at) >= one.rule.For
	}
	return alert.State == telemetry.AlertResolved
}
