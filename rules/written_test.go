package rules_test

import (
	"strings"
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
		"a == `x \\`  and  b": "a == `x \\` and b", `a == "\\"  and  b`: `a == "\\" and b`, "": "",
		"a  >  1  // b  c\n  and  d": "a > 1 // b  c\n  and  d", "a/* x  y */  >  1": "a/* x  y */  >  1", `a == "//  b"  or  c`: `a == "//  b" or c`, "//": "//"} {
		if got := rules.SqueezeExpression(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestTreesOfRules holds that the trees of a rule's expressions have constants in place of literals, at the literals' places.
func TestTreesOfRules(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte(`groups: [{name: g, rules: [{alert: A, where: 5m > 3s, expr: over(5m).p99 > 800ms}]}]`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	condition := parsed[0].Conditions()[0]
	if got := condition.Tree.String(); got != `over("5m").p99 > 0.8` || condition.Tree.Location().From != 13 {
		t.Errorf("the tree is %s, at %+v", got, condition.Tree.Location())
	}
	if got := parsed[0].WhereTree().String(); got != "300 > 3" {
		t.Errorf("the filter's tree is %s", got)
	}
}

// TestReads holds that a rule says all that it reads, functions and other times too.
func TestReads(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte("groups:\n  - name: g\n    rules:\n      - alert: A\n        by: [topic, tier]\n"+
		"        expr: label(\"topic\") != tier and outdated(\"1.0.0\") > 0 and outdated(\"2.0.0\") > 0 and tps > 2 * over(\"10m\").tps and tps > ago(\"3m\").tps and errors > prev.errors\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if got := strings.Join(parsed[0].Reads(), " "); got != "tps errors outdated tier topic over(10m) ago(3m) prev" {
		t.Errorf("reads %s", got)
	}
}
