package ruletest_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/rules/ruletest"
)

// BenchmarkTest plays the tests of the shipped rules, and says how many evaluations it makes in a second of the clock.
func BenchmarkTest(b *testing.B) {
	var evaluations uint64
	began := time.Now()
	for b.Loop() {
		result, err := ruletest.Test("../../rules.d", ruletest.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if result.Failed() > 0 {
			b.Fatalf("%d cases fail", result.Failed())
		}
		evaluations += result.Evaluations
	}
	b.ReportMetric(float64(evaluations)/time.Since(began).Seconds(), "evaluations/s")
}
