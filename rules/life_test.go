package rules_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules/ruletest"
)

// TestLife plays the tests below testdata/life, each with rules of its own: what reaches an evaluator, and which alerts it
// publishes. docs/rule-tests.md has their language.
func TestLife(t *testing.T) {
	paths, err := filepath.Glob("testdata/life/*" + ruletest.Suffix)
	if err != nil || len(paths) < 25 {
		t.Fatalf("found %d tests: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ruletest.Suffix), func(t *testing.T) { testRules(t, path) })
	}
}

// testRules plays the tests of a file or folder.
func testRules(t *testing.T, path string) *ruletest.Result {
	t.Helper()
	result, err := ruletest.Test(path, ruletest.Options{Update: *golden.Update})
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range result.Outcomes {
		for _, failure := range outcome.Failures {
			t.Error(failure)
		}
	}
	return result
}
