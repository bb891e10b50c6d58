package rules

import (
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestGaugesOfASpannedMinuteCountOnce has a pane in which one segment ends and the
// next begins: both saw the same series, and their lag is not twice as large.
func TestGaugesOfASpannedMinuteCountOnce(t *testing.T) {
	lag := func(series uint64, sum float64) *telemetry.Totals {
		return &telemetry.Totals{Reports: series, Messages: 10,
			Gauges: []telemetry.GaugeValue{{Name: gaugeLagMessages, TimeUnixMillis: int64(sum), Last: sum, Max: sum, Sum: sum, Min: sum, Series: series}}}
	}
	first, second := telemetry.Source{Partition: 0}, telemetry.Source{Partition: 1}
	before, after := telemetry.Segment{MinuteUnix: 1}, telemetry.Segment{MinuteUnix: 2}
	for _, c := range []struct {
		name  string
		parts map[part]*telemetry.Totals
		want  float64
	}{
		{"the later of two whole segments", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {first, after}: lag(3, 270)}, 270},
		{"the whole one while the later has heard of fewer", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {first, after}: lag(1, 90)}, 300},
		{"sources add up", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {second, before}: lag(1, 50), {second, after}: lag(1, 40)}, 340},
	} {
		pane := &paneState{parts: c.parts}
		s := stretch{totals: *pane.total(), seconds: time.Second.Seconds()}
		span := s.span(0)
		if span.Lag != c.want {
			t.Errorf("%s: lag is %g, want %g", c.name, span.Lag, c.want)
		}
		if want := float64(10 * len(c.parts)); span.Messages != want {
			t.Errorf("%s: got %g messages, want %g: counters add up over segments", c.name, span.Messages, want)
		}
	}
}
