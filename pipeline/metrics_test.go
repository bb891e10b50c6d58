package pipeline

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// metric reads one value of /metrics.
func metric(t *testing.T, m *pipelineMetrics, name string) float64 {
	t.Helper()
	var text strings.Builder
	m.set.WritePrometheus(&text)
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text.String())
	if match == nil {
		t.Fatalf("no %s in\n%s", name, text.String())
	}
	value, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestTheWorstPartitionIsShown: a partition that lags is not hidden by one that does not.
func TestTheWorstPartitionIsShown(t *testing.T) {
	m := newPipelineMetrics()
	folding, rules := m.stage(RoleAggregate), m.stage(RoleRules)
	const delay, completeness = `weir_watermark_delay_seconds{stage="aggregate"}`, `weir_completeness_ratio{stage="rules"}`
	if got := metric(t, m, completeness); got != 1 {
		t.Errorf("completeness is %g before anything is known, want 1", got)
	}
	now := time.Now()
	folding.watermarks.set(0, float64(now.Add(-time.Hour).UnixMilli()))
	folding.watermarks.set(1, float64(now.UnixMilli()))
	rules.completeness.set(3, 0.5)
	rules.completeness.set(4, 1)
	if got := metric(t, m, delay); got < 3600 || got > 3700 {
		t.Errorf("the delay is %g s, want that of the partition which lags by an hour", got)
	}
	if got := metric(t, m, completeness); got != 0.5 {
		t.Errorf("completeness is %g, want that of the worst partition", got)
	}
	folding.watermarks.drop(0)
	rules.completeness.drop(3)
	if got := metric(t, m, delay); got > 100 {
		t.Errorf("the delay is %g s after the partition moved away", got)
	}
	if got := metric(t, m, completeness); got != 1 {
		t.Errorf("completeness is %g after the partition moved away", got)
	}
}
