package aggregate

import "github.com/weirmq/weir/telemetry"

// sums is what reports add up to: those of a cell or of a group in a pane. It has no
// pointers: there are many, and the garbage collector must not follow them. What few
// reports have, errors, gauges and events, is kept aside.
type sums struct {
	reports, messages, bytes             uint64
	rebalances, droppedReports, interval uint64
	latencies, delays, sizes, heartbeats bucketList
	lists                                uint32 // in arena.lists, plus 1; 0 for none
}

// add folds a report in.
func (a *arena) add(s *sums, r *telemetry.Report) {
	s.reports++
	s.messages += r.Messages
	s.bytes += r.Bytes
	s.rebalances += r.Rebalances
	s.droppedReports += r.DroppedReports
	s.interval += uint64(r.LengthMillis)
	a.merge(&s.latencies, &r.LatencyMicros)
	a.merge(&s.delays, &r.DelayMicros)
	a.merge(&s.sizes, &r.SizeBytes)
	a.merge(&s.heartbeats, &r.HeartbeatMicros)
	if len(r.Errors)+len(r.Gauges)+len(r.Events) > 0 {
		a.listsOf(s).AddLists(r)
	}
}

// absorb adds part to s, without what is omitted.
func (a *arena) absorb(s *sums, part *telemetry.Totals, omit telemetry.Parts) {
	s.reports += part.Reports
	s.messages += part.Messages
	s.bytes += part.Bytes
	s.rebalances += part.Rebalances
	s.droppedReports += part.DroppedReports
	s.interval += part.IntervalMillis
	if !omit.Has(telemetry.PartLatency) {
		a.merge(&s.latencies, &part.LatencyMicros)
	}
	if !omit.Has(telemetry.PartDelay) {
		a.merge(&s.delays, &part.DelayMicros)
	}
	if !omit.Has(telemetry.PartSize) {
		a.merge(&s.sizes, &part.SizeBytes)
	}
	if !omit.Has(telemetry.PartHeartbeat) {
		a.merge(&s.heartbeats, &part.HeartbeatMicros)
	}
}

// unpackSums writes s into t, whose memory is reused. Lists are shared with the arena.
func (a *arena) unpackSums(s *sums, t *telemetry.Totals) {
	latencies, delays, sizes, heartbeats := t.LatencyMicros, t.DelayMicros, t.SizeBytes, t.HeartbeatMicros
	*t = telemetry.Totals{}
	if s.lists > 0 {
		*t = *a.lists[s.lists-1]
	}
	t.LatencyMicros, t.DelayMicros, t.SizeBytes, t.HeartbeatMicros = latencies, delays, sizes, heartbeats
	t.Reports, t.Messages, t.Bytes = s.reports, s.messages, s.bytes
	t.Rebalances, t.DroppedReports, t.IntervalMillis = s.rebalances, s.droppedReports, s.interval
	a.unpack(&s.latencies, &t.LatencyMicros)
	a.unpack(&s.delays, &t.DelayMicros)
	a.unpack(&s.sizes, &t.SizeBytes)
	a.unpack(&s.heartbeats, &t.HeartbeatMicros)
}

// expecting is empty, with histograms that begin with the blocks of s.
func (s *sums) expecting() sums {
	return sums{latencies: expecting(s.latencies), delays: expecting(s.delays), sizes: expecting(s.sizes), heartbeats: expecting(s.heartbeats)}
}

// restart empties s and gives its room back.
func (a *arena) restart(s *sums) {
	a.release(&s.latencies)
	a.release(&s.delays)
	a.release(&s.sizes)
	a.release(&s.heartbeats)
	if s.lists > 0 {
		a.lists[s.lists-1] = &telemetry.Totals{} // its strings went on
	}
	*s = sums{}
}
