package telemetry

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"
)

// AlertState is where an alert stands in its life.
type AlertState string

// The states of an alert, in the order of its life.
const (
	AlertPending  AlertState = "pending"
	AlertFiring   AlertState = "firing"
	AlertResolved AlertState = "resolved"
	// AlertInactive ends an alert's record: a pending one whose condition went away,
	// or a resolved one no longer sent.
	AlertInactive AlertState = "inactive"
)

// Alert is the whole state of one alert: a record of weir.alerts, encoded as JSON
// under the key ID. Times are event time.
type Alert struct {
	ID          string            `json:"id"` // Fingerprint of Labels, without severity where the rule changes it
	Rule        string            `json:"rule"`
	GroupKey    string            `json:"group_key"`
	Labels      map[string]string `json:"labels"` // with alertname
	Annotations map[string]string `json:"annotations,omitempty"`
	State       AlertState        `json:"state"`
	ActiveAt    time.Time         `json:"active_at"`            // condition first true
	FiredAt     time.Time         `json:"fired_at,omitzero"`    // became firing
	ClearedAt   time.Time         `json:"cleared_at,omitzero"`  // condition first false while firing
	ResolvedAt  time.Time         `json:"resolved_at,omitzero"` // became resolved
	// CriticalAt is since when the condition for critical holds, and CriticalClearedAt when it was first false of a critical alert.
	CriticalAt        time.Time `json:"critical_at,omitzero"`
	CriticalClearedAt time.Time `json:"critical_cleared_at,omitzero"`
	// UnknownSince is since when it is unknown whether the condition holds, and UnknownFor for how long it was before, while the
	// alert was pending.
	UnknownSince time.Time     `json:"unknown_since,omitzero"`
	UnknownFor   time.Duration `json:"unknown_for_nanoseconds,omitzero"`
	// UnmeasuredSince is since when that is so because of what nobody says: gauges, the policy, versions.
	UnmeasuredSince time.Time `json:"unmeasured_since,omitzero"`
	// CriticalUnknownSince is as UnknownSince, of the condition for critical. The times above are moved forward by what was unknown.
	CriticalUnknownSince time.Time `json:"critical_unknown_since,omitzero"`
	// FormerLabels are those that it fired with before its severity changed, and FormerUntil when it did.
	FormerLabels map[string]string  `json:"former_labels,omitempty"`
	FormerUntil  time.Time          `json:"former_until,omitzero"`
	EvaluatedAt  time.Time          `json:"evaluated_at"`     // end of the newest window
	Reason       string             `json:"reason,omitempty"` // why it resolved, where not by its condition
	Seq          uint64             `json:"seq"`              // rises with every transition of this alert
	Values       map[string]float64 `json:"values,omitempty"` // the view's fields that the expression reads
	WindowStart  time.Time          `json:"window_start"`
	WindowEnd    time.Time          `json:"window_end"`
	// Completeness is the share 0-1 of sources that contributed to the window.
	Completeness float64 `json:"completeness"`
	LateReports  uint64  `json:"late_reports"`
	// Transition says that State, or the severity, changed at EvaluatedAt; otherwise only values did.
	Transition bool `json:"transition"`
	// Revision is of the rule files that its newest transition was made by, "" where that is not known: of a Weir that told none.
	Revision string `json:"revision,omitempty"`
	// ExpiresAt is of what is told ahead of an alert's life alone, which is no state of it: until when that fires where the alert does not begin.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Explanation is what the newest evaluation saw that is told of, nil where that was a Weir which told none.
	Explanation *Explanation `json:"explanation,omitempty"`
	// Proposals are what its rule proposes to ask of clients while it fires.
	Proposals []Proposal `json:"proposals,omitempty"`
}

// Proposal is something that a rule proposes to ask of clients while its alert fires. The role control decides whether it is asked.
type Proposal struct {
	// LastsSeconds is how long it is to be in force without being renewed.
	LastsSeconds float64 `json:"lasts_seconds"`
	// Command is one of weir.control in JSON, without what its writer fills in: what is asked of whom.
	Command json.RawMessage `json:"command"`
	// Unfit says why it cannot be asked, "" where it can: then Command is for nobody.
	Unfit string `json:"unfit,omitempty"`
}

// Fingerprint names an alert by its labels: FNV-1a of the sorted names and values,
// in hexadecimal.
func Fingerprint(labels map[string]string) string {
	hash := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		hash.Write([]byte(name))
		hash.Write([]byte{0xff})
		hash.Write([]byte(labels[name]))
		hash.Write([]byte{0xff})
	}
	digits := strconv.FormatUint(hash.Sum64(), 16)
	for len(digits) < 16 {
		digits = "0" + digits
	}
	return digits
}
