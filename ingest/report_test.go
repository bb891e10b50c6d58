package ingest

import (
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// appendedAt is when the broker appended the records of these tests: in 2027, in Unix milliseconds.
const appendedAt = 1_800_000_000_000

// validReport is what a client's SDK sends each second, and what every test of this package starts from: 8 labels and
// a histogram of 20 buckets, 210 bytes.
func validReport() telemetry.Report {
	report := telemetry.Report{
		Schema: telemetry.Schema,
		Labels: telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: "orders-completed", Op: "send",
			Client: "checkout-7f9c5b6d4f-x2x8k", SDKLang: "go", SDKVersion: "1.12.0"},
		StartUnixMillis: appendedAt - 1200, LengthMillis: 1000,
		Messages: 1204, Bytes: 281_736,
		Errors: []telemetry.ErrorCount{{Class: "timeout", Count: 2}},
	}
	for i := range uint64(20) {
		value := uint64(850 + 70*i)
		for range 1 + i%7*20 {
			report.LatencyMicros.Observe(value)
		}
	}
	for _, size := range []uint64{180, 234, 310} {
		report.SizeBytes.Observe(size)
	}
	return report
}

// fullReport is a valid report with every field set.
func fullReport() telemetry.Report {
	report := validReport()
	report.Labels.Partition, report.Labels.Group, report.Labels.Node = "3", "billing", "10.0.0.7"
	report.Labels.Tier, report.Labels.Lane, report.Labels.Tag = "S1", "stable", "prod"
	report.Labels.Extra = []telemetry.Label{{Name: "az", Value: "b"}, {Name: "team", Value: "payments"}}
	report.DelayMicros.Observe(5_000)
	report.HeartbeatMicros.Observe(0)
	report.Gauges = []telemetry.Gauge{{Name: "lag_messages", Value: 41}, {Name: "lag_seconds", Value: 0.25}}
	report.Rebalances, report.DroppedReports = 1, 2
	report.Exemplars = []telemetry.Exemplar{{TimeUnixMillis: appendedAt - 700, TraceID: "0af7651916cd43dd8448eb211c80319c",
		MessageID: "orders-completed/3/1041", LatencyMicros: 2180, SizeBytes: 310, ErrorClass: "handler", Attempt: 2,
		DelayMicros: 9_000, Kept: telemetry.KeptError, Step: telemetry.StepHandled, SampledOf: 1000}}
	report.LeftOutExemplars = 3
	report.Events = []telemetry.Event{{Kind: telemetry.EventRebalanced, TimeUnixMillis: appendedAt - 600, Detail: "member left"}}
	return report
}

// encode is a report's record value.
func encode(t testing.TB, report telemetry.Report) []byte {
	t.Helper()
	value, err := telemetry.MarshalReport(&report)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// changed is a valid report's record value after a change.
func changed(t testing.TB, change func(*telemetry.Report)) []byte {
	t.Helper()
	report := validReport()
	change(&report)
	return encode(t, report)
}

func TestValidReportIsOfTheSizeThatIsMeasured(t *testing.T) {
	report := validReport()
	labels := 0
	for i := range telemetry.LabelNames {
		if *report.Labels.FieldAt(i) != "" {
			labels++
		}
	}
	if buckets := len(report.LatencyMicros.Indexes); labels != 8 || buckets != 20 {
		t.Errorf("it has %d labels and %d buckets, want 8 and 20", labels, buckets)
	}
	if got := len(encode(t, report)); got != 210 {
		t.Errorf("it has %d bytes, want 210", got)
	}
}
