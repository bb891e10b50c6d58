package rules

import (
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// step evaluates at one time. An alert whose group holds no data any more is
// evaluated too, of zeros.
func (e *Evaluator) step(at time.Time) []telemetry.Alert {
	e.stats.Completeness = e.sources.completeness(at)
	e.reviveGroups()
	groups, alerting := e.present(at), e.rowsOfAlerts()
	for grouping, batch := range e.batches {
		began := time.Now()
		batch.evaluate(e, groups[grouping], at)
		if took := time.Since(began) / time.Duration(len(batch.rules)); !e.foreseen.After(at) {
			batch.took = took
		}
	}
	e.countLive()
	for _, health := range e.health {
		health.LastError, health.Limited, health.EvaluationDuration = "", 0, 0
	}
	var changed []telemetry.Alert
	next := map[string]int{} // rule of a batch
	for _, rule := range e.set.Rules {
		began := time.Now()
		batch := e.batches[rule.Grouping.ID]
		found := &batch.rules[next[batch.grouping]]
		next[batch.grouping]++
		health := e.health[rule.Alert]
		changed = append(changed, e.settle(found, groups[batch.grouping], alerting[rule.Alert], at)...)
		health.sayLimited(rule)
		health.LastEvaluation = at
		health.EvaluationDuration += batch.took + time.Since(began)
	}
	return changed
}

// present returns, by grouping, the groups that are evaluated at a time, in the order of
// their keys, which is that of rows.
func (e *Evaluator) present(at time.Time) map[string][]*groupState {
	alerting, out := e.groupsWithAlerts(), map[string][]*groupState{}
	for _, g := range e.ordered() {
		g.row = absentRow
		if !g.holds(at) && !alerting[g.key] {
			continue
		}
		g.unknown, g.row = false, int32(len(out[g.grouping]))
		out[g.grouping] = append(out[g.grouping], g)
	}
	return out
}

// ordered are all groups in the order of their keys.
func (e *Evaluator) ordered() []*groupState {
	if e.inOrder == nil {
		for _, key := range sortedKeys(e.groups) {
			e.inOrder = append(e.inOrder, e.groups[key])
		}
	}
	return e.inOrder
}

// absentRow is the row of a group that is not evaluated.
const absentRow = -1

// rowsOfAlerts returns, by rule, the rows of the groups that have an alert of it.
func (e *Evaluator) rowsOfAlerts() map[string][]int32 {
	out := map[string][]int32{}
	for _, alert := range e.alerts {
		if g := e.groups[alert.GroupKey]; g != nil && g.row != absentRow && e.orphaned(alert) == "" {
			out[alert.Rule] = append(out[alert.Rule], g.row)
		}
	}
	return out
}

// settle asks a rule of the groups for which it may be true, and of those that have an
// alert. Of the others it is false, or unknown where not all of the window is known.
func (e *Evaluator) settle(found *batchRule, groups []*groupState, alerting []int32, at time.Time) []telemetry.Alert {
	rows := found.candidates
	if len(alerting) > 0 {
		rows = slices.Concat(rows, alerting)
		slices.Sort(rows)
		rows = slices.Compact(rows)
	}
	rows = found.rule.covered(rows, groups)
	if len(rows) < len(groups) && !e.wholeWindow(found.rule, at) {
		asked := 0
		for row, g := range groups {
			if asked < len(rows) && int(rows[asked]) == row {
				asked++
				continue
			}
			g.unknown = true
		}
	}
	e.stats.Evaluations += uint64(found.rule.coveredOf(groups) - len(rows))
	var changed []telemetry.Alert
	for _, row := range rows {
		alert, err := e.evaluate(found.rule, groups[row], at)
		if err != nil {
			e.health[found.rule.Alert].LastError = err.Error()
			e.stats.EvaluationFailures++
		}
		if alert != nil {
			changed = append(changed, *alert)
		}
	}
	return changed
}

// wholeWindow says that all of a rule's window at a time is known of every group, but for
// what the aggregate stage left out.
func (e *Evaluator) wholeWindow(rule *Rule, at time.Time) bool {
	begin, begun := e.begins.of(rule.Grouping.ID)
	return e.stats.Completeness >= 1 && begun && !at.Add(-e.wholePanes(rule.Window)).Before(begin)
}
