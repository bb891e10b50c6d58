package grafana_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestThresholdsAreThoseOfTheRules: what the colours of dashboards stand for is written in the shipped rules.
func TestThresholdsAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	rules := shippedRules(t)
	for alert, texts := range map[string][]string{
		"HeartbeatSlow":         {"heartbeat_p99 > 1s", "heartbeat_p99 > 5s"},
		"HeartbeatFailed":       {"heartbeat_failures >= 3"},
		"SendSlow":              {"p99 > 800ms", "latency_share_above(500ms)"},
		"ConsumeSlow":           {"p99 > 800ms"},
		"SendErrors":            {"error_rate > 1%"},
		"BacklogHigh":           {"policy.tiers[tier].lag_age"},
		"DiskWatermark":         {"75%", "85%"},
		"LargeMessage":          {"size_max > 10KiB"},
		"LargeMessageP99":       {"size_p99 > 1MiB"},
		"FlowControlRisk":       {"send_queue_wait > 200ms", "page_cache_lock > 1s"},
		"RebalanceStorm":        {"rebalances >= 8"},
		"ReplicaHealthCritical": {"under_min_isr_partitions > 0 or leaderless_partitions > 0"},
		"ClusterWriteVolatile":  {"50%", "200%"},
		"ControllerMissing":     {"active_controllers < 1"},
	} {
		for _, text := range texts {
			if !strings.Contains(rules[alert], text) {
				t.Errorf("thresholds.go has %q of %s, whose rule is %q", text, alert, rules[alert])
			}
		}
	}
	policy, err := os.ReadFile("../../rules.d/policy.yaml")
	for _, age := range []string{"S1: {lag_age: 60s}", "S2: {lag_age: 5m}", "S3: {lag_age: 30m}"} {
		if err != nil || !strings.Contains(string(policy), age) {
			t.Errorf("thresholds.go has %q of the policy, which has not: %v", age, err)
		}
	}
}

// shippedRules are the conditions of the rules in rules.d, by name.
func shippedRules(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../rules.d/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			Groups []struct{ Rules []map[string]any }
		}
		if err := yaml.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, group := range read.Groups {
			for _, rule := range group.Rules {
				found[fmt.Sprint(rule["alert"])] = fmt.Sprint(rule["expr"], " ", rule["warn"], " ", rule["crit"])
			}
		}
	}
	return found
}
