package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// explained prints the parts of an expression in a view, each with its depth as blanks.
func explained(t *testing.T, text string, view *View) string {
	t.Helper()
	if _, err := compileExpr(text, []string{"topic", "tier", "sdk_version"}, LaneRealtime); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	parts, more := (&explainer{source: asWritten(text)}).explain(view)
	var out []string
	for _, part := range parts {
		value := fmt.Sprint(part.Value)
		if part.Value == nil {
			value = "unknown"
		}
		if got := string([]rune(text)[part.Offset:][:len([]rune(part.Text))]); got != part.Text {
			t.Errorf("%q does not stand at %d of %s", part.Text, part.Offset, text)
		}
		out = append(out, strings.TrimRight(strings.Repeat("  ", part.Depth)+part.Text+" = "+value+" "+part.Unit, " "))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

// TestExplanation: each part has its text as it is written and the value that it has in the view.
func TestExplanation(t *testing.T) {
	view := &View{LabelView: LabelView{Tier: "S1", SDKVersion: "1.9"}, Over: func(string) Span { return Span{TPS: 4023, LagMax: math.NaN()} },
		Ago: func(back string, length ...string) Span {
			return map[string]Span{"10m, 1h": {TPS: 4}}[agoKey(back, length)]
		}}
	view.TPS, view.P99, view.SizeMax, view.Lag, view.Members = 20000, 0.953, 10240, 5, math.NaN()
	view.LatencyShareAbove = func(seconds float64) float64 { return seconds / 10 }
	view.PolicyNumber = func(string, string, string) float64 { return 60 }
	for text, want := range map[string]string{
		"p99 > 800ms": "p99 > 800ms = true\n  p99 = 0.953 s\n  800ms = 0.8 s",
		`tps >= 10_000 and tps >= 2 * over("5m").tps and lag > 9`: "WHOLE = false\n  tps >= 10_000 = true\n    tps = 20000 /s\n    10_000 = 10000\n" +
			"  tps >= 2 * over(\"5m\").tps = true\n    tps = 20000 /s\n    2 * over(\"5m\").tps = 8046 /s\n      2 = 2\n      over(\"5m\").tps = 4023 /s\n" +
			"  lag > 9 = false\n    lag = 5\n    9 = 9",
		"over(5m).lag_max > 1 or lag > 1":            "WHOLE = true\n  over(5m).lag_max > 1 = unknown\n    over(5m).lag_max = unknown\n    1 = 1\n  lag > 1 = true\n    lag = 5\n    1 = 1",
		"tps > 3 * ago( 10m,1h ).tps":                "WHOLE = true\n  tps = 20000 /s\n  3 * ago( 10m,1h ).tps = 12 /s\n    3 = 3\n    ago( 10m,1h ).tps = 4 /s",
		"not (members > 3) and lag / 0 > 1":          "WHOLE = unknown\n  not (members > 3) = unknown\n    members > 3 = unknown\n      members = unknown\n      3 = 3\n  lag / 0 > 1 = true\n    lag / 0 = +Inf\n      lag = 5\n      0 = 0\n    1 = 1",
		"(size_max + 1KiB) > 10KiB":                  "WHOLE = true\n  size_max + 1KiB = 11264 B\n    size_max = 10240 B\n    1KiB = 1024 B\n  10KiB = 10240 B",
		"latency_share_above(500ms) > 4%":            "WHOLE = true\n  latency_share_above(500ms) = 0.05\n  4% = 0.04",
		`tier == "S)1" or max(lag, 7) > -2`:          "WHOLE = true\n  tier == \"S)1\" = false\n    tier = S1\n    \"S)1\" = S)1\n  max(lag, 7) > -2 = true\n    max(lag, 7) = 7\n      lag = 5\n    -2 = -2",
		"tps * 2 > 1 && !(lag > 9)":                  "WHOLE = true\n  tps * 2 > 1 = true\n    tps * 2 = 40000 /s\n      tps = 20000 /s\n      2 = 2\n    1 = 1\n  !(lag > 9) = true\n    lag > 9 = false\n      lag = 5\n      9 = 9",
		"lag > 1 ? tps > 5 : p99 > 1s":               "WHOLE = true\n  lag > 1 = true\n    lag = 5\n    1 = 1\n  tps > 5 = true\n    tps = 20000 /s\n    5 = 5\n  p99 > 1s = false\n    p99 = 0.953 s\n    1s = 1 s",
		`sdk_version < "1.10" and lag not in [1, 2]`: "WHOLE = true\n  sdk_version < \"1.10\" = true\n    sdk_version = 1.9\n    \"1.10\" = 1.10\n  lag not in [1, 2] = true\n    lag = 5",
		`1 < lag < 9`:                                "WHOLE = true\n  1 < lag = true\n    1 = 1\n    lag = 5\n  lag < 9 = true\n    lag = 5\n    9 = 9",
		"lag_seconds < policy.tiers[tier].lag_age":   "WHOLE = true\n  lag_seconds = 0 s\n  policy.tiers[tier].lag_age = 60 s",
	} {
		want = strings.Replace(want, "WHOLE", text, 1)
		if got := explained(t, text, view); got != want {
			t.Errorf("%s is explained as\n%s\nwant\n%s", text, got, want)
		}
	}
}

// TestExplanationAgreesWithTheVerdict: the whole is what the rule holds, whatever of it is unknown.
func TestExplanationAgreesWithTheVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	found := map[any]int{}
	for range 200 {
		text := randomCondition(r, 1+r.IntN(2))
		compiled, err := compileExpr(text, nil, LaneRealtime)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		rule := &Rule{condition: compiled}
		view := &View{}
		view.Lag, view.Members = float64(r.IntN(5)), []float64{math.NaN(), 0, 3}[r.IntN(3)]
		active, indefinite, err := rule.holds(view, func() bool { return false })
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var want any = active
		if indefinite {
			want = nil
		}
		parts, _ := (&explainer{source: asWritten(text)}).explain(view)
		if parts[0].Value != want {
			t.Errorf("%s is %v and explained as %v", text, want, parts[0].Value)
		}
		found[want]++
	}
	if found[true] < 10 || found[false] < 10 || found[nil] < 10 {
		t.Errorf("the conditions are %v: too few of a kind", found)
	}
}

// TestExplanationIsBounded: what is left out is counted.
func TestExplanationIsBounded(t *testing.T) {
	view := &View{}
	text := "tps > 1" + strings.Repeat(" and tps > 1", 29)
	got := explained(t, text, view)
	if lines := strings.Split(got, "\n"); len(lines) != MaxExplained+1 || lines[MaxExplained] != "and 27 more" {
		t.Errorf("got %d lines, the last %s; 91 parts are there", len(lines), lines[len(lines)-1])
	}
}
