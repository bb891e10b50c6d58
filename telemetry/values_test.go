package telemetry_test

import (
	"flag"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirmq/weir/telemetry"
)

var update = flag.Bool("update", false, "rewrite the expectations under testdata")

// second is a time in 2027, as Unix seconds, that every value of these tests lies near.
const second = 1_800_000_000

var source = telemetry.Source{TopicID: [16]byte{0: 0xa0, 15: 0x0f}, Partition: 7}

// fullReport has every field of the contract set.
func fullReport() telemetry.Report {
	return telemetry.Report{
		Schema: telemetry.Schema,
		Labels: telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: "orders", Partition: "3",
			Group: "billing", Op: "send", Client: "billing-7f9", Node: "10.0.0.7", SDKLang: "go", SDKVersion: "1.2.0",
			Tier: "S1", Lane: "stable", Tag: "prod",
			Extra: []telemetry.Label{{Name: "az", Value: "b"}, {Name: "team", Value: "payments"}}},
		StartUnixMillis: second * 1000, LengthMillis: 1000,
		Messages: 300, Bytes: 70_000,
		Errors:          []telemetry.ErrorCount{{Class: "timeout", Count: 2}, {Class: "broker", Count: 1}},
		LatencyMicros:   histogramOf(0, 850, 900, 12_000),
		DelayMicros:     histogramOf(5_000),
		SizeBytes:       histogramOf(200, 233, 10_240),
		HeartbeatMicros: histogramOf(400, 400),
		Gauges:          []telemetry.Gauge{{Name: "lag_messages", Value: 41}, {Name: "lag_seconds", Value: 0.25}},
		Rebalances:      1, DroppedReports: 2,
		Exemplars: []telemetry.Exemplar{{TimeUnixMillis: second*1000 + 17, TraceID: "0af7651916cd43dd8448eb211c80319c",
			MessageID: "orders/3/1041", LatencyMicros: 12_000, SizeBytes: 10_240, ErrorClass: "timeout", Attempt: 1,
			DelayMicros: 7, Kept: telemetry.KeptError, Step: telemetry.StepSent, SampledOf: 1000}},
		LeftOutExemplars: 5,
		Events:           []telemetry.Event{{Kind: telemetry.EventRebalanced, TimeUnixMillis: second*1000 + 500, Detail: "member left"}},
	}
}

// fullTotals has every field set.
func fullTotals() telemetry.Totals {
	return telemetry.Totals{
		Reports: 3, Messages: 900, Bytes: 210_000, Errors: []telemetry.ErrorCount{{Class: "timeout", Count: 2}},
		LatencyMicros: histogramOf(many(290, 850, 867, 1700)...), DelayMicros: histogramOf(many(300, 5_000, 5_100)...), SizeBytes: histogramOf(many(300, 200, 204)...),
		HeartbeatMicros: histogramOf(many(300, 400, 408)...), Rebalances: 1, DroppedReports: 2, IntervalMillis: 3000,
		Gauges: []telemetry.GaugeValue{{Name: "lag_messages", TimeUnixMillis: second * 1000, Last: 41, Max: 50, Sum: 60, Min: 19, Series: 2}},
		Versions: []telemetry.VersionTotals{{SDKLang: "go", SDKVersion: "1.2.0", Messages: 900,
			Clients: []string{"billing-7f9"}}},
		Clients: []string{"billing-7f9", "billing-8a0"}, Nodes: []string{"10.0.0.7"}, StoppedClients: []string{"billing-8a0"},
		OverflowedClients: 4,
		Events:            []telemetry.Event{{Kind: telemetry.EventStopped, TimeUnixMillis: second * 1000, Detail: "SIGTERM"}},
	}
}

// ofCell are totals without what only groups have.
func ofCell(t telemetry.Totals) telemetry.Totals {
	t.Versions, t.Clients, t.Nodes, t.StoppedClients, t.OverflowedClients = nil, nil, nil, nil, 0
	return t
}

func fullCellBatch() telemetry.CellBatch {
	return telemetry.CellBatch{
		Source: source, Segment: telemetry.Segment{Block: 2, MinuteUnix: second / 60},
		Cells: []telemetry.Cell{{Pane: time.Unix(second, 0).UTC(), Labels: telemetry.Labels{Env: "prod", Cluster: "eu-2", Op: "send"}, Totals: telemetry.Totals{Reports: 1}},
			{Pane: time.Unix(second+10, 0).UTC(), Labels: fullReport().Labels, Totals: ofCell(fullTotals())}},
		Ledger:  &telemetry.Ledger{Reports: 3, Refused: 1, Bytes: 840, FirstOffset: 8_388_608, EndOffset: 8_388_612, Closed: true},
		Details: []telemetry.ReportDetail{fullDetail(8_388_608), {Offset: 8_388_609, Labels: telemetry.Labels{Op: "consume"}, LeftOutExemplars: 1}},
	}
}

func fullDetail(offset int64) telemetry.ReportDetail {
	r := fullReport()
	return telemetry.ReportDetail{Offset: offset, Labels: r.Labels, TimeUnixMillis: second*1000 + 1000, Exemplars: r.Exemplars, Events: r.Events,
		LeftOutExemplars: r.LeftOutExemplars}
}

func fullGroupBatch() telemetry.GroupBatch {
	return telemetry.GroupBatch{
		Source: source, Segment: telemetry.Segment{Block: 2, MinuteUnix: second / 60},
		Groups: []telemetry.GroupPartials{
			{Grouping: "cluster,topic", Values: []string{"eu-1", "invoices"}, Omitted: telemetry.PartDelay,
				Partials: []telemetry.GroupPartial{{Pane: time.Unix(second, 0).UTC(), Totals: telemetry.Totals{Reports: 1}}}},
			{Grouping: "cluster,topic", Values: []string{"eu-1", "orders"}, Omitted: telemetry.PartDelay,
				Partials: []telemetry.GroupPartial{{Pane: time.Unix(second, 0).UTC(), Totals: fullTotals()}, {Pane: time.Unix(second+10, 0).UTC(), Totals: fullTotals()}}},
			{Grouping: "topic", Values: []string{"orders"}, Partials: []telemetry.GroupPartial{{Pane: time.Unix(second, 0).UTC(), Totals: fullTotals()}}},
		},
	}
}

func fullWatermarks() []telemetry.Watermark {
	next := telemetry.Source{TopicID: source.TopicID, Partition: source.Partition + 1}
	return []telemetry.Watermark{
		{Source: source, EventTime: time.UnixMilli(second*1000 + 250).UTC(), Idle: true,
			Offset: 8_388_612, At: time.UnixMilli(second*1000 + 5250).UTC(), LateReports: 2, Sources: 9},
		{Source: next, EventTime: time.UnixMilli(second*1000 - 750).UTC(), Offset: 7, At: time.UnixMilli(second*1000 + 5260).UTC(), Sources: 9},
	}
}

// many are the values so many times each.
func many(times int, values ...uint64) (out []uint64) {
	for range times {
		out = append(out, values...)
	}
	return out
}

func histogramOf(values ...uint64) telemetry.Histogram {
	var h telemetry.Histogram
	for _, v := range values {
		h.Observe(v)
	}
	return h
}

// equal compares values; a nil list and an empty one are the same.
func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if reflect.DeepEqual(want, got) { // much faster than finding a difference
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// forSeeds calls check with random numbers of many seeds, and names the seed that fails.
func forSeeds(t *testing.T, seeds uint64, check func(*testing.T, *rand.Rand)) {
	t.Helper()
	for seed := range seeds {
		check(t, rand.New(rand.NewPCG(seed, seed)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// choose returns some of the texts, in their order.
func choose(r *rand.Rand, from ...string) []string {
	return slices.DeleteFunc(from, func(string) bool { return r.IntN(2) == 0 })
}

// randomValue is spread evenly over the orders of magnitude of a uint64.
func randomValue(r *rand.Rand) uint64 { return r.Uint64() >> r.IntN(65) }

func randomHistogram(r *rand.Rand, most int) telemetry.Histogram {
	var h telemetry.Histogram
	for range r.IntN(most + 1) {
		h.Observe(randomValue(r) >> 20) // sums stay within 64 bits
	}
	return h
}

// randomTotals are totals whose lists often meet those of others, ties in time included. Gauges are whole, so that
// their sums are exact in any order.
func randomTotals(r *rand.Rand) telemetry.Totals {
	t := telemetry.Totals{
		Reports: r.Uint64N(100), Messages: r.Uint64N(1000), Bytes: r.Uint64N(1000), Rebalances: r.Uint64N(3),
		DroppedReports: r.Uint64N(3), IntervalMillis: r.Uint64N(5000),
		LatencyMicros: randomHistogram(r, 5), DelayMicros: randomHistogram(r, 2), SizeBytes: randomHistogram(r, 2),
		HeartbeatMicros: randomHistogram(r, 2),
		Clients:         choose(r, "a", "b", "c"), Nodes: choose(r, "m", "n"), StoppedClients: choose(r, "a", "b"),
	}
	for _, class := range choose(r, "broker", "timeout") {
		t.Errors = append(t.Errors, telemetry.ErrorCount{Class: class, Count: 1 + r.Uint64N(5)})
	}
	for _, name := range choose(r, "lag_messages", "members") {
		t.Gauges = append(t.Gauges, telemetry.GaugeValue{Name: name, TimeUnixMillis: second + r.Int64N(3), Last: float64(r.IntN(3)),
			Max: float64(r.IntN(5)), Sum: float64(r.IntN(5)), Min: float64(r.IntN(5)), Series: 1 + r.Uint64N(3)})
	}
	for _, version := range choose(r, "1.0.0", "1.2.0") {
		t.Versions = append(t.Versions, telemetry.VersionTotals{SDKLang: "go", SDKVersion: version, Messages: r.Uint64N(9),
			Clients: choose(r, "a", "b", "c")})
	}
	for i := range r.Int64N(3) {
		t.Events = append(t.Events, telemetry.Event{Kind: telemetry.EventStarted, TimeUnixMillis: second + 10*i + r.Int64N(2)})
	}
	return t
}
