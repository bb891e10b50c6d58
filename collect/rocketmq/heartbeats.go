package rocketmq

import (
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
)

// heartbeats are what the probes of the brokers that are listed found, by address.
type heartbeats map[string]*heartbeat

type heartbeat struct {
	failed int  // round trips in a row
	heard  bool // whether it ever answered a request or a canary
	trips  []trip
	canary collect.CanaryRecord
}

// failures are heartbeats that failed in a row. A broker whose disk hangs answers requests and fails canaries.
func (h *heartbeat) failures() int { return max(h.failed, h.canary.FailedInARow()) }

// known says that failures may be reported. Of a broker that never answered here one or two say less than what was reported before this
// collector's turn began, and would end an alert that fires.
func (h *heartbeat) known() bool { return h.heard || h.failures() >= collect.FailuresKnown }

// trip is a round trip to a broker, of a canary or of a request.
type trip struct {
	at     time.Time
	took   time.Duration
	canary bool
}

// peersSpan is how long a round trip counts for the median of the others.
const peersSpan = time.Minute

// take takes in a poll's probes. A broker that is no longer listed has left: one that is killed has, within a second.
func (h heartbeats) take(all []answers, now time.Time) {
	listed := map[string]bool{}
	for i := range all {
		a := &all[i]
		listed[a.node] = true
		if h[a.node] == nil {
			h[a.node] = &heartbeat{}
		}
		b := h[a.node]
		b.trips = slices.DeleteFunc(b.trips, func(t trip) bool { return now.Sub(t.at) > peersSpan })
		if a.outOfTime {
			continue
		}
		if !a.answered {
			b.failed++
			continue
		}
		b.failed, b.heard = 0, true
		if !b.canary.Counts() {
			b.trips = append(b.trips, trip{at: now, took: a.roundTrip})
		}
	}
	for node := range h {
		if !listed[node] {
			delete(h, node)
		}
	}
}

// peers is the median round trip to all brokers but one, in seconds, and whether there was any. Canaries are compared with canaries: they
// take longer than requests.
func (h heartbeats) peers(but string) (float64, bool) {
	var took []time.Duration
	canaries := h[but] != nil && h[but].canary.Counts()
	for node, b := range h {
		if node == but {
			continue
		}
		for _, t := range b.trips {
			if t.canary == canaries {
				took = append(took, t.took)
			}
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	below, above := took[(len(took)-1)/2], took[len(took)/2] // the same where their number is odd
	return (below + above).Seconds() / 2, true
}
