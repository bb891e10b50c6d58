package rules

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

const (
	// MinBaseline is the shortest baseline. Not shorter: one day is ago(1d).
	MinBaseline = 2 * Day
	// MinBaselineDays is how many days must be known of a baseline, or all of a shorter one. Not fewer: of three days one that
	// is unlike the others does not move the median; not more: rules would say nothing for longer after the store began.
	MinBaselineDays = 3
)

// baselineFunction is the name of the function in expressions.
const baselineFunction = "baseline"

// spreadScale makes the median of distances from the median the standard deviation where values are normally distributed: one
// through the 75th percentile of the normal distribution (Rousseeuw and Croux, Alternatives to the Median Absolute
// Deviation, JASA 88, 1993).
const spreadScale = 1.4826

// Baseline is what a rule sees of the same hour on earlier days: of each field the median over the days that are known, and
// the spread around it, in the field's unit. All are NaN where too few days are known.
type Baseline struct {
	TPS             float64 `expr:"tps" dim:"1/time" unit:"messages per second"`
	BPS             float64 `expr:"bps" dim:"bytes/time" unit:"bytes per second"`
	Messages        float64 `expr:"messages" dim:"plain" unit:"messages"`
	Bytes           float64 `expr:"bytes" dim:"bytes" unit:"bytes"`
	Errors          float64 `expr:"errors" dim:"plain" unit:"messages that failed"`
	ErrorRate       float64 `expr:"error_rate" dim:"plain" unit:"share 0-1 of messages that failed to be sent, or to be handled"`
	Busy            float64 `expr:"busy" dim:"plain" unit:"share 0-1 of the hour's minutes with messages"`
	TPSSpread       float64 `expr:"tps_spread" dim:"1/time" unit:"messages per second"`
	BPSSpread       float64 `expr:"bps_spread" dim:"bytes/time" unit:"bytes per second"`
	MessagesSpread  float64 `expr:"messages_spread" dim:"plain" unit:"messages"`
	BytesSpread     float64 `expr:"bytes_spread" dim:"bytes" unit:"bytes"`
	ErrorsSpread    float64 `expr:"errors_spread" dim:"plain" unit:"messages that failed"`
	ErrorRateSpread float64 `expr:"error_rate_spread" dim:"plain" unit:"share 0-1"`
	BusySpread      float64 `expr:"busy_spread" dim:"plain" unit:"share 0-1"`
	Days            float64 `expr:"days" dim:"plain" unit:"days that are known"`
}

// baselineFields are the names of its fields.
var baselineFields = func() []string {
	var out []string
	for i := range reflect.TypeFor[Baseline]().NumField() {
		out = append(out, reflect.TypeFor[Baseline]().Field(i).Tag.Get("expr"))
	}
	return out
}()

// baselineSpan reads how many days a baseline covers.
func baselineSpan(text string) (time.Duration, error) {
	span, err := parseDuration(text)
	if err == nil && (span < MinBaseline || span > MaxPast || span%Day != 0) {
		err = fmt.Errorf("got duration %q, want whole days from %s to %s", text, FormatDuration(MinBaseline), FormatDuration(MaxPast))
	}
	return span, err
}

// groupBaseline is one that a group has in an hour. What the store says of hours that are over does not change, so it is
// made once.
type groupBaseline struct {
	hour  time.Time
	ahead bool // that of the next hour was asked for
	Baseline
}

// baseline is that of the hour in which a window ended that ends at a time, false where it is not known. A day that was not
// read yet keeps all from being known, or what is found would depend on when it was read.
func (e *Evaluator) baseline(rule *Rule, g *groupState, span time.Duration, at time.Time) (Baseline, bool) {
	hour := hourOf(at, e.config.Pane)
	if kept := g.baselines[span]; kept != nil && kept.hour.Equal(hour) {
		if next := hourOf(at.Add(pastAhead), e.config.Pane); !kept.ahead && next.After(hour) {
			kept.ahead = true
			e.sameHour(rule, g, span, next)
		}
		return kept.Baseline, !math.IsNaN(kept.Days)
	}
	days, read := e.sameHour(rule, g, span, hour)
	if !read {
		return unknownBaseline(), false
	}
	made := unknownBaseline()
	enough := len(days) >= min(MinBaselineDays, int(span/Day))
	if enough {
		made = baselineOf(days)
	}
	if g.baselines == nil {
		g.baselines = map[time.Duration]*groupBaseline{}
	}
	g.baselines[span] = &groupBaseline{hour: hour, Baseline: made}
	return made, enough
}

// sameHour is what a group counted in an hour on the days before, of those that are known. It is not read where some day was not
// yet; all are asked for, so that all are.
func (e *Evaluator) sameHour(rule *Rule, g *groupState, span time.Duration, hour time.Time) (days []Counted, read bool) {
	if e.config.Past == nil {
		return nil, false
	}
	read = true
	for back := Day; back <= span; back += Day {
		counted, knowledge := e.config.Past.Hour(&rule.Grouping, g.key, hour.Add(-back))
		read = read && knowledge != Unread
		if knowledge == Known {
			days = append(days, counted)
		}
	}
	return days, read
}

// baselineOf is that of days, one or more.
func baselineOf(days []Counted) Baseline {
	columns := make([][]float64, len(days[0].values()))
	for _, counted := range days {
		for field, value := range counted.values() {
			columns[field] = append(columns[field], value)
		}
	}
	var middles, spreads []float64
	for _, values := range columns {
		middle := median(values)
		for i := range values {
			values[i] = math.Abs(values[i] - middle)
		}
		middles, spreads = append(middles, middle), append(spreads, spreadScale*median(values))
	}
	var out Baseline
	fields := reflect.ValueOf(&out).Elem()
	for i, value := range slices.Concat(middles, spreads, []float64{float64(len(days))}) {
		fields.Field(i).SetFloat(value)
	}
	return out
}

func unknownBaseline() Baseline {
	var out Baseline
	fields := reflect.ValueOf(&out).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetFloat(math.NaN())
	}
	return out
}
