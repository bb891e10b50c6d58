package rules_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
)

// TestFormatDuration holds that durations are written as they are read.
func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "1h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 24 * time.Hour: "1d", 36 * time.Hour: "1d12h", 500 * time.Millisecond: "500ms",
		10 * time.Minute: "10m", 20 * time.Hour: "20h"} {
		if got := rules.FormatDuration(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

// TestSqueezeExpression holds that blanks in quotes stay, whatever quotes and escapes there are.
func TestSqueezeExpression(t *testing.T) {
	for text, want := range map[string]string{"  a  ==\n\t'x  y'  ": "a == 'x  y'", `a == "x \"  y"   or  b`: `a == "x \"  y" or b`,
		"a == `x \\`  and  b": "a == `x \\` and b", `a == "\\"  and  b`: `a == "\\" and b`, "": ""} {
		if got := rules.SqueezeExpression(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
