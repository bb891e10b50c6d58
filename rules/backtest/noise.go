package backtest

import (
	"slices"
	"time"
)

// flapPause is the longest pause between two firings of one alert that makes them flaps. Not
// shorter: people are told of a resolved alert for rules.ResolvedRetention, and hear of both;
// not longer: that is a new incident.
const flapPause = 15 * time.Minute

// Noise says how much a rule's alerts ask of people.
type Noise struct {
	Rule   string
	Fired  int
	PerDay float64       // firings, of the time that is known
	Flaps  int           // firings within flapPause after the same alert resolved
	Median time.Duration // of how long alerts fired; 0 where none did
	Office int           // firings that began during business hours
}

// OfficeShare is the share 0-1 of firings that began during business hours; 0 of none.
func (n *Noise) OfficeShare() float64 {
	if n.Fired == 0 {
		return 0
	}
	return float64(n.Office) / float64(n.Fired)
}

// Noise returns the figures of every rule, by name.
func (t *Timeline) Noise(hours Hours) []Noise {
	out := make([]Noise, len(t.Rules))
	lengths := map[string][]time.Duration{}
	over := map[string]time.Time{} // by identity, of the firing before
	byRule := map[string]*Noise{}
	for i, rule := range t.Rules {
		out[i].Rule = rule
		byRule[rule] = &out[i]
	}
	for _, life := range t.fired() {
		n := byRule[life.Rule]
		n.Fired++
		if before, ok := over[life.identity()]; ok && life.Fired.Sub(before) <= flapPause {
			n.Flaps++
		}
		over[life.identity()] = life.end()
		lengths[life.Rule] = append(lengths[life.Rule], life.Firing())
		if hours.Has(life.Fired) {
			n.Office++
		}
	}
	for i := range out {
		out[i].PerDay = float64(out[i].Fired) / (t.To.Sub(t.Since).Hours() / 24)
		out[i].Median = medianOf(lengths[out[i].Rule])
	}
	return out
}

// medianOf is the one in the middle, or the middle of the two there.
func medianOf(lengths []time.Duration) time.Duration {
	if len(lengths) == 0 {
		return 0
	}
	slices.Sort(lengths)
	middle := len(lengths) / 2
	if len(lengths)%2 == 0 {
		return (lengths[middle-1] + lengths[middle]) / 2
	}
	return lengths[middle]
}
