package telemetry

import "time"

// SeriesDay is what one series had on one day in UTC. Its gauges are those of the newest pane that has them, and their time is
// when that pane began; Max is of the whole day.
type SeriesDay struct {
	Labels *Labels
	Totals Totals
	Hours  [24]uint64 // messages by hour
}

// Finding is what a rule of the lane inspection found of one group on one day.
type Finding struct {
	Rule         string             `json:"rule"`
	Severity     string             `json:"severity,omitempty"`
	ID           string             `json:"id"`     // Fingerprint of Labels
	Labels       map[string]string  `json:"labels"` // with alertname
	Values       map[string]float64 `json:"values,omitempty"`
	Annotations  map[string]string  `json:"annotations,omitempty"`
	WindowStart  time.Time          `json:"window_start"`
	WindowEnd    time.Time          `json:"window_end"`
	Completeness float64            `json:"completeness"` // share 0-1 of the window's reports that the store holds
}

// Inspection is what the rules of the lane inspection found on one day.
type Inspection struct {
	Day          time.Time // its begin, in UTC
	AskedAt      time.Time // of two answers of one day the later one counts
	Completeness float64   // share 0-1 of the day's reports that the store holds
	Revision     string    // names the text of the rules and the policy
	Rules        int       // how many were asked
	Findings     []Finding // by rule, then by their labels
}
