package rules

import (
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// MaxFindings is how many findings of one rule are told where it has no limit. Not fewer: a fleet has thousands of clients to
// upgrade; not more: nobody reads them, and a day's are written at once.
const MaxFindings = 10_000

// Inspection asks the inspections of a set what they find on one day. It takes what each series had on each day that they look
// back on, in any order, and keeps groups only. It is not safe for concurrent use.
type Inspection struct {
	set       *Set
	day       time.Time
	from, to  time.Time // of what is known
	groupings []*inspectedGrouping
	complete  map[int]float64 // by days back, where it is not 1
}

// inspectedGrouping is a grouping with what its rules look at.
type inspectedGrouping struct {
	telemetry.Grouping // Omit is what none of its rules reads
	spans              []daySpan
	absent             bool // some rule may find groups that have nothing in its window
	groups             map[string]*inspectedGroup
}

// daySpan is a span of whole days: how many days before the end of the day it ends, and how many it has.
type daySpan struct{ back, days int }

func (s daySpan) covers(back int) bool { return back >= s.back && back < s.back+s.days }

// days are those of the span in an inspection with a window.
func (s agoSpan) days(window time.Duration) daySpan {
	return daySpan{int(s.back / Day), int(s.of(window) / Day)}
}

type inspectedGroup struct {
	values []string
	spans  []inspectedSpan // as the grouping's
}

// inspectedSpan is what a group had in a span.
type inspectedSpan struct {
	totals  telemetry.Totals
	hours   []uint64 // messages by hour, the newest day first
	clients map[string]bool
}

// NewInspection asks of the day that begins at a time. What was before from, or after to, is unknown.
func NewInspection(set *Set, day, from, to time.Time) *Inspection {
	in := &Inspection{set: set, day: day.UTC().Truncate(Day), from: from, to: to, complete: map[int]float64{}}
	byID := map[string]*inspectedGrouping{}
	for _, rule := range set.Inspections {
		of := byID[rule.Grouping.ID]
		if of == nil {
			of = &inspectedGrouping{Grouping: rule.Grouping, groups: map[string]*inspectedGroup{}}
			of.Omit = telemetry.AllParts
			byID[of.ID] = of
			in.groupings = append(in.groupings, of)
		}
		of.Omit &^= rule.reads.needs
		of.absent = of.absent || !rule.reads.presence
		for _, span := range rule.daySpans() {
			if !slices.Contains(of.spans, span) {
				of.spans = append(of.spans, span)
			}
		}
	}
	return in
}

// daySpans are all spans that an inspection reads, its window first.
func (r *Rule) daySpans() []daySpan {
	days := int(r.Window / Day)
	out := []daySpan{{0, days}}
	for _, span := range r.reads.over {
		out = append(out, daySpan{0, int(span / Day)})
	}
	for _, ago := range r.reads.ago {
		out = append(out, ago.days(r.Window))
	}
	if r.reads.prev {
		out = append(out, daySpan{days, days})
	}
	return out
}

// Days is how many days back the rules look: 1 is the day alone.
func (in *Inspection) Days() int {
	days := 0
	for _, of := range in.groupings {
		for _, span := range of.spans {
			days = max(days, span.back+span.days)
		}
	}
	return days
}

// Day is the begin of the day that is so many before the one that is asked of.
func (in *Inspection) Day(back int) time.Time { return in.day.Add(-time.Duration(back) * Day) }

// Omit is what no rule reads.
func (in *Inspection) Omit() telemetry.Parts {
	omit := telemetry.AllParts
	for _, of := range in.groupings {
		omit &= of.Omit
	}
	return omit
}

// Gauges are the names of those that some rule reads, sorted.
func (in *Inspection) Gauges() []string {
	read := map[string]bool{}
	for _, rule := range in.set.Inspections {
		for i := range GaugeFields {
			field := GaugeFields[i].Field
			if rule.reads.gaugesElsewhere || slices.Contains(rule.reads.fields, field) || slices.Contains(rule.reads.shown, field) {
				read[GaugeFields[i].Gauge] = true
			}
		}
	}
	return sortedKeys(read)
}

// FindsAbsent are the rules that may find groups which have nothing in their window: Know them.
func (in *Inspection) FindsAbsent() []*Rule {
	return slices.DeleteFunc(slices.Clone(in.set.Inspections), func(r *Rule) bool { return r.reads.presence })
}

// Know notes labels of a series that was there in the last MaxInspected. Labels by which no rule of FindsAbsent groups or
// filters may be missing.
func (in *Inspection) Know(labels *telemetry.Labels) {
	for _, of := range in.groupings {
		if of.absent {
			of.group(labels)
		}
	}
}

// Lacks says that the store holds only that share of the reports of the day so many back.
func (in *Inspection) Lacks(back int, share float64) { in.complete[back] = share }

// Completeness is the share 0-1 of the day's reports that the store holds.
func (in *Inspection) Completeness() float64 { return in.completeness(daySpan{0, 1}) }

// Take adds what a series had on the day so many back. What it is given may be changed afterwards.
func (in *Inspection) Take(back int, series *telemetry.SeriesDay) {
	for _, of := range in.groupings {
		covered := slices.ContainsFunc(of.spans, func(s daySpan) bool { return s.covers(back) })
		if !covered {
			continue
		}
		g := of.group(series.Labels)
		if g == nil {
			continue
		}
		for i, span := range of.spans {
			if span.covers(back) {
				g.spans[i].take(of.Omit, series, (back-span.back)*len(series.Hours), span.days*len(series.Hours))
			}
		}
	}
}

// group is the one that a series belongs to, nil where it belongs to none.
func (of *inspectedGrouping) group(labels *telemetry.Labels) *inspectedGroup {
	values, ok := of.Values(labels)
	if !ok {
		return nil
	}
	key := telemetry.GroupKey(of.ID, values)
	g := of.groups[key]
	if g == nil {
		g = &inspectedGroup{values: values, spans: make([]inspectedSpan, len(of.spans))}
		of.groups[key] = g
	}
	return g
}

// take adds a series' day, whose hours stand from a place on among all that the span has.
func (s *inspectedSpan) take(omit telemetry.Parts, series *telemetry.SeriesDay, from, hours int) {
	if s.hours == nil {
		s.hours = make([]uint64, hours)
	}
	for i, messages := range series.Hours {
		s.hours[from+i] += messages
	}
	read := series.Totals
	read.Drop(omit &^ telemetry.PartDistincts)
	s.totals.JoinMoments(&read)
	if omit.Has(telemetry.PartDistincts) {
		s.totals.JoinCounters(&telemetry.Labels{}, &read)
		return
	}
	s.totals.JoinIdentity(series.Labels)
	s.totals.JoinCounters(series.Labels, &read)
	if series.Labels.Client != "" {
		if s.clients == nil {
			s.clients = map[string]bool{}
		}
		s.clients[series.Labels.Client] = true
		s.totals.OverflowedClients = uint64(len(s.clients) - len(s.totals.Clients))
	}
}

// stretch is the span as views are made of it. Its panes are hours.
func (s *inspectedSpan) stretch(of daySpan) *stretch {
	out := &stretch{totals: s.totals, seconds: float64(of.days) * Day.Seconds(), paneTPS: make([]float64, of.days*24)}
	for i, messages := range s.hours {
		out.paneTPS[i] = float64(messages) / time.Hour.Seconds()
	}
	return out
}

// known says that all of a span is known of every group, but for what the store lacks.
func (in *Inspection) known(of daySpan) bool {
	return !in.Day(of.back+of.days-1).Before(in.from) && !in.Day(of.back-1).After(in.to)
}

// completeness is the least share of any day of a span.
func (in *Inspection) completeness(of daySpan) float64 {
	least := 1.0
	for back, share := range in.complete {
		if of.covers(back) {
			least = min(least, share)
		}
	}
	return least
}
