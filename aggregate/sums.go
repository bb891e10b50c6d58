package aggregate

import "github.com/weirmq/weir/telemetry"

// sums is what reports add up to: those of a cell or of a group in a pane. It has no
// pointers: there are many, and the garbage collector must not follow them. What few
// reports have, errors, gauges, events, rebalances and reports that were dropped, is kept aside.
type sums struct {
	messages, bytes, interval            uint64
	reports                              uint32 // a segment has no more offsets
	lists                                uint32 // in arena.lists, plus 1; 0 for none
	latencies, delays, sizes, heartbeats bucketList
}

// add folds a report in.
func (a *arena) add(s *sums, r *telemetry.Report) {
	a.addNumbers(s, r, 0)
	if hasLists(r) {
		aside := a.listsOf(s)
		aside.AddLists(r)
		aside.Rebalances += r.Rebalances
		aside.DroppedReports += r.DroppedReports
	}
}

// hasLists says that a report has what is kept aside.
func hasLists(r *telemetry.Report) bool {
	return len(r.Errors)+len(r.Gauges)+len(r.Events) > 0 || r.Rebalances|r.DroppedReports > 0
}

// addNumbers folds in what is not kept aside of a report, without what is omitted.
func (a *arena) addNumbers(s *sums, r *telemetry.Report, omit telemetry.Parts) {
	s.reports++
	s.messages += r.Messages
	s.bytes += r.Bytes
	s.interval += uint64(r.LengthMillis)
	a.mergeHistograms(s, omit, [4]*telemetry.Histogram{&r.LatencyMicros, &r.DelayMicros, &r.SizeBytes, &r.HeartbeatMicros})
}

// mergeHistograms adds the histograms of latency, delay, size and heartbeat to s, without what is omitted.
func (a *arena) mergeHistograms(s *sums, omit telemetry.Parts, of [4]*telemetry.Histogram) {
	if !omit.Has(telemetry.PartLatency) {
		a.merge(&s.latencies, of[0])
	}
	if !omit.Has(telemetry.PartDelay) {
		a.merge(&s.delays, of[1])
	}
	if !omit.Has(telemetry.PartSize) {
		a.merge(&s.sizes, of[2])
	}
	if !omit.Has(telemetry.PartHeartbeat) {
		a.merge(&s.heartbeats, of[3])
	}
}

// absorb adds part to s, without what is omitted.
func (a *arena) absorb(s *sums, part *telemetry.Totals, omit telemetry.Parts) {
	s.reports += uint32(part.Reports)
	s.messages += part.Messages
	s.bytes += part.Bytes
	s.interval += part.IntervalMillis
	a.mergeHistograms(s, omit, [4]*telemetry.Histogram{&part.LatencyMicros, &part.DelayMicros, &part.SizeBytes, &part.HeartbeatMicros})
}

// unpackSums writes s into t, whose memory is reused. Lists are shared with the arena.
func (a *arena) unpackSums(s *sums, t *telemetry.Totals) {
	latencies, delays, sizes, heartbeats := t.LatencyMicros, t.DelayMicros, t.SizeBytes, t.HeartbeatMicros
	*t = telemetry.Totals{}
	if s.lists > 0 {
		*t = *a.lists[s.lists-1]
	}
	t.LatencyMicros, t.DelayMicros, t.SizeBytes, t.HeartbeatMicros = latencies, delays, sizes, heartbeats
	t.Reports, t.Messages, t.Bytes, t.IntervalMillis = uint64(s.reports), s.messages, s.bytes, s.interval
	a.unpack(&s.latencies, &t.LatencyMicros)
	a.unpack(&s.delays, &t.DelayMicros)
	a.unpack(&s.sizes, &t.SizeBytes)
	a.unpack(&s.heartbeats, &t.HeartbeatMicros)
}

// blockSpans are the blocks of a series' histograms: those that the next ones, of the pane
// or segment that follows, are expected to have. They need not grow block by block.
type blockSpans [4]blockSpan

type blockSpan struct{ first, blocks uint16 }

func (s *sums) blockSpans() (out blockSpans) {
	for i, l := range [...]*bucketList{&s.latencies, &s.delays, &s.sizes, &s.heartbeats} {
		if l.words == 0 && l.class != wideClass {
			out[i] = blockSpan{l.first, l.blocks}
		}
	}
	return out
}

// expecting is empty, with histograms that will begin with such blocks.
func expecting(spans *blockSpans) (s sums) {
	for i, l := range [...]*bucketList{&s.latencies, &s.delays, &s.sizes, &s.heartbeats} {
		l.first, l.blocks = spans[i].first, spans[i].blocks
	}
	return s
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
