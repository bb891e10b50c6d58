package pipeline

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// pressureInterval is how often the stage aggregate looks at its memory. Not smaller:
// while fetching pauses each look collects garbage; not larger: a core folds some 50 MB
// of reports in it.
const pressureInterval = 500 * time.Millisecond

// turnAfter is how long a source is parked before it takes the place of one that was read
// to its end. Not smaller: it must read a segment before it is its turn to wait; not
// larger: alerts wait for it.
const turnAfter = 10 * time.Second

// returnAfter lies between two sources that come back. Not smaller: the one has read its
// segment again before the other's is measured; not larger: alerts wait for them.
const returnAfter = time.Second

// pressure keeps the stage aggregate within its memory. While too much is live it fetches
// nothing. Where that does not help it parks sources: a parked one writes what it has,
// forgets its open segment, and reads it again from its begin when there is room. The
// totals are the same, as after a restart. Those furthest into their segments go on to
// the segments' ends, which gives memory back. Where they have come to the ends of their
// logs instead, the sources take turns. It belongs to the goroutine that polls.
type pressure struct {
	a      *aggregator
	memory *memory
	looked time.Time
	turned time.Time // when it was looked last whether a parked source may come back
	paused bool
	alone  bool // one source goes on although too much is live
}

// relieve looks at the memory, where it is time to.
func (p *pressure) relieve(ctx context.Context, now time.Time) {
	if p.memory.limit == 0 || now.Sub(p.looked) < pressureInterval {
		return
	}
	p.looked = now
	running, parked := p.a.sourcesByProgress()
	p.alone = p.alone && !p.memory.hasRoom()
	switch {
	case p.paused:
		p.memory.collect()
		p.relax(ctx, running)
	case (!p.alone || len(running) > 1) && p.memory.isShort():
		p.paused = true
		p.a.client.PauseFetchTopics(telemetry.TopicTelemetry)
	case len(parked) > 0 && now.Sub(p.turned) >= returnAfter:
		p.turned = now
		p.memory.collect() // what is live was measured before the last one came back
		p.takeTurns(ctx, running, parked[0])
	}
	_, parked = p.a.sourcesByProgress()
	p.show(len(parked))
}

// relax goes on where there is room again, else parks half of the sources: those that have
// least to read again.
func (p *pressure) relax(ctx context.Context, running []*sourceWorker) {
	room := p.memory.hasRoom()
	if !room && len(running) > 1 {
		for _, w := range running[:len(running)/2] {
			p.a.park(ctx, w)
		}
		return
	}
	p.paused, p.alone = false, !room
	p.a.client.ResumeFetchTopics(telemetry.TopicTelemetry)
}

// takeTurns lets the source that was parked longest be read: where there is room, or after
// a while in place of one that was read to its end.
func (p *pressure) takeTurns(ctx context.Context, running []*sourceWorker, next *sourceWorker) {
	if !p.memory.hasRoom() {
		if time.Since(next.parkedAt) < turnAfter {
			return
		}
		done := slices.IndexFunc(running, (*sourceWorker).atEnd)
		if done < 0 {
			return // they go on to the ends of their segments
		}
		p.a.park(ctx, running[done])
	}
	p.a.unpark(next)
}

func (p *pressure) show(parked int) {
	state := memoryOK
	switch {
	case p.paused:
		state = memoryPaused
	case p.alone:
		state = memoryShort
	case parked > 0:
		state = memoryParked
	}
	if !p.memory.set(state, parked) {
		return
	}
	now := p.memory.status()
	say := p.a.log.Warn
	if state == memoryOK {
		say = p.a.log.Info
	}
	say("memory", "state", state, "live_bytes", now.LiveBytes, "limit_bytes", now.LimitBytes, "parked_sources", parked)
}

// atEnd says that a source was read to where it ended when that was asked last.
func (w *sourceWorker) atEnd() bool {
	end := w.end.Load()
	return end != nil && w.next.Load() >= end.offset
}

// sourcesByProgress are the sources that are read, least progress in their segment first,
// and those that are parked, longest first.
func (a *aggregator) sourcesByProgress() (running, parked []*sourceWorker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.workers {
		if w.parkedAt.IsZero() {
			running = append(running, w)
		} else {
			parked = append(parked, w)
		}
	}
	slices.SortFunc(running, func(a, b *sourceWorker) int { return cmp.Compare(a.cells.Load(), b.cells.Load()) })
	slices.SortFunc(parked, func(a, b *sourceWorker) int { return a.parkedAt.Compare(b.parkedAt) })
	return running, parked
}

// park lets a worker forget its open segment, and the client come back to its begin later.
func (a *aggregator) park(ctx context.Context, w *sourceWorker) {
	partitions := map[string][]int32{telemetry.TopicTelemetry: {w.source.Partition}}
	a.client.PauseFetchPartitions(partitions)
	w.parkedAt = time.Now()
	select {
	case w.parks <- struct{}{}:
	case <-w.done:
		return
	case <-ctx.Done():
		return
	}
	select {
	case from := <-w.parked:
		a.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{telemetry.TopicTelemetry: {w.source.Partition: {Epoch: -1, Offset: from}}})
	case <-w.done:
	}
}

// unpark lets a parked source be read again.
func (a *aggregator) unpark(w *sourceWorker) {
	w.parkedAt = time.Time{}
	a.client.ResumeFetchPartitions(map[string][]int32{telemetry.TopicTelemetry: {w.source.Partition}})
}

// forget writes what changed and forgets the open segment. It returns the offset from
// which the source is to be read again.
func (w *sourceWorker) forget(ctx context.Context) (int64, error) {
	if err := w.drain(ctx); err != nil {
		return 0, err
	}
	w.countSeen()
	from := w.next.Load()
	if begin, open := w.fold.SegmentBegin(); open {
		from = begin
	}
	w.renew()
	w.next.Store(from)
	w.cells.Store(0)
	return from, nil
}
