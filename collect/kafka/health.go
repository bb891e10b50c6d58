package kafka

import (
	"slices"
	"time"
)

// replicaHealth counts partitions of a cluster.
type replicaHealth struct {
	underReplicated, underMinISR, leaderless, preferredMisses int
	// minISRUnknown says that the configuration of some topic could not be read, so that more may be under it.
	minISRUnknown bool
}

// healthOf counts a cluster's partitions, those of Kafka's own topics included.
func healthOf(c *cluster, settings map[string]topicSettings) replicaHealth {
	var h replicaHealth
	for name, t := range c.topics {
		least := settings[name].minISR
		h.minISRUnknown = h.minISRUnknown || least == 0
		for i := range t.partitions {
			p := &t.partitions[i]
			if len(p.isr) < len(p.replicas) {
				h.underReplicated++
			}
			if len(p.isr) < least {
				h.underMinISR++
			}
			if p.leader < 0 {
				h.leaderless++
			}
			if p.missed() {
				h.preferredMisses++
			}
		}
	}
	return h
}

// minutes remembers of the ten newest polls that were a minute apart whether they found partitions under-replicated.
type minutes struct {
	found []bool
	last  time.Time
}

// As the rule pack wants it: 8 of 10 polls, a minute apart.
const (
	remembered  = 10
	pollsMinute = time.Minute
	// gapForgets is how long nobody may look before what was seen is forgotten. Not smaller: a poll may be late by its pause, a minute;
	// not larger: the ten would be of another outage.
	gapForgets = 5 * time.Minute
)

// add takes a poll in, and returns the share of the ten; ok is false until there are ten.
func (m *minutes) add(at time.Time, under bool) (share float64, ok bool) {
	since := at.Sub(m.last)
	if since > gapForgets {
		m.found = m.found[:0]
	}
	if len(m.found) == 0 || since >= pollsMinute {
		m.found, m.last = append(m.found, under), at
		m.found = m.found[max(len(m.found)-remembered, 0):]
	}
	count := 0
	for range slices.DeleteFunc(slices.Clone(m.found), func(under bool) bool { return !under }) {
		count++
	}
	return float64(count) / remembered, len(m.found) == remembered
}
