package ingest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestRefusals holds what a sender reads in weir.deadletter: the reason, and what was got, what is allowed, what to do.
func TestRefusals(t *testing.T) {
	valid := encode(t, validReport())
	for _, c := range []struct {
		name   string
		value  []byte
		reason Reason
		detail string
	}{
		{"empty record", nil, ReasonUndecodable, "record has no value: send a report as protobuf or JSON"},
		{"white space", []byte(" \n"), ReasonUndecodable, "record has no value: send a report as protobuf or JSON"},
		{"garbage", []byte("\xff\xfe\xfd"), ReasonUndecodable, "not a protobuf report: cut short or damaged"},
		{"text", []byte("hello"), ReasonUndecodable, "not a protobuf report: cut short or damaged"},
		{"truncated", valid[:len(valid)-1], ReasonUndecodable, "not a protobuf report: cut short or damaged"},
		{"truncated inside a field", append([]byte{0x12, 2, 0x0a, 9}, valid...), ReasonUndecodable,
			"field 2: not a protobuf report: cut short or damaged"},
		{"label not UTF-8", append([]byte{0x12, 4, 0x0a, 2, 0xc3, 0x28}, valid...), ReasonUndecodable, "field 2: string is not UTF-8"},
		{"JSON garbage", []byte(`{"schema": 1,,}`), ReasonUndecodable, `not a JSON report: proto: syntax error (line 1:14): unexpected token ,`},
		{"JSON cut short", []byte(`{"schema": 1`), ReasonUndecodable, "not a JSON report: proto: unexpected EOF"},
		{"JSON of another type", []byte(`{"messages": "many"}`), ReasonUndecodable,
			`not a JSON report: proto: (line 1:14): invalid value for uint64 field messages: "many"`},
		{"JSON that is not UTF-8", []byte("{ \xfa"), ReasonUndecodable,
			"not a JSON report: proto: syntax error (line 1:3): invalid value \ufffd"},
		{"JSON with a long value", []byte(`{"messages": "` + strings.Repeat("9", 1000) + `"}`), ReasonUndecodable,
			`not a JSON report: proto: (line 1:14): invalid value for uint64 field messages: "` + strings.Repeat("9", 431)},
		{"2 MB label", changed(t, func(r *telemetry.Report) { r.Labels.Topic = strings.Repeat("t", 2<<20) }), ReasonOversized,
			"report has 2097352 bytes, at most 262144 are allowed"},
		{"no schema", changed(t, func(r *telemetry.Report) { r.Schema = 0 }), ReasonSchema, "got schema 0, this version reads 1"},
		{"later schema", changed(t, func(r *telemetry.Report) { r.Schema = 2 }), ReasonSchema, "got schema 2, this version reads 1"},
		{"time in 1970", changed(t, func(r *telemetry.Report) { r.StartUnixMillis = 1000 }), ReasonTime,
			"start 1000 ms is more than 24h0m0s from the broker's time 1800000000000 ms: set the client's clock"},
		{"time in 2099", changed(t, func(r *telemetry.Report) {
			r.StartUnixMillis = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
		}), ReasonTime, "start 4070908800000 ms is more than 24h0m0s from the broker's time 1800000000000 ms: set the client's clock"},
		{"a time that overflows", changed(t, func(r *telemetry.Report) { r.StartUnixMillis = math.MinInt64 }), ReasonTime,
			"start -9223372036854775808 ms is more than 24h0m0s from the broker's time 1800000000000 ms: set the client's clock"},
		{"zero length", changed(t, func(r *telemetry.Report) { r.LengthMillis = 0 }), ReasonTime, "length is 0 ms, 1 to 600000 are allowed"},
		{"length of an hour", changed(t, func(r *telemetry.Report) { r.LengthMillis = 3_600_000 }), ReasonTime,
			"length is 3600000 ms, 1 to 600000 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.value, c.reason, c.detail) })
	}
}

func TestRefusalsOfLabels(t *testing.T) {
	extra := func(names ...string) func(*telemetry.Report) {
		return func(r *telemetry.Report) {
			for _, name := range names {
				r.Labels.Extra = append(r.Labels.Extra, telemetry.Label{Name: name, Value: "v"})
			}
		}
	}
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf("label-%05d", i))
	}
	for _, c := range []struct {
		name   string
		change func(*telemetry.Report)
		detail string
	}{
		{"no op", func(r *telemetry.Report) { r.Labels.Op = "" }, `op is "", allowed are [send consume probe broker group control]`},
		{"unknown op", func(r *telemetry.Report) { r.Labels.Op = "sned" }, `op is "sned", allowed are [send consume probe broker group control]`},
		{"long op", func(r *telemetry.Report) { r.Labels.Op = strings.Repeat("o", 300) },
			`op is "oooooooooooooooooooooooooooooooo", allowed are [send consume probe broker group control]`},
		{"long label", func(r *telemetry.Report) { r.Labels.SDKVersion = strings.Repeat("1", 257) },
			"label sdk_version has 257 bytes, at most 256 are allowed"},
		{"NUL in a label", func(r *telemetry.Report) { r.Labels.Topic = "a\x00b" }, `label topic is "a\x00b": no control character is allowed`},
		{"line break in a label", func(r *telemetry.Report) { r.Labels.Group = "a\nb" }, `label group is "a\nb": no control character is allowed`},
		{"escape behind letters", func(r *telemetry.Report) { r.Labels.Client = strings.Repeat("é", 100) + "\x1b[2J" },
			"label client is \"" + strings.Repeat("é", 32) + "\": no control character is allowed"},
		{"DEL in a label", func(r *telemetry.Report) { r.Labels.Node = "\x7f" }, `label node is "\x7f": no control character is allowed`},
		{"a control character of two bytes", func(r *telemetry.Report) { r.Labels.Tag = "a\u009fb" }, `label tag is "a\u009fb": no control character is allowed`},
		{"10,000 labels", extra(many...), "10000 extra labels, at most 16 are allowed"},
		{"extra label without a name", extra(""), `extra label "": name 1 to 256 bytes, value at most as many`},
		{"long name", extra(strings.Repeat("n", 257)), `extra label "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn": name 1 to 256 bytes, value at most as many`},
		{"long value", func(r *telemetry.Report) {
			r.Labels.Extra = []telemetry.Label{{Name: "team", Value: strings.Repeat("v", 257)}}
		}, `extra label "team": name 1 to 256 bytes, value at most as many`},
		{"NUL in a value", func(r *telemetry.Report) {
			r.Labels.Extra = []telemetry.Label{{Name: "team", Value: "\x00"}}
		}, `label team is "\x00": no control character is allowed`},
		{"tab in a name", extra("te\tam"), `name of extra label "te\tam": no control character is allowed`},
		{"duplicate extra label", extra("team", "team"), `extra label "team" is out of order or given twice: sort by name`},
		{"well-known extra label", extra("topic"), `extra label "topic" has a field of its own: use it`},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, changed(t, c.change), ReasonLabels, c.detail) })
	}
	// An encoder sorts; a sender that does not writes them as they come.
	unsorted := append(encode(t, validReport()), 0x12, 12, 0x7a, 4, 0x0a, 2, 'z', 'z', 0x7a, 4, 0x0a, 2, 'a', 'a')
	refused(t, unsorted, ReasonLabels, `extra label "aa" is out of order or given twice: sort by name`)
}

func TestRefusalsOfValues(t *testing.T) {
	gauge := func(value float64) func(*telemetry.Report) {
		return func(r *telemetry.Report) { r.Gauges = []telemetry.Gauge{{Name: "lag_messages", Value: value}} }
	}
	const need = ": a name and a finite value of at least 0 are needed"
	for _, c := range []struct {
		name   string
		change func(*telemetry.Report)
		detail string
	}{
		{"huge messages", func(r *telemetry.Report) { r.Messages = 1<<50 + 1 }, "a counter is 1125899906842625, at most 1125899906842624 is allowed"},
		{"huge bytes", func(r *telemetry.Report) { r.Bytes = math.MaxUint64 }, "a counter is 18446744073709551615, at most 1125899906842624 is allowed"},
		{"huge rebalances", func(r *telemetry.Report) { r.Rebalances = 1 << 60 }, "a counter is 1152921504606846976, at most 1125899906842624 is allowed"},
		{"huge dropped reports", func(r *telemetry.Report) { r.DroppedReports = 1 << 60 }, "a counter is 1152921504606846976, at most 1125899906842624 is allowed"},
		{"huge errors", func(r *telemetry.Report) { r.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 1 << 60}} },
			`error class "timeout" with count 1152921504606846976 is not allowed`},
		{"error without a class", func(r *telemetry.Report) { r.Errors = []telemetry.ErrorCount{{Count: 1}} }, `error class "" with count 1 is not allowed`},
		{"long list", func(r *telemetry.Report) { r.Exemplars = make([]telemetry.Exemplar, 129) }, "a list has 129 items, at most 128 are allowed"},
		{"negative gauge", gauge(-1), `gauge "lag_messages" is -1` + need},
		{"NaN gauge", gauge(math.NaN()), `gauge "lag_messages" is NaN` + need},
		{"infinite gauge", gauge(math.Inf(1)), `gauge "lag_messages" is +Inf` + need},
		{"gauge without a name", func(r *telemetry.Report) { r.Gauges = []telemetry.Gauge{{Value: 3}} }, `gauge "" is 3` + need},
		{"long trace id", func(r *telemetry.Report) { r.Exemplars = []telemetry.Exemplar{{TraceID: strings.Repeat("0", 257)}} },
			"an exemplar's id or error class is longer than 256 bytes"},
		{"event of no kind", func(r *telemetry.Report) { r.Events = []telemetry.Event{{}} }, "event of kind 0 is not known or its detail too long"},
		{"event of unknown kind", func(r *telemetry.Report) { r.Events = []telemetry.Event{{Kind: 9}} }, "event of kind 9 is not known or its detail too long"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, changed(t, c.change), ReasonValue, c.detail) })
	}
}

func TestRefusalsOfHistograms(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      telemetry.Histogram
		detail string
	}{
		{"indexes not ascending", telemetry.Histogram{Indexes: []int32{5, 4}, Counts: []uint64{1, 1}}, "index 4 comes after 5: they must ascend"},
		{"index given twice", telemetry.Histogram{Indexes: []int32{5, 5}, Counts: []uint64{1, 1}}, "index 5 comes after 5: they must ascend"},
		{"counts of other length", telemetry.Histogram{Indexes: []int32{5, 6}, Counts: []uint64{1}}, "2 indexes but 1 counts"},
		{"index below zero's", telemetry.Histogram{Indexes: []int32{-2}, Counts: []uint64{1}}, "index -2, allowed are -1 to 2219"},
		{"index of no value", telemetry.Histogram{Indexes: []int32{2220}, Counts: []uint64{1}}, "index 2220, allowed are -1 to 2219"},
		{"count of 0", telemetry.Histogram{Indexes: []int32{5}, Counts: []uint64{0}}, "count of index 5 is 0, allowed are 1 to 1125899906842624"},
		{"huge count", telemetry.Histogram{Indexes: []int32{5}, Counts: []uint64{1 << 51}}, "count of index 5 is 2251799813685248, allowed are 1 to 1125899906842624"},
		{"huge sum", telemetry.Histogram{Indexes: []int32{5}, Counts: []uint64{1}, Sum: 1 << 51}, "sum is 2251799813685248, at most 1125899906842624 is allowed"},
		{"no max", telemetry.Histogram{Indexes: []int32{300}, Counts: []uint64{1}, Sum: 400}, "max is 0, but bucket 300 is the last: send the greatest value"},
		{"max above the last bucket", telemetry.Histogram{Indexes: []int32{300}, Counts: []uint64{1}, Max: 413}, "max is 413, but bucket 300 is the last: send the greatest value"},
		{"max below the last bucket", telemetry.Histogram{Indexes: []int32{300}, Counts: []uint64{1}, Max: 386}, "max is 386, but bucket 300 is the last: send the greatest value"},
		{"max of zeros", telemetry.Histogram{Indexes: []int32{telemetry.ZeroBucket}, Counts: []uint64{1}, Max: 1}, "max is 1, but bucket -1 is the last: send the greatest value"},
	} {
		for field, place := range map[string]func(*telemetry.Report){
			"latency": func(r *telemetry.Report) { r.LatencyMicros = c.h }, "delay": func(r *telemetry.Report) { r.DelayMicros = c.h },
			"size": func(r *telemetry.Report) { r.SizeBytes = c.h }, "heartbeat": func(r *telemetry.Report) { r.HeartbeatMicros = c.h },
		} {
			t.Run(c.name+" in "+field, func(t *testing.T) { refused(t, changed(t, place), ReasonHistogram, c.detail) })
		}
	}
	// An encoder leaves a histogram without buckets out; a sender may write one all the same.
	none := append(encode(t, validReport()), 0x5a, 2, 0x20, 1)
	refused(t, none, ReasonHistogram, "max is 1, but there is no bucket: send the greatest value")
}

// refused holds that a record is refused in these words.
func refused(t *testing.T, value []byte, reason Reason, detail string) {
	t.Helper()
	report, err := NewDecoder(DefaultLimits()).Decode(value, appendedAt)
	var refusal *Refusal
	if report != nil || !errors.As(err, &refusal) {
		t.Fatalf("got %v, %v, want a refusal", report, err)
	}
	// The protobuf library varies the space after its name from build to build.
	got := strings.ReplaceAll(refusal.Detail, "\u00a0", " ")
	if refusal.Reason != reason || got != detail {
		t.Errorf("got  %s: %s\nwant %s: %s", refusal.Reason, got, reason, detail)
	}
}
