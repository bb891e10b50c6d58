package rules

import (
	"testing"
	"time"

	"github.com/expr-lang/expr"
)

// TestLiteralsAreConstants holds what the tree of a rule has in place of literals, and that the compiled expression says the same.
func TestLiteralsAreConstants(t *testing.T) {
	for text, want := range map[string]string{
		"p99 > 800ms and size_max > 10KiB":   "p99 > 0.8 and size_max > 10240",
		"error_rate > 5% or bps >= 10MB/s":   "error_rate > 0.05 or bps >= 1e+07",
		"over(5m).tps > 2 * ago(1m30s).tps":  `over("5m").tps > 2 * ago("1m30s").tps`,
		`over("5m").tps > tps`:               `over("5m").tps > tps`,
		"latency_share_above(500ms) > 0.5%":  "latency_share_above(0.5) > 0.005",
		"max(p50, 0.5s) > 1e3ms ? true:1h>p": "",
	} {
		compiled, err := compileExpr(text, nil, LaneRealtime)
		if (err != nil) != (want == "") {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err == nil && compiled.tree.String() != want {
			t.Errorf("%s became %s, want %s", text, compiled.tree, want)
		}
	}
	for text, want := range map[string]bool{
		"p99 > 300ms": false, "p99 >= 300ms": true, "p99 < 1s and size_max == 10KiB": true, "over(5m).p99 >= 0.3s": true,
	} {
		compiled, err := compileExpr(text, nil, LaneRealtime)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		view := View{Span: Span{P99: 0.3, SizeMax: 10240}, Over: func(string) Span { return Span{P99: 0.3} }}
		if got, err := expr.Run(compiled.program, view); err != nil || got != want {
			t.Errorf("%s is %v, want %t: %v", text, got, want, err)
		}
	}
}

// TestSpansAsLiterals holds that a literal and a text say the same span.
func TestSpansAsLiterals(t *testing.T) {
	compiled, err := compileExpr(`over(5m).tps > 1 and over("5m").tps > 1 and ago(0.5m).tps > 1 and ago(1e3ms).tps > 1 and ago(10m,  "1h").tps > 1`, nil, LaneRealtime)
	if err != nil {
		t.Fatal(err)
	}
	reads := compiled.reads
	if len(reads.over) != 1 || reads.over["5m"] != 5*time.Minute || reads.ago["0.5m"] != (agoSpan{back: 30 * time.Second}) || reads.ago["1s"] != (agoSpan{back: time.Second}) ||
		reads.ago["10m, 1h"] != (agoSpan{10 * time.Minute, time.Hour}) {
		t.Errorf("reads over %v, ago %v", reads.over, reads.ago)
	}
}
