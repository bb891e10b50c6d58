package pipeline

import (
	"errors"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/ruletest"
)

// RulesTest is what came of the tests of rules at a path.
type RulesTest struct {
	Path        string              `json:"path"`
	Cases       []RulesTestCase     `json:"cases"`
	Coverage    []ruletest.Coverage `json:"coverage,omitempty"`
	Updated     []string            `json:"updated,omitempty"`
	Evaluations uint64              `json:"evaluations"`
	Left        []string            `json:"-"`                // file and name of each case that was not to be played
	Faults      rules.Faults        `json:"faults,omitempty"` // of rules and tests; nothing is played then
	Error       string              `json:"error,omitempty"`  // why the path cannot be read, "" where it can
}

// RulesTestCase is what came of one case.
type RulesTestCase struct {
	File     string             `json:"file"`
	Line     int                `json:"line"`
	Name     string             `json:"name"`
	Happened []string           `json:"happened"`
	Failures []ruletest.Failure `json:"failures,omitempty"`
}

// RulesTestOptions choose what is played, and whether expectations are written.
type RulesTestOptions = ruletest.Options

// Failed counts the cases that failed.
func (t *RulesTest) Failed() int {
	failed := 0
	for i := range t.Cases {
		if len(t.Cases[i].Failures) > 0 {
			failed++
		}
	}
	return failed
}

// Uncovered are the rules that lack a case which fires, one which stays quiet, or one which recovers.
func (t *RulesTest) Uncovered() []ruletest.Coverage {
	var out []ruletest.Coverage
	for _, covered := range t.Coverage {
		if covered.Lacks() != "" {
			out = append(out, covered)
		}
	}
	return out
}

// TestRules plays the tests of a folder of rules, or of one test file. The error says that it cannot be read, and is part of
// what is returned.
func TestRules(path string, options RulesTestOptions) (RulesTest, error) {
	out := RulesTest{Path: path, Cases: []RulesTestCase{}}
	result, err := ruletest.Test(path, options)
	switch {
	case errors.As(err, &out.Faults):
		return out, nil
	case err != nil:
		out.Error = err.Error()
		return out, err
	}
	out.Coverage, out.Updated, out.Evaluations, out.Left = result.Coverage, result.Updated, result.Evaluations, result.Left
	for _, outcome := range result.Outcomes {
		played := RulesTestCase{File: outcome.Case.Path, Line: outcome.Case.Line, Name: outcome.Case.Name, Happened: []string{},
			Failures: outcome.Failures}
		for i := range outcome.Lines {
			played.Happened = append(played.Happened, outcome.Lines[i].String())
		}
		out.Cases = append(out.Cases, played)
	}
	return out, nil
}
