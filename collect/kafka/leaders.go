package kafka

// share is what of a cluster's partitions a broker has.
type share struct {
	leaders, partitions int
	// misses are the partitions that name it first of their replicas, and that another leads.
	misses int
}

// shares are those of all brokers that some partition has as a replica, by id. They count Kafka's own topics too, which are as much
// work as others.
func (c *cluster) shares() map[int32]share {
	out := map[int32]share{}
	for _, t := range c.topics {
		for i := range t.partitions {
			p := &t.partitions[i]
			for _, id := range p.replicas {
				s := out[id]
				s.partitions++
				if p.leader == id {
					s.leaders++
				}
				if p.missed() && id == p.replicas[0] {
					s.misses++
				}
				out[id] = s
			}
		}
	}
	return out
}

// missed says that another than its preferred replica leads the partition: after an outage, until leaders are elected anew. One that
// nobody leads is leaderless, and not among them.
func (p *partition) missed() bool {
	return p.leader >= 0 && len(p.replicas) > 0 && p.leader != p.replicas[0]
}
