package health

import (
	"github.com/weirmq/weir/telemetry"
)

// Checks of topics.
var (
	topicSwing = check{name: "write_volatility", unit: "ratio", rule: "TopicRateVolatile", limit: warns(above, warnTopicSwing),
		means: "writes of five minutes swing by this much of their median: a producer starts and stops, or retries"}
	sendSkew = check{name: "send_skew", unit: "times", rule: "SendSkew", limit: warns(above, warnSkew),
		means: "one partition takes this many times the mean: look at the keys"}
	delayOverdue = check{name: "delay_overdue", unit: "seconds", rule: "DelayLevelStalled", limit: isBad(above, badDelay),
		means: "the broker does not deliver what was delayed and is due"}
	delayEarly = check{name: "delay_early", unit: "seconds", rule: "DelayLevelSkipped", limit: isBad(above, badDelay),
		means: "messages were passed over before their time: nobody will get them"}
	inSync = check{name: "in_sync_replicas", unit: "replicas", means: "fewer replicas are in sync than min.insync.replicas: writes are refused"}
)

// topic judges a topic.
func (c *Cluster) topic(name string, t *topicSeen) Thing {
	if t.overdue.known || t.early.known {
		return newThing(KindTopic, name, t.tier, []Part{delayOverdue.ofExtreme(&t.overdue), delayEarly.ofExtreme(&t.early)})
	}
	known := c.topics[name]
	if known == nil {
		known = &topicPast{}
	}
	parts := []Part{known.rates.swing(&topicSwing)}
	if t.partitions >= leastSkewPartitions || t.rates.count >= leastSkewPartitions {
		parts = append(parts, t.skewPart(known))
	}
	if t.leastInSync.known {
		parts = append(parts, t.replicas())
	}
	return newThing(KindTopic, name, t.tier, parts)
}

// ofExtreme is the part by the partition that is worst.
func (c *check) ofExtreme(e *extreme) Part {
	if !e.known {
		return c.unknown(unsaid)
	}
	return c.known(e.value, "partition "+e.of)
}

// skewPart takes the middle of five minutes, as the rule does: in ten seconds of little traffic one partition takes all.
func (t *topicSeen) skewPart(known *topicPast) Part {
	if sorted := known.skews.sorted(); sorted != nil {
		return sendSkew.known(median(sorted), "partition "+t.rates.most.of)
	}
	if sorted := known.rates.sorted(); sorted != nil && sorted[len(sorted)-1] == 0 {
		return sendSkew.fine(0, "nothing is written")
	}
	return sendSkew.unknown("it takes five minutes of rates")
}

func (t *topicSeen) replicas() Part {
	check := inSync
	least, ok := t.gauges[telemetry.GaugeMinInSyncReplicas]
	if !ok {
		p := check.unknown("the topic's min.insync.replicas is not known")
		p.Value = &t.leastInSync.value
		return p
	}
	check.limit = isBad(below, least)
	check.limit.From = fromTopic
	return check.known(t.leastInSync.value, "partition "+t.leastInSync.of)
}
