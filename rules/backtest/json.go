package backtest

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// The JSON of a report. Times are RFC 3339, absent where there is none.
type (
	jsonReport struct {
		From       time.Time    `json:"from"`
		To         time.Time    `json:"to"`
		Alerts     []jsonLife   `json:"alerts"`
		Noise      []jsonNoise  `json:"noise"`
		Base       string       `json:"base,omitempty"`
		BaseAlerts []jsonLife   `json:"base_alerts,omitempty"`
		BaseNoise  []jsonNoise  `json:"base_noise,omitempty"`
		Changes    []jsonChange `json:"changes,omitempty"`
		Same       int          `json:"same,omitempty"`
		Notes      []string     `json:"notes,omitempty"`
	}
	jsonLife struct {
		Rule          string            `json:"rule"`
		Group         string            `json:"group"`
		Labels        map[string]string `json:"labels"`
		Summary       string            `json:"summary,omitempty"`
		Asks          []string          `json:"asks,omitempty"`
		Reason        string            `json:"reason,omitempty"`
		Began         time.Time         `json:"began"`
		Fired         time.Time         `json:"fired,omitzero"`
		Over          time.Time         `json:"over,omitzero"`
		FiringSeconds float64           `json:"firing_seconds"`
	}
	jsonNoise struct {
		Rule          string  `json:"rule"`
		Fired         int     `json:"fired"`
		PerDay        float64 `json:"per_day"`
		Flaps         int     `json:"flaps"`
		MedianSeconds float64 `json:"median_seconds"`
		BusinessShare float64 `json:"business_share"`
	}
	jsonChange struct {
		Kind ChangeKind `json:"kind"`
		Base *jsonLife  `json:"base,omitempty"`
		Head *jsonLife  `json:"head,omitempty"`
	}
)

func (r *Report) writeJSON(out io.Writer) error {
	report := jsonReport{From: r.Head.From, To: r.Head.To, Alerts: jsonLives(r.Head), Noise: jsonNoises(r.Head.Noise(r.Hours)), Notes: r.Notes}
	if r.Base != nil {
		d := Diff(r.Base, r.Head)
		report.Base, report.BaseAlerts, report.BaseNoise, report.Same = r.BaseName, jsonLives(r.Base), jsonNoises(r.Base.Noise(r.Hours)), d.Same
		for _, c := range d.Changes {
			report.Changes = append(report.Changes, jsonChange{c.Kind, jsonOf(c.Base), jsonOf(c.Head)})
		}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("print a backtest: %w", err)
	}
	return nil
}

func jsonOf(l *Life) *jsonLife {
	if l == nil {
		return nil
	}
	return &jsonLife{l.Rule, l.Group, l.Labels, l.Summary, l.Asks, l.Reason, l.Began, l.Fired, l.Over, l.Firing().Seconds()}
}

func jsonLives(t *Timeline) []jsonLife {
	out := []jsonLife{}
	for i := range t.Lives {
		out = append(out, *jsonOf(&t.Lives[i]))
	}
	return out
}

func jsonNoises(noises []Noise) []jsonNoise {
	out := []jsonNoise{}
	for i := range noises {
		n := &noises[i]
		out = append(out, jsonNoise{n.Rule, n.Fired, n.PerDay, n.Flaps, n.Median.Seconds(), n.OfficeShare()})
	}
	return out
}
