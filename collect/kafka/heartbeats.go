package kafka

import (
	"slices"
	"time"
)

// heartbeats remembers of each broker what its probes found.
type heartbeats map[int32]*heartbeat

type heartbeat struct {
	node    string
	failed  int // in a row
	seen    time.Time
	answers []beat // of the last minute
}

// beat is one round trip.
type beat struct {
	at   time.Time
	took time.Duration
}

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
		if !a.answered {
			b.failed++
			continue
		}
		b.failed = 0
		b.answers = append(b.answers, beat{now, a.roundTrip})
	}
	replicas := c.replicas()
	for id, b := range h {
		b.answers = slices.DeleteFunc(b.answers, func(a beat) bool { return now.Sub(a.at) > peersSpan })
		switch {
		case b.seen.Equal(now):
		case replicas[id]:
			b.failed++
		default:
			delete(h, id)
		}
	}
}

// peers is the median round trip to the other brokers; ok is false where none is known.
func (h heartbeats) peers(of int32) (seconds float64, ok bool) {
	var took []float64
	for id, b := range h {
		for _, a := range b.answers {
			if id != of {
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
