package kafka

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
