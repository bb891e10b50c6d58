package grafana_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/deploy/grafana"
)

// TestThresholdsAreThoseOfTheRules: a colour that stands for a rule begins at the number that the shipped rule has.
func TestThresholdsAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	rules, limits := shippedRules(t), grafana.Limits()
	for _, c := range []struct {
		alert, limits string
		position      int     // of the limit
		text          string  // of the rule, with the limit in its unit
		unit          float64 // of the text, in that of the limit
	}{
		{"HeartbeatSlow", "heartbeat", 0, "heartbeat_p99 > %vs", 1000},
		{"HeartbeatSlow", "heartbeat", 1, "heartbeat_p99 > %vs", 1000},
		{"HeartbeatFailed", "failure", 1, "heartbeat_failures >= %v", 1},
		{"SendSlow", "latency", 0, "latency_share_above(%vms)", 1},
		{"SendSlow", "latency", 1, "p99 > %vms", 1},
		{"ConsumeSlow", "latency", 1, "p99 > %vms", 1},
		{"SendErrors", "error", 1, "error_rate > %v%%", 0.01},
		{"DiskWatermark", "disk", 0, "disk_used >= %v%%", 0.01},
		{"DiskWatermark", "disk", 1, "disk_used >= %v%%", 0.01},
		{"LargeMessage", "size", 0, "size_max > %vKiB", 1 << 10},
		{"LargeMessageP99", "size", 1, "size_p99 > %vMiB", 1 << 20},
		{"FlowControlRisk", "queue", 0, "send_queue_wait > %vms", 0.001},
		{"RebalanceStorm", "rebalance", 0, "rebalances >= %v", 1},
		{"ReplicaHealthCritical", "leaderless", 0, "leaderless_partitions > %v", 1},
		{"ClusterWriteVolatile", "volatility", 0, "volatility > %v%%", 0.01},
		{"ClusterWriteVolatile", "volatility", 1, "volatility > %v%%", 0.01},
		{"RetentionRisk", "retention", 0, "retention_left < %vh", 3600},
	} {
		value := limits[c.limits][c.position] / c.unit
		if c.limits == "leaderless" {
			value-- // more than none is one
		}
		if want := fmt.Sprintf(c.text, strconv.FormatFloat(value, 'g', 9, 64)); !regexp.MustCompile(regexp.QuoteMeta(want) + `(\s|$)`).MatchString(rules[c.alert]) {
			t.Errorf("the limits of %s say %q of %s, whose rule is %q", c.limits, want, c.alert, rules[c.alert])
		}
	}
	policy, err := os.ReadFile("../../rules.d/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"S1: {lag_age: %vs}", "S2: {lag_age: %vm}", "S3: {lag_age: %vm}"} {
		want := fmt.Sprintf(text, limits["lag"][i]/[]float64{1, 60, 60}[i])
		if !strings.Contains(string(policy), want) {
			t.Errorf("the limits of lag say %q, the policy does not", want)
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
