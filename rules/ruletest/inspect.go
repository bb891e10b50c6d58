package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Found is the state of a line that says what an inspection found. It is of no alert.
const Found telemetry.AlertState = "found"

// inspect asks the inspections of the day that ends at a time.
type inspect struct{ at time.Duration }

// inspect reads at TIME.
func (p *parser) inspect(a arguments) {
	if len(a.words) < 2 || a.words[1].text != "at" {
		p.fault(p.end(a), "inspect lacks when a day is over", "as in inspect at 1d")
		return
	}
	w, ok := p.only(arguments{a.words[1:], a.place}, "a time")
	if !ok {
		return
	}
	at, ok := p.moment(w)
	if ok && at%rules.Day != 0 {
		p.fault(w.column, fmt.Sprintf("got %q, want whole days", w.text), "0s is the begin of a day here; inspect at 1d asks of the day from 0s on")
		return
	}
	if ok {
		p.now.commands = append(p.now.commands, inspect{at})
	}
}

func (c inspect) play(p *player) {
	p.flush()
	told, findings := p.history.inspect(p.set, c.at)
	for i := range findings {
		f := &findings[i]
		line := Line{At: c.at, Rule: f.Rule, Labels: maps.Clone(f.Labels), State: Found, Values: f.Values, Summary: f.Annotations["summary"]}
		delete(line.Labels, "alertname")
		p.lines = append(p.lines, line)
	}
	p.inspected = append(p.inspected, c.at)
	for _, rule := range told {
		p.grouped[rule.Rule] = p.grouped[rule.Rule] || rule.Groups > 0
		p.before += uint64(rule.Groups)
		if rule.Undecided > 0 {
			p.lines = append(p.lines, Line{Shown: fmt.Sprintf("%s %s is undecided of %d groups", rules.FormatDuration(c.at), rule.Rule, rule.Undecided)})
		}
		if rule.LastError != "" {
			p.lines = append(p.lines, Line{Shown: fmt.Sprintf("%s %s fails: %s", rules.FormatDuration(c.at), rule.Rule, rule.LastError)})
		}
	}
}

// inspect asks the inspections of a set what they find on the day that ends at a time. Days begin where the case does.
func (h *history) inspect(set *rules.Set, at time.Duration) ([]rules.InspectedRule, []telemetry.Finding) {
	day := begin.Truncate(rules.Day) // stands for the day, as 0s is no midnight
	end := begin.Add(at)
	from := time.Unix(h.oldest(), 0).Add(day.Add(rules.Day).Sub(end))
	in := rules.NewInspection(set, day, from, day.Add(rules.Day))
	for _, f := range h.folds {
		for of, days := range f.days(end) {
			for back, had := range days {
				in.Take(back, had)
			}
			in.Know(&of.labels)
		}
	}
	return in.Finish()
}

// days are what the series had on the days before an end, by how many days back, as a store adds them up; of no more days than
// an inspection may look back.
func (f *fold) days(end time.Time) map[*series]map[int]*telemetry.SeriesDay {
	out := map[*series]map[int]*telemetry.SeriesDay{}
	measured := map[measuredGauge][2]int64{}
	for at, in := range f.panes {
		before := end.Sub(time.Unix(at.unix, 0))
		if before <= 0 || before > rules.MaxInspected {
			continue
		}
		back := int((before - 1) / rules.Day)
		hour := int((rules.Day - 1 - (before-1)%rules.Day) / time.Hour)
		for of, totals := range in.totals {
			if out[of] == nil {
				out[of] = map[int]*telemetry.SeriesDay{}
			}
			had := out[of][back]
			if had == nil {
				had = &telemetry.SeriesDay{Labels: &of.labels}
				out[of][back] = had
			}
			had.Hours[hour] += totals.Messages
			had.Totals.JoinCounters(&telemetry.Labels{}, totals)
			for _, gauge := range totals.Gauges {
				key, now := measuredGauge{had, gauge.Name}, [2]int64{at.unix, gauge.TimeUnixMillis}
				if before, known := measured[key]; !known || slices.Compare(before[:], now[:]) < 0 {
					measured[key] = now
					gauge.TimeUnixMillis = 1000 * at.unix
				} else {
					gauge.TimeUnixMillis = 0 // an older one of the same series, of which the greatest value counts alone
				}
				had.Totals.JoinMoments(&telemetry.Totals{Gauges: []telemetry.GaugeValue{gauge}})
			}
		}
	}
	return out
}

// measuredGauge is a gauge of a series' day.
type measuredGauge struct {
	of   *telemetry.SeriesDay
	name string
}
