package aggregate

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// benchSeries is how many series the measured source has.
const benchSeries = 10_000

// benchReports are one report of each series, as a client's SDK sends it each second: 8 labels, a histogram of 20
// buckets, 210 bytes when encoded.
func benchReports(b *testing.B) []telemetry.Report {
	b.Helper()
	reports := make([]telemetry.Report, benchSeries)
	for i := range reports {
		r := &reports[i]
		*r = telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Messages: 1204, Bytes: 281_736,
			Labels: telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: fmt.Sprintf("orders-%03d", i%100), Op: "send",
				Client: fmt.Sprintf("checkout-7f9c5b6d4f-%05d", i), SDKLang: "go", SDKVersion: "1.12.0"},
			Errors: []telemetry.ErrorCount{{Class: "timeout", Count: 2}}}
		for bucket := range uint64(20) {
			r.LatencyMicros.Observe(850 + 70*bucket)
		}
		raw, err := telemetry.MarshalLabels(&r.Labels)
		if err != nil {
			b.Fatal(err)
		}
		r.RawLabels = raw
	}
	return reports
}

// BenchmarkFold begins and adds one report. Each series sends once a second, so that a minute, which closes a segment
// and flushes its cells, costs its share.
func BenchmarkFold(b *testing.B) {
	all := []telemetry.Grouping{{ID: "cluster", By: []string{"cluster"}}, {ID: "topic", By: []string{"cluster", "topic"}}, {ID: "client", By: []string{"client"}}}
	for _, groupings := range [][]telemetry.Grouping{nil, all} {
		b.Run(fmt.Sprintf("groupings=%d", len(groupings)), func(b *testing.B) {
			reports := benchReports(b)
			fold := NewFold(telemetry.Source{}, DefaultParameters(), DefaultLateness, groupings)
			b.ReportAllocs()
			offset := int64(0)
			for b.Loop() {
				at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli() + offset*1000/benchSeries, ValueBytes: 210}
				report := &reports[offset%benchSeries]
				report.StartUnixMillis = at.AppendUnixMillis - time.Second.Milliseconds()
				fold.Begin(at)
				if err := fold.Add(at, report, labelsOf(report)); err != nil {
					b.Fatal(err)
				}
				offset++
			}
		})
	}
}
