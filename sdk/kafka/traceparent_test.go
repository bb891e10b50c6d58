package kafka

import (
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/report"
)

// whole is a valid header of version 00.
const whole = "00-" + traceA + "-" + parent + "-01"

// traceOf is the trace that is told of a record.
func traceOf(r *kgo.Record) string {
	var m meter.Message
	describe(&m, r)
	return string(m.Trace)
}

// TestTraceOfARecord takes the first valid header.
func TestTraceOfARecord(t *testing.T) {
	after := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "Traceparent", Value: []byte(whole)}, {Key: meter.TraceparentHeader, Value: []byte("?")}, {Key: meter.TraceparentHeader, Value: []byte(whole)}}}
	if got := traceOf(after); got != traceA {
		t.Errorf("got trace %q, want the first valid header's", got)
	}
	if got := traceOf(&kgo.Record{}); got != "" {
		t.Errorf("got trace %q of a record without headers", got)
	}
}

// TestInjectTraceparent sends records with and without the header.
func TestInjectTraceparent(t *testing.T) {
	h := NewHooks(openOffline(t, report.Config{InjectTraceparent: true}))
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
	seen := map[string]bool{}
	for range 100 {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "kind", Value: []byte("card")}}}
		h.OnProduceRecordBuffered(r)
		h.OnProduceRecordUnbuffered(r, kgo.ErrRecordTimeout)
		h.OnProduceRecordBuffered(r) // sent once more
		if len(r.Headers) != 2 || r.Headers[0].Key != "kind" || r.Headers[1].Key != meter.TraceparentHeader || !valid.Match(r.Headers[1].Value) {
			t.Fatalf("got headers %q", r.Headers)
		}
		trace := traceOf(r)
		if trace == "" || seen[trace] {
			t.Errorf("trace %q is invalid or was given before", trace)
		}
		seen[trace] = true
	}
	for _, value := range []string{whole, "malformed"} {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: meter.TraceparentHeader, Value: []byte(value)}}}
		h.OnProduceRecordBuffered(r)
		if len(r.Headers) != 1 || string(r.Headers[0].Value) != value {
			t.Errorf("got headers %q, want %q alone", r.Headers, value)
		}
	}
}

// TestInjectTraceparentSharesNothing sends two records whose headers are one slice
// with room for more, as an application has that builds them once.
func TestInjectTraceparentSharesNothing(t *testing.T) {
	h := NewHooks(openOffline(t, report.Config{InjectTraceparent: true}))
	headers := append(make([]kgo.RecordHeader, 0, 8), kgo.RecordHeader{Key: "kind", Value: []byte("card")})
	a, b := &kgo.Record{Headers: headers}, &kgo.Record{Headers: headers}
	h.OnProduceRecordBuffered(a)
	trace := traceOf(a)
	h.OnProduceRecordBuffered(b)
	if traceOf(a) != trace || traceOf(b) == trace {
		t.Error("a record's trace is replaced by another record's")
	}
}
