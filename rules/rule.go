// Package rules loads alert rules from YAML, checks them, and evaluates them on
// event time over the partial groups that aggregators send. It is a state machine
// without goroutines and network; no outcome depends on a clock.
package rules

import (
	"slices"
	"text/template"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Rule is one alert rule, checked and compiled.
type Rule struct {
	Alert         string
	Group         string // the name of its group in the file
	Lane          Lane   // that of its group
	Tier          string // whose groups it is asked of, DefaultTier for those that by_tier does not name; "" is all
	File          string
	Line          int
	Grouping      telemetry.Grouping
	WhereText     string
	ExprText      string // of all conditions as one, with the names of lets as they are written
	Window        time.Duration
	For           time.Duration
	KeepFiringFor time.Duration
	Limit         int // of alerts that are pending or firing in one evaluator; 0 is none

	written     written
	named       []string // tiers that by_tier names
	column      int
	source      string // the line that names the alert
	lets        *lets
	tierLets    map[string]string // names of lets that some tier of the rule has, with the tier
	filter      *substituted      // nil where it has none
	conditions  []conditionText
	condition                // of an alert of any severity
	critical    *condition   // of a critical alert, nil where all are of one severity
	severity    string       // that an alert begins with, "" where the rule has neither warn nor crit
	explainers  []*explainer // of each condition that the rule has, in their order
	labels      map[string]*template.Template
	annotations map[string]*template.Template
	shows       []*let // that annotations show
	actions     []ruleAction
}

// Lookback is how far back of the time of evaluation the rule reads.
func (r *Rule) Lookback() time.Duration {
	longest := r.Window
	for _, span := range r.reads.over {
		longest = max(longest, span)
	}
	for _, ago := range r.reads.ago {
		longest = max(longest, ago.back+ago.of(r.Window))
	}
	if r.reads.prev {
		longest = max(longest, 2*r.Window)
	}
	return longest
}

// Set is the rules of one folder.
type Set struct {
	Rules       []*Rule // those that are evaluated all the time, by file, then by their place in it
	Inspections []*Rule // those that are asked of days, likewise
	Policy      *Policy // what rules compare with; nil where the folder has none
	Revision    string  // names the text of the files, "" where the rules are of none
}

// Groupings returns each grouping that some rule uses once. What none of its rules
// reads is omitted.
func (s *Set) Groupings() []telemetry.Grouping {
	place := map[string]int{}
	var out []telemetry.Grouping
	for _, rule := range s.Rules {
		at, ok := place[rule.Grouping.ID]
		if !ok {
			at = len(out)
			place[rule.Grouping.ID] = at
			out = append(out, rule.Grouping)
			out[at].Omit = telemetry.AllParts
		}
		out[at].Omit &^= rule.reads.needs
	}
	return out
}

// Lookback is the longest lookback of any rule.
func (s *Set) Lookback() time.Duration {
	var longest time.Duration
	for _, rule := range s.Rules {
		longest = max(longest, rule.Lookback())
	}
	return longest
}

// lookbacks are the longest lookbacks by grouping.
func (s *Set) lookbacks() map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, rule := range s.Rules {
		out[rule.Grouping.ID] = max(out[rule.Grouping.ID], rule.Lookback())
	}
	return out
}

// conditionsOf are the conditions of all alerts of a set, in the order of its rules.
func conditionsOf(set *Set) []asked {
	out := make([]asked, len(set.Rules))
	for i, rule := range set.Rules {
		out[i] = asked{rule, &rule.condition}
	}
	return out
}

// LooksPast says that some rule looks further back than what is kept, which Config.Past answers.
func (s *Set) LooksPast() bool {
	return slices.ContainsFunc(s.Rules, (*Rule).LooksPast)
}

// PastGroupings are those of the rules that look so far back, each once.
func (s *Set) PastGroupings() []telemetry.Grouping {
	asking := Set{Rules: slices.DeleteFunc(slices.Clone(s.Rules), func(r *Rule) bool { return !r.LooksPast() })}
	return asking.Groupings()
}

// Count is how many rules there are as people wrote them: the variants of by_tier are one.
func Count(rules []*Rule) int {
	names := map[string]bool{}
	for _, rule := range rules {
		names[rule.Alert] = true
	}
	return len(names)
}

// ByName returns the rule with that alert name, of several for tiers the first, nil where there is none.
func (s *Set) ByName(alert string) *Rule {
	for _, rule := range slices.Concat(s.Rules, s.Inspections) {
		if rule.Alert == alert {
			return rule
		}
	}
	return nil
}
