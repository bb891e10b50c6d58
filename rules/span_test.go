package rules

import (
	"math"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

func TestVolatility(t *testing.T) {
	for _, c := range []struct {
		name  string
		rates []float64
		want  float64
	}{
		{"steady", []float64{100, 100, 100}, 0},
		{"surge of 5,000 to 25,000", []float64{5000, 5000, 5000, 5000, 25000}, 4},
		{"even count takes the middle of two", []float64{100, 200, 300, 400}, 300.0 / 250},
		{"median zero", []float64{0, 0, 10}, 0},
		{"nothing", nil, 0},
	} {
		if got := volatility(c.rates); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: got %g, want %g", c.name, got, c.want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	ascending := []string{"1.2.3", "1.9.0", "1.10.0-rc1", "v1.10.0", "1.10.1", "2"}
	for i, a := range ascending {
		for j, b := range ascending {
			got := compareVersions(a, b)
			if (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("compareVersions(%s, %s) = %d", a, b, got)
			}
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "1d": 24 * time.Hour, "1d12h": 36 * time.Hour, "1m30s": 90 * time.Second} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "-5s", "d", "5 m", "99999999d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) = %s, want an error", text, got)
		}
	}
}

// TestUnknownSpanIsNeverTrue holds that no comparison with the unknown is true.
func TestUnknownSpanIsNeverTrue(t *testing.T) {
	span := unknownSpan()
	for name := range spanFields {
		number, numeric := span.number(name)
		if numeric && !math.IsNaN(number) {
			t.Errorf("%s of an unknown span is %g, want NaN", name, number)
		}
	}
}

func TestShowsPresence(t *testing.T) {
	for text, want := range map[string]bool{
		`tps > 100`:                              true,
		`p99 > 800ms and tps > 10`:               true,
		`10KiB < size_max`:                       true,
		`outdated("1.18.0") > 0`:                 true,
		`(errors + 1) * 2 > 5`:                   true,
		`tier == "S1" and tps > 1`:               true,
		`lag > 1000 and lag_max > 5`:             true,
		`retention_left > 5s`:                    false,
		`send_skew > 3`:                          false,
		`heartbeat_failures >= 3`:                false,
		`tps < 100`:                              false,
		`not (tps > 100)`:                        false,
		`tps > 2 * over("5m").tps`:               false,
		`departed_clients >= 1`:                  false,
		`volatility > 1`:                         false,
		`tps - 5 > 1`:                            false,
		`tps != 0`:                               false,
		`completeness > 0.5`:                     false,
		`tps > 1 ? tps > 2 : tps < 3`:            false,
		`prev.tps > 10 and tps > 1`:              false,
		`tps_median >= 50`:                       true,
		`latency_share_above(500ms) > 5% or 1>2`: true,
	} {
		compiled, err := compileExpr(text, []string{"tier"}, LaneRealtime)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if compiled.reads.presence != want {
			t.Errorf("showsPresence(%s) = %t, want %t", text, compiled.reads.presence, want)
		}
	}
}

func TestSpanFields(t *testing.T) {
	var s stretch
	s.seconds = 10
	s.totals.Messages, s.totals.Bytes = 90, 9000
	s.totals.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 10}}
	for range 99 {
		s.totals.LatencyMicros.Observe(1000)
	}
	s.totals.LatencyMicros.Observe(2_000_000)
	s.totals.Gauges = []telemetry.GaugeValue{{Name: telemetry.GaugeLagMessages, Sum: 7, Max: 5}, {Name: telemetry.GaugeLagSeconds, Sum: 9, Max: 6}}
	span := s.span(telemetry.PartLatency)
	for name, want := range map[string]float64{"tps": 9, "bps": 900, "errors": 10, "error_rate": 0.1, "p50": 0.001, "p999": 2, "latency_max": 2, "lag": 7, "lag_seconds": 6} {
		if got, _ := span.number(name); math.Abs(got-want) > 0.01*want {
			t.Errorf("%s = %g, want %g", name, got, want)
		}
	}
	if got := span.LatencyShareAbove(1); math.Abs(got-0.01) > 1e-9 {
		t.Errorf("latency_share_above(1) = %g, want 0.01", got)
	}
}

// TestErrorRateOfHandlers holds that a message whose handler failed counts once.
func TestErrorRateOfHandlers(t *testing.T) {
	s := stretch{seconds: 1}
	s.totals.Messages = 100
	s.totals.Errors = []telemetry.ErrorCount{{Class: "handler", Count: 100}}
	span := s.span(0)
	if span.ErrorRate != 1 {
		t.Errorf("every handler failed: error_rate is %g, want 1", span.ErrorRate)
	}
	s.totals.Errors = append(s.totals.Errors, telemetry.ErrorCount{Class: "timeout", Count: 100})
	span = s.span(0)
	if span.ErrorRate != 1 {
		t.Errorf("every message failed one way or the other: error_rate is %g, want 1", span.ErrorRate)
	}
}

func TestApplicationsOwnLabelsMayBeGroupedBy(t *testing.T) {
	for name, want := range map[string]bool{"team": false, "az": false, "zone": false, "line": true, "topc": true, "custer": true, "topic": false, "owner": false} {
		if got := misspelt(name); got != want {
			t.Errorf("misspelt(%s) = %t, want %t", name, got, want)
		}
	}
}

// TestSkewIsTheMedianOfThePanes holds that one odd pane does not make a skew, nor hide one; a pane in which nothing is sent has none.
func TestSkewIsTheMedianOfThePanes(t *testing.T) {
	e, g := NewEvaluator(&Set{}, Config{Pane: time.Second}), &groupState{}
	for at, rates := range [][]float64{{90, 10, 10, 10}, {90, 10, 10, 10}, {0, 0, 0, 0}, {10, 10, 10, 10}} {
		var totals telemetry.Totals
		for _, rate := range rates {
			gauge := telemetry.GaugeValue{Name: telemetry.GaugePartitionRate, TimeUnixMillis: int64(at), Last: rate, Max: rate, Sum: rate, Min: rate, Series: 1}
			totals.MergeSources(&telemetry.Totals{Reports: 1, Gauges: []telemetry.GaugeValue{gauge}})
		}
		g.panes.made(int64(at)).put(contribution{totals: &totals, own: true}, false)
	}
	span := e.stretchOf(g, time.Unix(0, 0), time.Unix(4, 0), 0).span(0)
	if span.SendSkew != 3 || span.SendPartitions != 4 {
		t.Errorf("the skew is %g over %g partitions, want 3 over 4", span.SendSkew, span.SendPartitions)
	}
	g.panes = g.panes[2:3]
	if span := e.stretchOf(g, time.Unix(0, 0), time.Unix(4, 0), 0).span(0); span.SendSkew != 0 {
		t.Errorf("nothing is sent: the skew is %g, want 0", span.SendSkew)
	}
}
