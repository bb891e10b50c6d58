package health

import "time"

// topicPast is five minutes of a topic.
type topicPast struct {
	rates, skews slots
	newest       *topicSeen // when all of its partitions had a rate
}

// takeTopics takes rates in, where they are those of all partitions of a topic, and the sum where it is that of all topics: what lacks
// one is no fall in traffic.
func (c *Cluster) takeTopics(at time.Time) {
	sum, count, all := 0.0, 0, true
	for name, t := range c.newest.topics {
		switch {
		case !t.written():
			continue
		case !c.whole(name, t):
			all = false
			continue
		}
		known := past(c.topics, name)
		known.newest = t
		known.rates.add(at, t.rates.sum)
		if skew, ok := t.skew(); ok {
			known.skews.add(at, skew)
		}
		sum += t.rates.sum
		count++
	}
	if count == 0 || !all || c.missing() > 0 {
		return
	}
	if float64(count) > (1+mostGrowth)*float64(c.counted) && !c.tellsReplicas() {
		c.writes = slots{}
	}
	c.counted = count
	c.writes.add(at, sum)
}

// mostGrowth is by how much the topics with a rate may have become more where nobody says how many there are, as at the start of a
// collector of RocketMQ: it finds some thousand in each poll. Not less: people make topics; not more: their rates would be a surge.
const mostGrowth = 0.1

// written says that the poll told of what is written to the topic, or could have: of one that holds what is delayed it does not.
func (t *topicSeen) written() bool { return t.partitions > 0 || t.rates.count > 0 }

// tellsReplicas says that polls name all partitions that there are, whether they have a rate or not, as those of Kafka do.
func (c *Cluster) tellsReplicas() bool { return c.newest.system != rocketmq }

// missing is how many topics had a rate in the last five minutes and have none in this poll: a broker did not tell of its queues, or a
// large one tells of some at a time.
func (c *Cluster) missing() int {
	count := 0
	for name := range c.topics {
		if t := c.newest.topics[name]; !c.tellsReplicas() && (t == nil || !t.written()) {
			count++
		}
	}
	return count
}

// whole says that all partitions of a topic have a rate; of RocketMQ, as many as had one in the last five minutes.
func (c *Cluster) whole(name string, t *topicSeen) bool {
	if c.tellsReplicas() {
		return t.rates.count == t.partitions
	}
	known := c.topics[name]
	return t.rates.count > 0 && (known == nil || t.rates.count >= known.newest.rates.count)
}

// skew is how many times the mean of its partitions the busiest one takes.
func (t *topicSeen) skew() (times float64, ok bool) {
	if t.rates.count < leastSkewPartitions || t.rates.sum <= 0 {
		return 0, false
	}
	return t.rates.most.value * float64(t.rates.count) / t.rates.sum, true
}
