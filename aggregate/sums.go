package aggregate

import (
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// sums is what the reports of one cell add up to. It has no pointers: cells are many,
// and the garbage collector must not follow them. What few reports have, errors,
// gauges and events, is kept aside.
type sums struct {
	reports, messages, bytes             uint64
	rebalances, droppedReports, interval uint64
	latencies, delays, sizes, heartbeats bucketList
	lists                                uint32 // in arena.lists, plus 1; 0 for none
}

// bucketList is a histogram whose buckets are in the arena.
type bucketList struct {
	at       uint32
	held     uint16
	class    uint8 // of its room: arena.classes; 0 for none
	sum, max uint64
}

// firstClass is the room of the smallest list; each class has twice the room of the
// one before. The largest holds every bucket there is.
const (
	firstClass = 4
	classes    = 11
)

func roomOf(class uint8) int { return firstClass << (class - 1) }

// arena holds the buckets and lists of the open segment's sums. It is emptied as a
// whole when the segment is over.
type arena struct {
	indexes []int32
	counts  []uint64
	free    [classes + 1][]uint32 // room given back, by class
	lists   []*telemetry.Totals   // errors, gauges and events only
}

// shrinkAbove and shrinkBy say when memory is given back: a burst of series must not
// hold it for ever.
const (
	shrinkAbove = 1 << 16
	shrinkBy    = 4
)

// empty forgets everything and keeps the memory that the segment needed.
func (a *arena) empty() {
	if cap(a.indexes) > shrinkAbove && cap(a.indexes) > shrinkBy*len(a.indexes) {
		a.indexes, a.counts = nil, nil
	}
	a.indexes, a.counts = a.indexes[:0], a.counts[:0]
	for class := range a.free {
		a.free[class] = a.free[class][:0]
	}
	clear(a.lists)
	a.lists = a.lists[:0]
}

// take returns room of a class.
func (a *arena) take(class uint8) uint32 {
	if free := a.free[class]; len(free) > 0 {
		at := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		return at
	}
	at, room := len(a.indexes), roomOf(class)
	// What stands in the room does not matter: a list holds nothing at first.
	a.indexes = slices.Grow(a.indexes, room)[:at+room]
	a.counts = slices.Grow(a.counts, room)[:at+room]
	return uint32(at)
}

// view is the list as a histogram. It aliases the arena until the next take.
func (a *arena) view(l *bucketList) telemetry.Histogram {
	if l.class == 0 {
		return telemetry.Histogram{}
	}
	at, held, room := int(l.at), int(l.held), roomOf(l.class)
	return telemetry.Histogram{Indexes: a.indexes[at : at+held : at+room], Counts: a.counts[at : at+held : at+room], Sum: l.sum, Max: l.max}
}

// merge adds a histogram to a list.
func (a *arena) merge(l *bucketList, h *telemetry.Histogram) {
	if len(h.Indexes) == 0 {
		return
	}
	l.sum += h.Sum
	l.max = max(l.max, h.Max)
	held := a.view(l)
	missing := held.AddKnown(h)
	if missing == 0 {
		return
	}
	if need := int(l.held) + missing; l.class == 0 || need > roomOf(l.class) {
		a.widen(l, need)
		held = a.view(l)
	}
	held.AddMissing(h, missing)
	l.held = uint16(len(held.Indexes))
}

// widen moves a list to where it has room.
func (a *arena) widen(l *bucketList, need int) {
	class := max(l.class, 1)
	for roomOf(class) < need {
		class++
	}
	to := a.take(class)
	if l.class > 0 {
		copy(a.indexes[to:], a.indexes[l.at:l.at+uint32(l.held)])
		copy(a.counts[to:], a.counts[l.at:l.at+uint32(l.held)])
		a.free[l.class] = append(a.free[l.class], l.at)
	}
	l.at, l.class = to, class
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

// listsOf returns what is kept aside of s, made where there was none.
func (a *arena) listsOf(s *sums) *telemetry.Totals {
	if s.lists == 0 {
		a.lists = append(a.lists, &telemetry.Totals{})
		s.lists = uint32(len(a.lists))
	}
	return a.lists[s.lists-1]
}

// absorb adds part to s: both of one cell.
func (a *arena) absorb(s, part *sums) {
	s.reports += part.reports
	s.messages += part.messages
	s.bytes += part.bytes
	s.rebalances += part.rebalances
	s.droppedReports += part.droppedReports
	s.interval += part.interval
	for _, lists := range [...][2]*bucketList{{&s.latencies, &part.latencies}, {&s.delays, &part.delays},
		{&s.sizes, &part.sizes}, {&s.heartbeats, &part.heartbeats}} {
		h := a.view(lists[1]) // stays readable, with the same counts, when the arena moves
		a.merge(lists[0], &h)
	}
	if part.lists > 0 {
		a.listsOf(s).MergePanes(a.lists[part.lists-1])
	}
}

// totals is s as it is written. It aliases the arena until the next take.
func (a *arena) totals(s *sums) telemetry.Totals {
	var t telemetry.Totals
	if s.lists > 0 {
		t = *a.lists[s.lists-1]
	}
	t.Reports, t.Messages, t.Bytes = s.reports, s.messages, s.bytes
	t.Rebalances, t.DroppedReports, t.IntervalMillis = s.rebalances, s.droppedReports, s.interval
	t.LatencyMicros, t.DelayMicros = a.view(&s.latencies), a.view(&s.delays)
	t.SizeBytes, t.HeartbeatMicros = a.view(&s.sizes), a.view(&s.heartbeats)
	return t
}

// restart empties s and keeps its room.
func (s *sums) restart() {
	*s = sums{latencies: s.latencies.restarted(), delays: s.delays.restarted(), sizes: s.sizes.restarted(), heartbeats: s.heartbeats.restarted()}
}

func (l bucketList) restarted() bucketList { return bucketList{at: l.at, class: l.class} }
