package lag

import "github.com/weirmq/weir/telemetry"

// pending is what will be known of a partition before long, and is not now: what was unread while it could be read, or has been
// since before the first poll. Rules merge the partitions of a topic. If its others said that all is well, the topic's alert would
// resolve.
type pending struct {
	messages, state, retention, drain, consumed bool
	age, commit                                 float64 // seconds; 0 where it is not pending, else what it may be at least
}

// unsettled is what is pending where the offsets are known.
func (a *Assessment) unsettled() pending {
	_, paced := a.ConsumedPerSecond.Get()
	out := pending{state: a.State == StateUnknown, drain: !ends(a.Drain), consumed: !paced}
	if _, known := a.CommitAge.Get(); !known {
		out.commit = BoundCounts.Seconds()
	}
	if _, reported := a.reportedAge(); !reported {
		out.age = BoundCounts.Seconds()
	}
	if why, unknown := a.RetentionLeft.Why(); unknown {
		out.retention = why != KeptForever && why != RetentionNotRead
	}
	return out
}

// left is what is pending of a partition that is as it was when it could be read last, for all that is known.
func (a *Assessment) left() pending {
	if unread, _ := a.Messages.Get(); unread == 0 {
		return pending{consumed: true}
	}
	out := a.unsettled()
	out.messages, out.retention, out.drain, out.consumed = true, true, true, true
	if age, ok := a.CommitAge.Get(); ok {
		out.commit = age
	}
	out.state = out.state || a.State > PAUSED
	if age, ok := a.reportedAge(); ok {
		out.age = age
	}
	return out
}

// join is what is pending of any of two.
func (p pending) join(o pending) pending {
	return pending{
		p.messages || o.messages, p.state || o.state, p.retention || o.retention, p.drain || o.drain, p.consumed || o.consumed,
		max(p.age, o.age), max(p.commit, o.commit),
	}
}

// reportedAge is the age, or a lower bound of it that counts.
func (a *Assessment) reportedAge() (seconds float64, ok bool) {
	if seconds, ok = a.Seconds.Get(); ok {
		return seconds, true
	}
	seconds, ok = a.AtLeast.Get()
	return seconds, ok && seconds >= BoundCounts.Seconds()
}

// PartitionGauges appends what is reported of one partition of a group and topic that was summed up, as "What a collector reports"
// in docs/wire-contract.md wants it. What is not known is left out: rules then neither fire nor resolve. While one partition is
// pending, others do not report what would hide it: no lag of 0, no state that is 0, no age below what that one may have, and no
// retention above BoundCounts.
func (g *Group) PartitionGauges(a *Assessment, gauges []telemetry.Gauge) []telemetry.Gauge {
	add := func(name string, value float64) { gauges = append(gauges, telemetry.Gauge{Name: name, Value: value}) }
	if messages, ok := a.Messages.Get(); ok && (messages > 0 || !g.pending.messages) {
		add(telemetry.GaugeLagMessages, float64(messages))
	}
	if age, ok := a.reportedAge(); ok && age >= g.pending.age {
		add(telemetry.GaugeLagSeconds, age)
	}
	if age, ok := a.CommitAge.Get(); ok && age >= g.pending.commit {
		add(telemetry.GaugeCommitAge, age)
	}
	if left, ok := a.RetentionLeft.Get(); ok && (left <= BoundCounts.Seconds() || !g.pending.retention) {
		add(telemetry.GaugeRetentionLeft, left)
	}
	if a.State == StateUnknown {
		return gauges
	}
	for _, state := range [...]struct {
		name string
		is   State
	}{
		{telemetry.GaugeStalled, STALL}, {telemetry.GaugeStopped, STOP}, {telemetry.GaugeRewound, REWIND}, {telemetry.GaugeGrowing, WARN},
	} {
		switch {
		case a.State == state.is:
			add(state.name, 1)
		case !g.pending.state:
			add(state.name, 0)
		}
	}
	return gauges
}

// TopicGauges appends what is reported of the group and topic, without a partition: what rules cannot make of what partitions say. The
// time to drain is the longest of any partition, and left out where one does not drain; what is consumed is left out where it is not
// known of one.
func (g *Group) TopicGauges(gauges []telemetry.Gauge) []telemetry.Gauge {
	if middle, ok := g.Median.Get(); ok && !g.pending.messages {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeLagMedian, Value: middle})
	}
	if seconds, ok := g.Drain.Get(); ok && !g.pending.drain {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeDrain, Value: seconds})
	}
	if perSecond, ok := g.ConsumedPerSecond.Get(); ok && !g.pending.consumed {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeConsumed, Value: perSecond})
	}
	return gauges
}
