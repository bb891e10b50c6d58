package kafka

import (
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
)

// heartbeats remembers of each broker what its probes found.
type heartbeats map[int32]*heartbeat

type heartbeat struct {
	node    string
	failed  int  // round trips in a row
	heard   bool // whether it ever answered a request or a canary
	seen    time.Time
	answers []roundTrip // of the last minute
	canary  collect.CanaryRecord
}

// roundTrip is one of a canary, or of a request.
type roundTrip struct {
	at     time.Time
	took   time.Duration
	canary bool
}

// failures are heartbeats that failed in a row. A broker whose disk hangs answers requests and fails canaries; one that left gets no canaries
// and fails requests.
func (h *heartbeat) failures() int { return max(h.failed, h.canary.FailedInARow()) }

// known says that failures may be reported. Of a broker that never answered here one or two say less than what was reported before this
// collector's turn began, and would end an alert that fires.
func (h *heartbeat) known() bool { return h.heard || h.failures() >= collect.FailuresKnown }

// peersSpan is how long round trips count for the median of the peers.
const peersSpan = time.Minute

// take takes a poll's probes in. A broker that left the cluster is one whose probe failed, as long as some partition has it as a
// replica: those without one have nothing more to do with it.
func (h heartbeats) take(c *cluster, all []answers, now time.Time) {
	for i := range all {
		a := &all[i]
		b := h[a.id]
		if b == nil {
			b = &heartbeat{}
			h[a.id] = b
		}
		b.node, b.seen = a.node, now
		if a.outOfTime {
			continue
		}
		if !a.answered {
			b.failed++
			continue
		}
		b.failed, b.heard = 0, true
		if !b.canary.Counts() {
			b.answers = append(b.answers, roundTrip{at: now, took: a.roundTrip})
		}
	}
	shares := c.shares()
	for id, b := range h {
		b.answers = slices.DeleteFunc(b.answers, func(a roundTrip) bool { return now.Sub(a.at) > peersSpan })
		switch {
		case b.seen.Equal(now):
		case shares[id].partitions > 0:
			b.failed++
		default:
			delete(h, id)
		}
	}
}

// peers is the median round trip to the other brokers; ok is false where none is known. Canaries are compared with canaries: they take longer
// than requests.
func (h heartbeats) peers(of int32) (seconds float64, ok bool) {
	var took []float64
	for id, b := range h {
		for _, a := range b.answers {
			if id != of && a.canary == h[of].canary.Counts() {
				took = append(took, a.took.Seconds())
			}
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	half := len(took) / 2
	if len(took)%2 == 1 {
		return took[half], true
	}
	return (took[half-1] + took[half]) / 2, true
}
