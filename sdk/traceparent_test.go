package weir

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// whole is a valid header of version 00.
const whole = "00-" + traceA + "-" + parent + "-01"

func TestTraceparent(t *testing.T) {
	for _, test := range []struct{ what, value, trace string }{
		{"version 00", whole, traceA},
		{"not sampled", strings.TrimSuffix(whole, "01") + "00", traceA},
		{"a later version", "cc" + whole[2:], traceA},
		{"a later version with more", "cc" + whole[2:] + "-what-comes", traceA},
		{"a later version with more, not after a dash", "cc" + whole[2:] + "what-comes", ""},
		{"version 00 with more", whole + "-what-comes", ""},
		{"version ff", "ff" + whole[2:], ""},
		{"no version", "--" + whole[2:], ""},
		{"empty", "", ""},
		{"cut short", whole[:54], ""},
		{"a trace id alone", traceA, ""},
		{"capital letters", strings.ToUpper(whole), ""},
		{"a trace id of zeros", "00-" + strings.Repeat("0", 32) + "-" + parent + "-01", ""},
		{"a parent id of zeros", "00-" + traceA + "-" + strings.Repeat("0", 16) + "-01", ""},
		{"a trace id that is no number", "00-" + strings.Repeat("g", 32) + "-" + parent + "-01", ""},
		{"a parent id that is no number", "00-" + traceA + "-" + strings.Repeat("g", 16) + "-01", ""},
		{"flags that are no number", "00-" + traceA + "-" + parent + "-xx", ""},
		{"other marks than dashes", strings.ReplaceAll(whole, "-", "_"), ""},
		{"not UTF-8", "00-" + strings.Repeat("\xff", 32) + "-" + parent + "-01", ""},
	} {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: traceparentHeader, Value: []byte(test.value)}}}
		if got := traceOf(r.Headers).String(); got != test.trace {
			t.Errorf("%s: got trace %q, want %q", test.what, got, test.trace)
		}
	}
	after := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "Traceparent", Value: []byte(whole)}, {Key: traceparentHeader, Value: []byte("?")}, {Key: traceparentHeader, Value: []byte(whole)}}}
	if got := traceOf(after.Headers).String(); got != traceA {
		t.Errorf("got trace %q, want the first valid header's", got)
	}
	if got := traceOf(nil).String(); got != "" {
		t.Errorf("got trace %q of a record without headers", got)
	}
}

// FuzzTraceparent holds that a header of any bytes gives a trace id or none.
func FuzzTraceparent(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("cc" + whole[2:] + "-more"))
	f.Add([]byte("00-"))
	id := regexp.MustCompile(`^[0-9a-f]{32}$`)
	f.Fuzz(func(t *testing.T, value []byte) {
		got := traceOf([]kgo.RecordHeader{{Key: traceparentHeader, Value: value}}).String()
		if got != "" && (!id.MatchString(got) || strings.Trim(got, "0") == "" || !bytes.Contains(value, []byte(got))) {
			t.Errorf("header %q gives trace %q", value, got)
		}
	})
}

// TestInjectTraceparent sends records with and without the header.
func TestInjectTraceparent(t *testing.T) {
	h := offlineClient(t, Config{InjectTraceparent: true}).Hooks()
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
	seen := map[string]bool{}
	for range 100 {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "kind", Value: []byte("card")}}}
		h.OnProduceRecordBuffered(r)
		h.OnProduceRecordUnbuffered(r, kgo.ErrRecordTimeout)
		h.OnProduceRecordBuffered(r) // sent once more
		if len(r.Headers) != 2 || r.Headers[0].Key != "kind" || r.Headers[1].Key != traceparentHeader || !valid.Match(r.Headers[1].Value) {
			t.Fatalf("got headers %q", r.Headers)
		}
		trace := traceOf(r.Headers).String()
		if trace == "" || seen[trace] {
			t.Errorf("trace %q is invalid or was given before", trace)
		}
		seen[trace] = true
	}
	for _, value := range []string{whole, "malformed"} {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: traceparentHeader, Value: []byte(value)}}}
		h.OnProduceRecordBuffered(r)
		if len(r.Headers) != 1 || string(r.Headers[0].Value) != value {
			t.Errorf("got headers %q, want %q alone", r.Headers, value)
		}
	}
}

// TestInjectTraceparentSharesNothing sends two records whose headers are one slice
// with room for more, as an application has that builds them once.
func TestInjectTraceparentSharesNothing(t *testing.T) {
	h := offlineClient(t, Config{InjectTraceparent: true}).Hooks()
	headers := append(make([]kgo.RecordHeader, 0, 8), kgo.RecordHeader{Key: "kind", Value: []byte("card")})
	a, b := &kgo.Record{Headers: headers}, &kgo.Record{Headers: headers}
	h.OnProduceRecordBuffered(a)
	trace := traceOf(a.Headers).String()
	h.OnProduceRecordBuffered(b)
	if traceOf(a.Headers).String() != trace || traceOf(b.Headers).String() == trace {
		t.Error("a record's trace is replaced by another record's")
	}
}
