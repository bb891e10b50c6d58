package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Stats counts what an evaluator met.
type Stats struct {
	LateReports, OverflowedGroups uint64
	Evaluations                   uint64  // of one rule for one group at one time, each; without those that failed
	EvaluationFailures            uint64  // likewise
	LimitedAlerts                 uint64  // that a rule's limit held back, at one time each
	Completeness                  float64 // of the newest evaluation
	EventTime                     time.Time
}

// RuleHealth says how one rule is.
type RuleHealth struct {
	Rule               string        `json:"rule"`
	Groups             int           `json:"groups"`
	Firing             int           `json:"firing"`
	Pending            int           `json:"pending"`
	Limited            int           `json:"limited,omitempty"` // groups whose alert the limit held back at the newest evaluation
	LastError          string        `json:"last_error,omitempty"`
	LastEvaluation     time.Time     `json:"last_evaluation"` // event time
	EvaluationDuration time.Duration `json:"evaluation_nanoseconds"`
}

// Health returns the health of every rule, sorted by name.
func (e *Evaluator) Health() []RuleHealth {
	for _, h := range e.health {
		h.Firing, h.Pending, h.Groups = 0, 0, 0
	}
	for _, alert := range e.alerts {
		h := e.health[alert.Rule]
		switch {
		case h == nil:
		case alert.State == telemetry.AlertFiring:
			h.Firing++
		case alert.State == telemetry.AlertPending:
			h.Pending++
		}
	}
	byGrouping := map[string]int{}
	for _, g := range e.groups {
		byGrouping[g.grouping]++
	}
	var out []RuleHealth
	for name, rule := range e.byName {
		h := e.health[name]
		h.Groups = byGrouping[rule.Grouping.ID]
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b RuleHealth) int { return cmp.Compare(a.Rule, b.Rule) })
	return out
}

// Stats returns the counts so far.
func (e *Evaluator) Stats() Stats { return e.stats }
