package telemetry

import (
	"cmp"
	"slices"
	"strings"
)

// GaugeValue is a gauge's newest value by event time; Sum, Max and Min run over
// the series of a group.
type GaugeValue struct {
	Name                string
	TimeUnixMillis      int64
	Last, Max, Sum, Min float64
	Series              uint64
}

// older orders the values of a gauge by event time. Equal times are told apart by the
// values, so that no order of merging matters.
func (g *GaugeValue) older(o *GaugeValue) bool {
	return cmp.Or(cmp.Compare(g.TimeUnixMillis, o.TimeUnixMillis), cmp.Compare(g.Last, o.Last),
		cmp.Compare(g.Sum, o.Sum), cmp.Compare(g.Min, o.Min), cmp.Compare(g.Series, o.Series)) < 0
}

type gaugeJoin func(old *GaugeValue, new GaugeValue)

func newestGauge(old *GaugeValue, new GaugeValue) {
	greatest := max(old.Max, new.Max)
	if old.older(&new) {
		*old = new
	}
	old.Max = greatest
}

func sumGauge(old *GaugeValue, new GaugeValue) {
	if old.older(&new) {
		old.TimeUnixMillis, old.Last = new.TimeUnixMillis, new.Last
	}
	old.Sum += new.Sum
	old.Max = max(old.Max, new.Max)
	old.Min = min(old.Min, new.Min)
	old.Series += new.Series
}

func momentGauge(old *GaugeValue, new GaugeValue) {
	greatest := max(old.Max, new.Max)
	switch {
	case new.TimeUnixMillis > old.TimeUnixMillis:
		*old = new
	case new.TimeUnixMillis == old.TimeUnixMillis:
		sumGauge(old, new)
	}
	old.Max = greatest
}

func (t *Totals) joinGauge(g GaugeValue, join gaugeJoin) {
	at, found := slices.BinarySearchFunc(t.Gauges, g.Name, func(a GaugeValue, name string) int {
		return strings.Compare(a.Name, name)
	})
	if found {
		g.Name = t.Gauges[at].Name // g's may alias a record
		join(&t.Gauges[at], g)
		return
	}
	g.Name = strings.Clone(g.Name)
	t.Gauges = slices.Insert(t.Gauges, at, g)
}
