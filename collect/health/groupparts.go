package health

import (
	"maps"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// Checks of groups. Limits of some are those of a group's tier.
var (
	members = check{name: "members", unit: "members", rule: "GroupOffline", means: "nobody consumes, and messages wait"}
	lagAge  = check{name: "lag_age", unit: "seconds", rule: "BacklogHigh", means: "the oldest unread message is older than the tier allows"}
	stalled = check{name: "stalled_partitions", unit: "partitions", rule: "PartitionStalled",
		means: "ten commits did not move: a message that cannot be handled, or a handler that hangs"}
	stopped   = check{name: "stopped_partitions", unit: "partitions", rule: "PartitionStopped", means: "nobody commits there any more, and messages wait"}
	retention = check{name: "retention_left", unit: "seconds", rule: "RetentionRisk", means: "unread messages expire then, and are lost to the group"}
	growing   = check{name: "growing_partitions", unit: "partitions", rule: "BacklogGrowing", limit: warns(above, 0),
		means: "over ten commits lag never fell: consumers are slower than producers"}
	rewound = check{name: "rewound_partitions", unit: "partitions", rule: "OffsetRewind", limit: warns(above, 0),
		means: "offsets fell back: messages are consumed again"}
	deadLetters = check{name: "dead_letters", unit: "messages_per_second", rule: "DeadLettersGrowing", limit: warns(above, 0),
		means: "in the last five minutes its handlers failed messages for good"}
	mismatches = check{name: "subscription_mismatches", unit: "members", rule: "SubscriptionMismatch", limit: warns(above, 0),
		means: "members subscribe to something else than the others: messages are lost to the group, or wait"}
	paused = check{name: "paused", unit: "seconds", rule: "PauseForgotten", limit: warns(above, warnPaused),
		means: "somebody has suspended consumption, and may have forgotten it"}
	lagSkew = check{name: "lag_skew", unit: "messages", rule: "LagSkew",
		means: "one partition is far behind the median of its topic: a slow consumer, or one key"}
)

// group judges a consumer group.
func (c *Cluster) group(name string, g *groupSeen, limits *Limits) Thing {
	age, left := lagAge, retention
	age.limit, left.limit = limits.lagAge(g.tier), byTier(g.tier, below, badRetentionLeft)
	bad := func(c check) check {
		c.limit = byTier(g.tier, above, 0)
		return c
	}
	parts := []Part{g.membersPart()}
	for _, of := range []struct {
		check check
		read  func(c *check, topic string, u *unread) Part
	}{
		{age, agePart}, {bad(stalled), statePart(telemetry.GaugeStalled)}, {bad(stopped), statePart(telemetry.GaugeStopped)},
		{growing, statePart(telemetry.GaugeGrowing)}, {rewound, statePart(telemetry.GaugeRewound)}, {left, retentionPart}, {lagSkew, lagSkewPart},
	} {
		parts = append(parts, g.worst(of.check, of.read))
	}
	if c.newest.system == rocketmq {
		pause := func(c *check, topic string, u *unread) Part { return pausePart(c, &age, topic, u) }
		parts = append(parts, c.deadLettersPart(name, g), mismatches.of(g.gauges, telemetry.GaugeMismatches), g.worst(paused, pause))
	}
	return newThing(KindGroup, name, g.tier, parts)
}

// deadLettersPart is the greatest rate of five minutes, as the rule has it.
func (c *Cluster) deadLettersPart(name string, g *groupSeen) Part {
	s := c.deadLetters[name]
	kept, ok := g.gauges[telemetry.GaugeDeadLetters]
	if s == nil || !ok {
		return deadLetters.unknown("it takes two polls that tell of its dead letters")
	}
	rate, _ := s.greatest(c.at, slotCount)
	if kept == 0 {
		return deadLetters.fine(rate, "no dead letter is kept")
	}
	return deadLetters.known(rate, "")
}

// worst judges each topic that a group reads, and keeps the worst. One that is not known does not hide one that is beyond its limit, and is
// not hidden by one that is fine.
func (g *groupSeen) worst(c check, read func(c *check, topic string, u *unread) Part) Part {
	var out *Part
	for _, name := range slices.Sorted(maps.Keys(g.topics)) {
		if p := read(&c, name, g.topics[name]); out == nil || p.worseThan(out) {
			out = &p
		}
	}
	if out == nil {
		return c.unknown("the newest poll did not find out what it has left unread")
	}
	return *out
}

// worseThan compares parts of one check.
func (p *Part) worseThan(o *Part) bool {
	if p.State != o.State || p.Value == nil || o.Value == nil {
		return p.State.rank() < o.State.rank()
	}
	if p.Limit.Beyond == below {
		return *p.Value < *o.Value
	}
	return *p.Value > *o.Value
}

func (g *groupSeen) membersPart() Part {
	check := members
	check.limit = byTier(g.tier, below, 1)
	count, ok := g.gauges[telemetry.GaugeMembers]
	if !ok {
		return check.unknown(unsaid)
	}
	messages, known := 0.0, len(g.topics) > 0
	for _, u := range g.topics {
		messages += u.lag.sum
		known = known && u.lag.count > 0
	}
	switch p := check.known(count, ""); {
	case p.State == OK || messages > 0:
		return p
	case g.gauges[telemetry.GaugeRetryLag] > 0:
		p.Rule, p.Means = "GroupOfflineRetries", "nobody consumes, and messages wait to be consumed again"
		return p
	case !known:
		p = check.unknown("it has no member, and whether messages wait is not known")
		p.Value = &count
		return p
	}
	return check.fine(count, "nothing is unread")
}

// place names a partition of a topic.
func place(topic, partition string) string {
	if partition == "" {
		return "topic " + topic
	}
	return "topic " + topic + " partition " + partition
}

func agePart(c *check, topic string, u *unread) Part {
	if !u.age.known {
		return c.unknown("the age of the oldest unread message of topic " + topic + " is not known")
	}
	return c.known(u.age.value, place(topic, u.age.of))
}

func statePart(gauge string) func(c *check, topic string, u *unread) Part {
	return func(c *check, topic string, u *unread) Part {
		state := u.states[gauge]
		if !state.known {
			return c.unknown("it takes ten commits of topic " + topic)
		}
		return c.known(state.value, place(topic, state.of))
	}
}

func retentionPart(c *check, topic string, u *unread) Part {
	switch {
	case !u.retention.known && u.lag.count > 0 && u.lag.sum == 0:
		p := c.fine(0, "nothing of topic "+topic+" is unread")
		p.Value = nil
		return p
	case !u.retention.known:
		return c.unknown("when unread messages of topic " + topic + " expire is not known, or never")
	case u.lag.count > 0 && u.lag.sum == 0:
		return c.fine(u.retention.value, "nothing of topic "+topic+" is unread")
	case u.lag.count == 0:
		return c.unknown("whether messages of topic " + topic + " are unread is not known")
	}
	return c.known(u.retention.value, place(topic, u.retention.of))
}

// pausePart is for how long consumption is suspended. One that lets the backlog grow older than the tier allows warns sooner.
func pausePart(c, age *check, topic string, u *unread) Part {
	if u.gauges[telemetry.GaugePaused] == 0 {
		return c.fine(0, "nobody has suspended it")
	}
	p := c.known(u.gauges[telemetry.GaugePausedSeconds], "topic "+topic)
	if p.State == OK && u.age.known && age.limit.judge(u.age.value) != OK {
		p.State, p.Penalty, p.Why = Warn, penaltyWarn, "its backlog is older than the tier allows"
	}
	return p
}

// lagSkewPart compares the greatest lag with the median. A thousand messages are no skew.
func lagSkewPart(c *check, topic string, u *unread) Part {
	middle, ok := u.gauges[telemetry.GaugeLagMedian]
	if !ok || !u.lag.most.known {
		return c.unknown("lags of topic " + topic + " are not known")
	}
	skew := *c
	skew.limit = warns(above, max(warnLagSkew*middle, leastLagSkew))
	return skew.known(u.lag.most.value, place(topic, u.lag.most.of))
}
