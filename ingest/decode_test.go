package ingest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// decode reads a record that must be valid.
func decode(t testing.TB, value []byte) *telemetry.Report {
	t.Helper()
	report, err := NewDecoder(DefaultLimits()).Decode(value, appendedAt)
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	return report
}

// equal compares reports; a nil list and an empty one are the same.
func equal(t *testing.T, what string, want, got telemetry.Report) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReportsAreReadWhole(t *testing.T) {
	for name, report := range map[string]telemetry.Report{"valid": validReport(), "full": fullReport()} {
		value := encode(t, report)
		report.RawLabels = rawLabels(t, report)
		equal(t, name, report, *decode(t, value))
	}
}

// rawLabels is a report's label region as an SDK writes it.
func rawLabels(t *testing.T, report telemetry.Report) []byte {
	t.Helper()
	raw, err := telemetry.MarshalLabels(&report.Labels)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestNothingOfOneReportIsLeftInTheNext holds that a decoder's memory is no memory.
func TestNothingOfOneReportIsLeftInTheNext(t *testing.T) {
	decoder := NewDecoder(DefaultLimits())
	for _, value := range [][]byte{encode(t, fullReport()), jsonOf(t, fullReport()), []byte("garbage"), encode(t, validReport())} {
		_, _ = decoder.Decode(value, appendedAt)
	}
	report, err := decoder.Decode(changed(t, func(r *telemetry.Report) { r.LatencyMicros.Reset() }), appendedAt)
	if err != nil {
		t.Fatal(err)
	}
	want := validReport()
	want.LatencyMicros.Reset()
	want.RawLabels = rawLabels(t, want)
	equal(t, "after others", want, *report)
}

// TestNothingIsCopied holds that a report's strings are the record's own bytes.
func TestNothingIsCopied(t *testing.T) {
	value := encode(t, validReport())
	report := decode(t, value)
	at := bytes.Index(value, []byte("kafka"))
	copy(value[at:], "KAFKA")
	if report.Labels.System != "KAFKA" || !bytes.Contains(report.RawLabels, []byte("KAFKA")) {
		t.Errorf("the label is %q, want the record's bytes", report.Labels.System)
	}
}

// TestDecodingAllocatesNothing holds the promise of speed: after warm-up a record costs no memory.
func TestDecodingAllocatesNothing(t *testing.T) {
	decoder := NewDecoder(DefaultLimits())
	for name, value := range map[string][]byte{"valid": encode(t, validReport()), "full": encode(t, fullReport())} {
		if n := testing.AllocsPerRun(1000, func() {
			if _, err := decoder.Decode(value, appendedAt); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %g allocations for each record, want none", name, n)
		}
	}
}

// TestLimitsAreInclusive holds that what is exactly at a bound is allowed.
func TestLimitsAreInclusive(t *testing.T) {
	limits := DefaultLimits()
	report := fullReport()
	report.Labels.Topic = string(bytes.Repeat([]byte("t"), limits.MaxLabelBytes))
	report.Labels.Extra = nil
	for i := range limits.MaxExtraLabels {
		report.Labels.Extra = append(report.Labels.Extra, telemetry.Label{Name: fmt.Sprintf("label-%03d", i), Value: report.Labels.Topic})
	}
	report.Messages, report.Bytes = limits.MaxCount, limits.MaxCount
	report.LengthMillis = uint32(limits.MaxLength.Milliseconds())
	report.Events = slices.Repeat(report.Events, limits.MaxListed)
	report.LatencyMicros = telemetry.Histogram{Indexes: []int32{telemetry.ZeroBucket, telemetry.MaxHistogramBuckets - 1},
		Counts: []uint64{1, limits.MaxCount}, Sum: limits.MaxCount, Max: math.MaxUint64}
	for _, skew := range []int64{-limits.MaxSkew.Milliseconds(), limits.MaxSkew.Milliseconds()} {
		report.StartUnixMillis = appendedAt + skew
		decode(t, encode(t, report))
	}
	const unknown, overhead = 100, 5 // of the tag and the length of an unknown field
	value := encode(t, validReport())
	padding := make([]byte, limits.MaxReportBytes-len(value)-overhead)
	value = protowire.AppendBytes(protowire.AppendTag(value, unknown, protowire.BytesType), padding)
	if len(value) != limits.MaxReportBytes {
		t.Fatalf("the record has %d bytes, want %d", len(value), limits.MaxReportBytes)
	}
	decode(t, value)
}
