package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// fleet is an evaluator with the data of many groups.
type fleet struct {
	*Evaluator
	at     time.Time
	random *rand.Rand
}

const fleetPane = 10 * time.Second

// fleetRule is a rule's text; by default it has a window of a minute.
func fleetRule(number int, expression string) string {
	expression, window, timed := strings.Cut(expression, " | ")
	if !timed {
		window = "1m"
	}
	return fmt.Sprintf("      - {alert: R%d, by: [cluster, topic, tier], window: %s, expr: '%s'}\n", number, window, expression)
}

// fleetPolicy says nothing of S3 and S4, of the cluster eu-2, and of Java.
var fleetPolicy = &Policy{
	SDKMin:   map[string]string{"go": "1.1.0", "": "1.2.0"},
	Tiers:    map[string]map[string]float64{"S1": {"lag_age": 50}, "S2": {"lag_age": 90, "lag": 10}},
	Clusters: map[string]map[string]float64{"eu-0": {"capacity_tps": 50}, "eu-1": {"capacity_tps": 80}},
}

// newFleet has heard of groups in each of some panes.
func newFleet(t testing.TB, expressions []string, groups, panes int) *fleet {
	var text strings.Builder
	text.WriteString("groups:\n  - name: fleet\n    rules:\n")
	for i, expression := range expressions {
		text.WriteString(fleetRule(i, expression))
	}
	parsed, faults := Parse("rules.yaml", []byte(text.String()))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	f := &fleet{Evaluator: NewEvaluator(&Set{Rules: parsed, Policy: fleetPolicy}, Config{Pane: fleetPane}), random: rand.New(rand.NewPCG(1, 1)),
		at: time.Unix(1_800_000_000, 0).UTC()}
	f.watermark()
	for range panes {
		f.hear(groups)
	}
	return f
}

var fleetSource = telemetry.Source{TopicID: [16]byte{1}}

func (f *fleet) watermark() {
	f.ApplyWatermark(telemetry.Watermark{Source: fleetSource, EventTime: f.at, At: f.at, Sources: 1})
}

// hear takes what comes of one pane, and closes it. Some groups have nothing to say.
func (f *fleet) hear(groups int) {
	grouping := f.set.Groupings()[0]
	batch := telemetry.GroupBatch{Source: fleetSource, Segment: telemetry.Segment{MinuteUnix: f.at.Truncate(time.Minute).Unix()}}
	for i := range groups {
		if f.random.IntN(8) == 0 {
			continue
		}
		partial := telemetry.GroupPartial{Pane: f.at, Totals: f.totals(i)}
		batch.Groups = append(batch.Groups, telemetry.GroupPartials{Grouping: grouping.ID, Omitted: grouping.Omit,
			Values: []string{fmt.Sprintf("eu-%d", i%3), fmt.Sprintf("orders-%05d", i), fmt.Sprintf("S%d", 1+i%4)}, Partials: []telemetry.GroupPartial{partial}})
	}
	f.Apply(&batch)
	f.at = f.at.Add(fleetPane)
	f.watermark()
}

// totals are random; every field has something in some group.
func (f *fleet) totals(group int) (t telemetry.Totals) {
	r := f.random
	report := telemetry.Report{Messages: r.Uint64N(1000), Bytes: r.Uint64N(1_000_000), Rebalances: r.Uint64N(3), LengthMillis: 1000, StartUnixMillis: f.at.UnixMilli()}
	for _, h := range []*telemetry.Histogram{&report.LatencyMicros, &report.DelayMicros, &report.SizeBytes, &report.HeartbeatMicros} {
		for range r.IntN(12) {
			h.Observe(1000 + r.Uint64N(100_000))
		}
	}
	if r.IntN(3) == 0 {
		report.Errors = []telemetry.ErrorCount{{Class: "handler", Count: r.Uint64N(100)}, {Class: "timeout", Count: r.Uint64N(20)}}
	}
	if group%5 > 0 {
		for _, below := range []telemetry.Gauge{{Name: telemetry.GaugeLagMessages, Value: 1000}, {Name: telemetry.GaugeLagSeconds, Value: 100}, {Name: telemetry.GaugeMembers, Value: 3},
			{Name: telemetry.GaugePartitionRate, Value: 9}, {Name: telemetry.GaugePaused, Value: 3}, {Name: telemetry.GaugeUnderReplicated, Value: 2}} {
			report.Gauges = append(report.Gauges, telemetry.Gauge{Name: below.Name, Value: float64(r.IntN(int(below.Value)))})
		}
	}
	var cell telemetry.Totals
	cell.AddReport(&report)
	for range 1 + r.IntN(3) {
		labels := telemetry.Labels{Client: fmt.Sprintf("c%d-%d", group, r.IntN(5)), Node: fmt.Sprintf("n%d", r.IntN(4)), SDKVersion: fmt.Sprintf("1.%d.0", r.IntN(3))}
		t.JoinSeries(&labels, &cell)
	}
	return t
}

// fieldConditions read every column in several ways.
var fieldConditions = []string{
	"tps > 40", "bps >= 60KB/s | 20s", "messages < 2500 and bytes > 1KB", "errors > 60 or error_rate > 5%", "rebalances >= 9",
	"p50 > 50ms and p90 < 95ms", "p95 > 90ms | 3m", "p99 > 99.9ms or p999 > 100ms", "latency_max > 100ms", "delay_p50 > 50ms", "delay_p99 < 90ms | 20s",
	"size_p50 > 50KB and size_p99 > 90KB", "size_max > 99KB | 30s", "size_avg < 50KB", "heartbeat_p99 > 100ms and heartbeat_p50 > 40ms",
	"heartbeat_p90 < 95ms", "clients > 4", "nodes < 4 | 20s", "lag > 900", "lag_seconds > 95s | 20s", "members > 5 or send_skew > 1.5", "paused_clients == 0",
	"tps_median > 60 or volatility > 3", "departed_clients > 1 | 20s", "under_replicated_partitions > 0",
	`over("3m").tps > 45 and ago("1m").p99 > 90ms`, "tps >= 1.1 * prev.tps", `over("2m").latency_share_above(90ms) > 12% or outdated("1.1.0") > 0.4`,
	`version_share("1.2.0") < 0.2`, `tier == "S1" and tps > 10 or topic startsWith "orders-000" and not (cluster in ["eu-1", "eu-2"])`,
	`label("topic") matches "7$"`, `topic contains "42" or topic endsWith "5" and tier != "S2"`, "prev.rebalances == rebalances",
	`max(p99, over("2m").p99) > (tier == "S1" ? 99ms : 100ms)`, "bytes / messages > 1.5KB", `-tps < -90 and abs(tps - prev.tps) > 30`,
	"prev.lag > 500 or lag_max > 990", `tps > 1.2 * ago(30s, 2m).tps and ago("1m", "90s").errors > 500 | 20s`,
	"p90 > ago(10s, 1m).p90 and ago(1m, 2m).latency_share_above(90ms) > 12% and lag_max > ago(20s, 30s).lag_max - 50",
	"lag_seconds > policy.tiers[tier].lag_age", `lag > policy.tiers["S2"].lag and tps > 0.6 * policy.inventory[label("cluster")].capacity_tps`,
	`outdated(policy.sdk_min["go"]) > 0.4`, `version_share("<", policy.sdk_min["go"]) < version_share(">=", "1.2.0")`,
}

// TestBatchFindsWhatOneByOneIsFound holds that a batch has for candidates just the groups for which the expression is true.
func TestBatchFindsWhatOneByOneIsFound(t *testing.T) {
	f := newFleet(t, fieldConditions, 1050, 19)
	groups := f.present(f.at)[f.set.Rules[0].Grouping.ID]
	batch := f.batches[f.set.Rules[0].Grouping.ID]
	batch.evaluate(f.Evaluator, groups, f.at)
	for i := range batch.rules {
		f.compare(t, &batch.rules[i], groups)
	}
}

func (f *fleet) compare(t *testing.T, found *batchRule, groups []*groupState) {
	t.Helper()
	var want []int32
	for row, g := range groups {
		verdict, err := f.ask(found.rule, g, f.at)
		if err != nil {
			t.Fatal(err)
		}
		if verdict.active {
			want = append(want, int32(row))
		}
	}
	switch {
	case !found.lowered:
		t.Errorf("%s is not lowered", found.rule.ExprText)
	case len(want) == 0 || len(want) == len(groups):
		t.Errorf("%s is true of %d of %d groups: choose one that tells them apart", found.rule.ExprText, len(want), len(groups))
	case !slices.Equal(found.candidates, want):
		t.Errorf("%s: %d candidates, want %d", found.rule.ExprText, len(found.candidates), len(want))
	}
}

// TestBatchReadsThePolicyOfEachGroup holds that a minimum that the policy has for some languages only is read for each group.
func TestBatchReadsThePolicyOfEachGroup(t *testing.T) {
	f := newFleet(t, []string{"outdated(policy.sdk_min[tier]) > 0.2"}, 40, 5)
	f.set.Policy = &Policy{SDKMin: map[string]string{"S1": "1.1.0", "S2": "1.2.0"}}
	groups := f.present(f.at)[f.set.Rules[0].Grouping.ID]
	batch := f.batches[f.set.Rules[0].Grouping.ID]
	batch.evaluate(f.Evaluator, groups, f.at)
	f.compare(t, &batch.rules[0], groups)
}

// TestBatchLeavesOutNothing holds that a rule which cannot be lowered, or that reads something unknown, is asked of every group.
func TestBatchLeavesOutNothing(t *testing.T) {
	f := newFleet(t, []string{"tps > 1e9", `len(topic) > 1000`, `tps > 1e9 and len(topic) > 1`, `tps > 1e9 + over("5m").tps`, "tps > 1e9 + ago(10s, 5m).tps | 10s"}, 10, 3)
	groups := f.present(f.at)[f.set.Rules[0].Grouping.ID]
	batch := f.batches[f.set.Rules[0].Grouping.ID]
	batch.evaluate(f.Evaluator, groups, f.at)
	for i, want := range []int{0, len(groups), 0, len(groups), len(groups)} {
		if got := len(batch.rules[i].candidates); got != want {
			t.Errorf("%s: %d candidates of %d groups, want %d", batch.rules[i].rule.ExprText, got, len(groups), want)
		}
	}
}

// TestBatchAsksEveryGroupWhereSomethingWasLeftOut holds that an omission is heeded as long as a rule's window reads its pane.
func TestBatchAsksEveryGroupWhereSomethingWasLeftOut(t *testing.T) {
	f := newFleet(t, []string{"p99 > 1e9s", "tps > 1e9"}, 10, 3)
	batch := f.batches[f.set.Rules[0].Grouping.ID]
	f.omits.note(batch.grouping, telemetry.PartLatency, f.at.Unix()-10)
	for _, want := range []int{10, 10, 10, 10, 10, 10, 0} {
		groups := f.present(f.at)[batch.grouping]
		batch.evaluate(f.Evaluator, groups, f.at)
		if p99, tps := len(batch.rules[0].candidates), len(batch.rules[1].candidates); p99 != want || tps != 0 {
			t.Errorf("%d and %d candidates, want %d of the rule that reads what was left out", p99, tps, want)
		}
		f.hear(10)
	}
}
