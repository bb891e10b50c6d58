package collect

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// instant is the length of a report of a moment, in milliseconds: the least there is.
const instant = 1

// Identity says which cluster is polled, and by whom.
type Identity struct {
	Cluster   string // label of all reports
	Env       string // label of all reports; may be empty
	Collector string // names this process in what it measures itself: the round trips
	Tiers     Tiers  // label of what they name
	// Inventory is how many nodes the cluster is to have, as the policy says at the moment; known is false where it says nothing. nil: nobody
	// is asked.
	Inventory func() (nodes float64, known bool)
}

// Reports begins those of a poll; system is a label of all.
func (i *Identity) Reports(system string, at time.Time) Reports {
	return Reports{Labels: telemetry.Labels{Env: i.Env, Cluster: i.Cluster, System: system}, At: at, Collector: i.Collector}
}

// Reports are those of one poll, for pollers to fill.
type Reports struct {
	Labels    telemetry.Labels // of all: env, cluster and system
	At        time.Time        // the moment of all
	Collector string           // label of what this process measured itself
	All       []telemetry.Report
}

// Add begins a report; more labels and what was seen are the caller's. What it returns holds until the next one is added.
func (r *Reports) Add(op string) *telemetry.Report {
	labels := r.Labels
	labels.Op = op
	r.All = append(r.All, telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: r.At.UnixMilli(), LengthMillis: instant, Labels: labels})
	return &r.All[len(r.All)-1]
}

// Gauge is a gauge by its name in package telemetry.
func Gauge(name string, value float64) telemetry.Gauge {
	return telemetry.Gauge{Name: name, Value: value}
}
