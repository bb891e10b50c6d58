package meter

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
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
		if got := TraceOf(test.value); got != test.trace {
			t.Errorf("%s: got trace %q, want %q", test.what, got, test.trace)
		}
	}
}

// FuzzTraceparent holds that a header of any bytes gives a trace id or none.
func FuzzTraceparent(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("cc" + whole[2:] + "-more"))
	f.Add([]byte("00-"))
	valid := regexp.MustCompile(`^[0-9a-f]{32}$`)
	f.Fuzz(func(t *testing.T, value []byte) {
		got := string(TraceOf(value))
		if asText := TraceOf(string(value)); asText != got {
			t.Errorf("header %q gives trace %q, and %q as text", value, got, asText)
		}
		if got != "" && (!valid.MatchString(got) || strings.Trim(got, "0") == "" || !bytes.Contains(value, []byte(got))) {
			t.Errorf("header %q gives trace %q", value, got)
		}
	})
}

// TestNewTraceparent holds that each is valid and of a trace of its own.
func TestNewTraceparent(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		value := NewTraceparent()
		trace := string(TraceOf(value))
		if trace == "" || seen[trace] || !strings.HasSuffix(string(value), "-01") {
			t.Errorf("%q is invalid or was given before", value)
		}
		seen[trace] = true
	}
}
