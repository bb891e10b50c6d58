package pipeline

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/health"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// limitStory is what brokers and clients say for twenty minutes, as lines of a test of rules.
type limitStory struct {
	rule, part string
	kind       health.Kind
	lines      []string
}

// steady has the lines hold all the time.
func steady(rule, part string, kind health.Kind, lines ...string) limitStory {
	for i := range lines {
		lines[i] = "at 0s..20m: cluster=example " + lines[i]
	}
	return limitStory{rule, part, kind, lines}
}

// swinging is a rate that peaks once.
func swinging(rule string, kind health.Kind, rate, swing float64) limitStory {
	s := limitStory{rule: rule, part: "write_volatility", kind: kind}
	for _, span := range []struct {
		when string
		rate float64
	}{{"0s..19m", rate}, {"19m..19m10s", rate * (1 + swing)}, {"19m10s..20m", rate}} {
		s.lines = append(s.lines, fmt.Sprintf("at %s: %s", span.when, sends(10*span.rate)), fmt.Sprintf("at %s: %s", span.when, writes("orders", 0, span.rate)))
	}
	return s
}

// sends is what clients say of ten seconds, and writes what brokers do of a second.
func sends(messages float64) string {
	return fmt.Sprintf("cluster=example op=send topic=orders messages=%.0f", messages)
}

func writes(topic string, partition int, rate float64) string {
	return fmt.Sprintf("cluster=example op=broker topic=%s partition=%d gauge.in_sync_replicas=1 gauge.partition_messages_per_second=%v", topic, partition, rate)
}

// limitStories have values on both sides of every limit of the shipped rules that health compares with.
func limitStories() []limitStory {
	var all []limitStory
	each := func(rule, part string, kind health.Kind, line string, values ...float64) {
		for _, value := range values {
			var lines []string
			for one := range strings.SplitSeq(strings.ReplaceAll(line, "VALUE", strconv.FormatFloat(value, 'f', -1, 64)), "\n") {
				lines = append(lines, one)
			}
			all = append(all, steady(rule, part, kind, lines...))
		}
	}
	cluster, node, group, topic := health.KindCluster, health.KindNode, health.KindGroup, health.KindTopic
	each("NodeMissing", "nodes", cluster, "op=broker gauge.nodes_alive=VALUE", 4, 5, 6)
	each("ControllerMissing", "active_controllers", cluster, "op=broker gauge.active_controllers=VALUE", 0, 1)
	each("ReplicaHealthCritical", "leaderless_partitions", cluster, "op=broker gauge.under_min_isr_partitions=0 gauge.leaderless_partitions=VALUE", 0, 1)
	each("ReplicaHealthCritical", "under_min_isr_partitions", cluster, "op=broker gauge.leaderless_partitions=0 gauge.under_min_isr_partitions=VALUE", 0, 1)
	each("ReplicaHealth", "under_replicated_polls", cluster, "op=broker gauge.under_replicated_partitions=1 gauge.under_replicated_polls_ratio=VALUE", 0.7, 0.8, 0.9)
	for _, rate := range []float64{49_900, 50_000, 50_100, 80_000, 80_100} {
		all = append(all, steady("ClusterWatermark", "write_rate", cluster, sends(10*rate), writes("orders", 0, rate)))
	}
	for _, swing := range []float64{0.49, 0.51, 1.99, 2.01} {
		all = append(all, swinging("ClusterWriteVolatile", cluster, 100, swing))
	}
	all = append(all, swinging("ClusterWriteVolatile", cluster, 49, 3), swinging("TopicRateVolatile", topic, 100, 0.99),
		swinging("TopicRateVolatile", topic, 100, 1.01), swinging("TopicRateVolatile", topic, 49, 3))
	for _, busy := range []float64{88, 90, 93} {
		all = append(all, steady("SendSkew", "send_skew", topic, writes("orders", 0, busy), writes("orders", 1, 10), writes("orders", 2, 10), writes("orders", 3, 10)))
	}
	all = append(all, steady("SendSkew", "send_skew", topic, writes("orders", 0, 99), writes("orders", 1, 0), writes("orders", 2, 0)))
	each("HeartbeatFailed", "heartbeat_failures", node, "op=probe node=b1 client=c gauge.heartbeat_failures_in_a_row=VALUE", 2, 3, 4)
	each("HeartbeatSlow", "heartbeat", node, "op=probe node=b1 client=c heartbeat=VALUEms", 950, 1050, 4800, 5200)
	each("DiskWatermark", "disk_used", node, "op=broker node=b1 gauge.disk_used_ratio=VALUE", 0.74, 0.75, 0.84, 0.85, 0.86)
	each("FlowControlRisk", "send_queue_wait", node, "op=broker system=rocketmq node=b1 gauge.page_cache_lock_seconds=0 gauge.send_queue_wait_seconds=VALUE", 0.2, 0.21)
	each("FlowControlRisk", "page_cache_lock", node, "op=broker system=rocketmq node=b1 gauge.send_queue_wait_seconds=0 gauge.page_cache_lock_seconds=VALUE", 1, 1.1)
	const level = "op=broker system=rocketmq topic=SCHEDULE_TOPIC_XXXX partition=broker-a:3"
	each("DelayLevelStalled", "delay_overdue", topic, level+" gauge.delay_early_seconds=0 gauge.delay_overdue_seconds=VALUE", 0, 60, 61)
	each("DelayLevelSkipped", "delay_early", topic, level+" gauge.delay_overdue_seconds=0 gauge.delay_early_seconds=VALUE", 0, 60, 61)
	const letters = "op=group system=rocketmq group=billing gauge.dead_letter_messages=%d gauge.dead_letter_messages_per_second=VALUE"
	each("DeadLettersGrowing", "dead_letters", group, fmt.Sprintf(letters, 7), 0, 0.2)
	each("DeadLettersGrowing", "dead_letters", group, fmt.Sprintf(letters, 0), 0.2)
	each("SubscriptionMismatch", "subscription_mismatches", group, "op=group system=rocketmq group=billing gauge.subscription_mismatches=VALUE", 0, 1)
	const suspended = "op=group system=rocketmq group=billing tier=S1 topic=orders"
	each("PauseForgotten", "paused", group, suspended+" gauge.paused=2 gauge.paused_seconds=VALUE", 1800, 1801)
	each("PauseForgotten", "paused", group, suspended+" gauge.paused=2 gauge.paused_seconds=70\n"+suspended+" partition=b:0 gauge.lag_seconds=VALUE", 60, 61)
	each("PauseForgotten", "paused", group, suspended+" partition=b:0 gauge.lag_messages=9 gauge.lag_seconds=VALUE", 61)
	for _, tier := range []string{"S1", "S2", "S3", "S4", ""} {
		of := "op=group group=billing"
		if tier != "" {
			of += " tier=" + tier
		}
		in := of + " topic=orders partition=0"
		each("BacklogHigh", "lag_age", group, in+" gauge.lag_messages=5 gauge.lag_seconds=VALUE", 59, 60, 61, 299, 300, 301, 1800, 1801)
		each("BacklogGrowing", "growing_partitions", group, in+" gauge.growing_partitions=VALUE", 0, 1)
		each("OffsetRewind", "rewound_partitions", group, in+" gauge.rewound_partitions=VALUE", 0, 1)
		each("PartitionStalled", "stalled_partitions", group, in+" gauge.stalled_partitions=VALUE", 0, 1)
		each("PartitionStopped", "stopped_partitions", group, in+" gauge.stopped_partitions=VALUE", 0, 1)
		each("RetentionRisk", "retention_left", group, in+" gauge.lag_messages=5 gauge.retention_left_seconds=VALUE", 3599, 3600)
		each("RetentionRisk", "retention_left", group, in+" gauge.lag_messages=0 gauge.retention_left_seconds=VALUE", 1800)
		each("GroupOffline", "members", group, of+" gauge.members=0\n"+in+" gauge.lag_messages=VALUE", 0, 1)
		each("GroupOffline", "members", group, of+" gauge.members=1\n"+in+" gauge.lag_messages=VALUE", 1)
		each("GroupOfflineRetries", "members", group, of+" gauge.members=0 gauge.retry_lag_messages=VALUE\n"+in+" gauge.lag_messages=0", 1)
		each("LagSkew", "lag_skew", group, in+" gauge.lag_messages=VALUE\n"+of+" topic=orders gauge.lag_median_messages=1000", 5000, 5001)
		each("LagSkew", "lag_skew", group, in+" gauge.lag_messages=VALUE\n"+of+" topic=orders gauge.lag_median_messages=0", 1000, 1001)
	}
	return all
}

// TestLimitsAreThoseOfTheRules tells the shipped rules and health the same: what is bad wakes somebody, and what is a warning warns.
func TestLimitsAreThoseOfTheRules(t *testing.T) {
	stories := limitStories()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../rules.d")); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i, s := range stories {
		fmt.Fprintf(&text, "case %d\nrules %s\n%s\nadvance to 20m\nwant\n", i, s.rule, strings.Join(s.lines, "\n"))
	}
	path := filepath.Join(dir, "tests", "health_test.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := TestRules(path, RulesTestOptions{})
	if err != nil || len(result.Faults) > 0 || len(result.Cases) != len(stories) {
		t.Fatalf("%v %v, %d cases of %d", err, result.Faults, len(result.Cases), len(stories))
	}
	policy, err := readPolicy("../rules.d")
	if err != nil {
		t.Fatal(err)
	}
	compared, unheld := map[health.State]int{}, unheldRules(t)
	for i, s := range stories {
		want := stateOfRules(result.Cases[i].Happened)
		got, rule := s.health(t, policy)
		if got != want || rule != "" && rule != s.rule {
			t.Errorf("%s is %s in health, by %s, and %s by the rule %s:\n%s\n%s", s.part, got, rule, want, s.rule, strings.Join(s.lines, "\n"),
				strings.Join(result.Cases[i].Happened, "\n"))
		}
		compared[want]++
		delete(unheld, s.rule)
	}
	for name := range unheld {
		t.Errorf("health has no part for the rule %s: add one, or say here why not", name)
	}
	if compared[health.OK] < 20 || compared[health.Warn] < 20 || compared[health.Bad] < 20 {
		t.Errorf("compared %v only", compared)
	}
}

// ofClients are rules that read what clients report, or an hour, and collectors know neither.
var ofClients = []string{"SlowBroker", "TrafficSurge", "RateCliff", "SendRateZero", "SendSlow", "SendErrors", "ConsumeSlow", "LargeMessageP99", "ConsumerNodeOffline",
	"RebalanceStorm", "ConsumeZeroBacklog"}

// unheldRules are those shipped rules that health is to have a part for.
func unheldRules(t *testing.T) map[string]bool {
	t.Helper()
	set, err := rules.Load("../rules.d")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, rule := range set.Rules {
		out[rule.Alert] = !slices.Contains(ofClients, rule.Alert)
	}
	maps.DeleteFunc(out, func(_ string, wanted bool) bool { return !wanted })
	return out
}

var happened = regexp.MustCompile(`severity=(\w+).*\} (\w+) `)

// stateOfRules is what alerts say in the end.
func stateOfRules(lines []string) health.State {
	state := health.OK
	for _, line := range lines {
		match := happened.FindStringSubmatch(line)
		switch {
		case match == nil || match[2] != "firing":
			state = health.OK
		case match[1] == "critical":
			state = health.Bad
		default:
			state = health.Warn
		}
	}
	return state
}

// health is how the part is in the end, and the rule that it names. A part that does not apply is fine.
func (s *limitStory) health(t *testing.T, policy *rules.Policy) (state health.State, rule string) {
	t.Helper()
	const step = 10 * time.Second
	began := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	cluster := health.NewCluster("example", step)
	now := began
	for at := time.Duration(0); at < 20*time.Minute; at += step {
		var reports []telemetry.Report
		for _, line := range s.lines {
			span, words, _ := strings.Cut(strings.TrimPrefix(line, "at "), ": ")
			from, to, _ := strings.Cut(span, "..")
			if at >= parsedDuration(t, from) && at < parsedDuration(t, to) {
				reports = append(reports, storyReport(t, words))
			}
		}
		now = began.Add(at)
		cluster.Take(health.Poll{At: now, Reports: reports})
	}
	tree := cluster.Tree(health.Question{Limits: healthLimits(policy, "example"), Now: now, All: true})
	things := append([]health.Thing{tree.Thing}, tree.Children...)
	for _, thing := range things {
		i := slices.IndexFunc(thing.Parts, func(p health.Part) bool { return p.Name == s.part })
		if thing.Kind == s.kind && i >= 0 {
			return thing.Parts[i].State, thing.Parts[i].Rule
		}
	}
	return health.OK, ""
}

func parsedDuration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// storyReport reads a report as a test of rules writes it.
func storyReport(t *testing.T, line string) telemetry.Report {
	t.Helper()
	r := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{System: "kafka"}}
	labels := map[string]*string{"cluster": &r.Labels.Cluster, "system": &r.Labels.System, "op": &r.Labels.Op, "node": &r.Labels.Node,
		"client": &r.Labels.Client, "topic": &r.Labels.Topic, "partition": &r.Labels.Partition, "group": &r.Labels.Group, "tier": &r.Labels.Tier}
	for word := range strings.FieldsSeq(line) {
		name, text, _ := strings.Cut(word, "=")
		gauge, isGauge := strings.CutPrefix(name, "gauge.")
		switch {
		case labels[name] != nil:
			*labels[name] = text
		case name == "heartbeat":
			r.HeartbeatMicros.Observe(uint64(parsedDuration(t, text).Microseconds()))
		case isGauge:
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.Gauges = append(r.Gauges, telemetry.Gauge{Name: gauge, Value: value})
		}
	}
	return r
}
