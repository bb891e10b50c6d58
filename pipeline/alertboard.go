package pipeline

import (
	"cmp"
	"slices"
	"sync"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// alertBoard shows what the evaluators of this process hold, by partition.
type alertBoard struct {
	mu     sync.Mutex
	alerts map[int32][]telemetry.Alert
	health map[int32][]rules.RuleHealth
}

func newAlertBoard() *alertBoard {
	return &alertBoard{alerts: map[int32][]telemetry.Alert{}, health: map[int32][]rules.RuleHealth{}}
}

func (b *alertBoard) set(partition int32, evaluator *rules.Evaluator) {
	alerts, health := evaluator.Alerts(), evaluator.Health()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts[partition], b.health[partition] = alerts, health
}

func (b *alertBoard) drop(partition int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.alerts, partition)
	delete(b.health, partition)
}

func (b *alertBoard) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.alerts)
	clear(b.health)
}

// list returns all alerts, firing ones first.
func (b *alertBoard) list() []telemetry.Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []telemetry.Alert{}
	for _, alerts := range b.alerts {
		out = append(out, alerts...)
	}
	slices.SortFunc(out, func(x, y telemetry.Alert) int {
		return cmp.Or(cmp.Compare(stateOrder[x.State], stateOrder[y.State]), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.ID, y.ID))
	})
	return out
}

var stateOrder = map[telemetry.AlertState]int{telemetry.AlertFiring: 0, telemetry.AlertPending: 1, telemetry.AlertResolved: 2}

// ruleHealth adds up each rule's health over the partitions.
func (b *alertBoard) ruleHealth() []rules.RuleHealth {
	b.mu.Lock()
	defer b.mu.Unlock()
	byRule := map[string]rules.RuleHealth{}
	for _, health := range b.health {
		for _, h := range health {
			sum := byRule[h.Rule]
			sum.Rule = h.Rule
			sum.Groups += h.Groups
			sum.Firing += h.Firing
			sum.Pending += h.Pending
			sum.Limited += h.Limited
			sum.EvaluationDuration += h.EvaluationDuration
			sum.LastError = cmp.Or(sum.LastError, h.LastError)
			if h.LastEvaluation.After(sum.LastEvaluation) {
				sum.LastEvaluation = h.LastEvaluation
			}
			byRule[h.Rule] = sum
		}
	}
	out := []rules.RuleHealth{}
	for _, h := range byRule {
		out = append(out, h)
	}
	slices.SortFunc(out, func(x, y rules.RuleHealth) int { return cmp.Compare(x.Rule, y.Rule) })
	return out
}
