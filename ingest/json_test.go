package ingest

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// jsonOf is a report in the canonical JSON form of protobuf.
func jsonOf(t *testing.T, report telemetry.Report) []byte {
	t.Helper()
	var pb telemetrypb.Report
	if err := proto.Unmarshal(encode(t, report), &pb); err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(&pb)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// handWritten is what a person writes: names as in telemetry.proto, numbers as numbers, an enum by its name.
const handWritten = `{
	"schema": 1, "start_unix_ms": 1799999998800, "length_ms": 1000, "messages": 1204, "bytes": "281736",
	"labels": {"env": "prod", "cluster": "eu-1", "system": "kafka", "topic": "orders-completed", "op": "send",
		"client": "checkout-7f9c5b6d4f-x2x8k", "sdk_lang": "go", "sdk_version": "1.12.0",
		"extra": [{"name": "team", "value": "payments"}, {"name": "az", "value": "b"}, {"name": "empty", "value": ""}]},
	"latency": {"indexes": [338, 342], "counts": ["3", 4], "sum": 6300, "max": "930"},
	"gauges": [{"name": "paused", "value": 1}],
	"events": [{"kind": "KIND_PAUSED", "time_unix_ms": "1799999999000", "detail": "by hand"}, {"kind": 4}]
}`

// TestJSONIsAnotherSpelling holds that a report means the same in JSON and in protobuf: field names in snake or camel
// case, 64-bit numbers as numbers or strings, enums by name or number.
func TestJSONIsAnotherSpelling(t *testing.T) {
	full, valid := fullReport(), validReport()
	camel := jsonOf(t, full)
	for _, name := range []string{`"startUnixMs"`, `"sdkVersion"`, `"KIND_REBALANCED"`} {
		if !strings.Contains(string(camel), name) {
			t.Fatalf("%s lacks %s", camel, name)
		}
	}
	written := valid
	written.Labels.Extra = []telemetry.Label{{Name: "az", Value: "b"}, {Name: "team", Value: "payments"}}
	written.Errors = nil
	written.LatencyMicros = telemetry.Histogram{Indexes: []int32{338, 342}, Counts: []uint64{3, 4}, Sum: 6300, Max: 930}
	written.SizeBytes = telemetry.Histogram{}
	written.Gauges = []telemetry.Gauge{{Name: "paused", Value: 1}}
	written.Events = []telemetry.Event{{Kind: telemetry.EventPaused, TimeUnixMillis: 1799999999000, Detail: "by hand"}, {Kind: telemetry.EventResumed}}
	for _, c := range []struct {
		name string
		text string
		want telemetry.Report
	}{
		{"camel case", string(camel), full},
		{"snake case", handWritten, written},
		{"white space before it", "\r\n\t " + handWritten, written},
		{"fields of a later version", `{"later": {"a": [1]}, ` + handWritten[1:], written},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.RawLabels = rawLabels(t, c.want)
			equal(t, "JSON", c.want, *decode(t, []byte(c.text)))
			equal(t, "protobuf", c.want, *decode(t, encode(t, c.want)))
		})
	}
}

// TestProtobufThatLooksLikeJSONIsProtobuf holds that a record is read as what it is although it begins with a byte of
// JSON: 0x20 is white space and the tag of length_ms, and 0x7b, 123 ms, an opening brace.
func TestProtobufThatLooksLikeJSONIsProtobuf(t *testing.T) {
	value := append([]byte{0x20, 0x7b}, changed(t, func(r *telemetry.Report) { r.LengthMillis = 0 })...)
	want := validReport()
	want.LengthMillis = 123
	want.RawLabels = rawLabels(t, want)
	equal(t, "report", want, *decode(t, value))
}
