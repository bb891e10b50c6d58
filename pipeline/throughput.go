package pipeline

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Spans of what the status shows.
const (
	// rateSpan is the time that records and bytes per second are of. Not smaller: stages
	// read in bursts of a second; not larger: people watch what they just changed.
	rateSpan = 10 * time.Second
	// rateInterval is how often counters are looked at for it.
	rateInterval = time.Second
	// writeSpan is the time that write latency is of. Not smaller: some stages write once
	// in seconds; not larger: it is to show how a store is now.
	writeSpan = time.Minute
	// maxRecentWrites bounds the writes that it is of. Not smaller: their 99th percentile
	// needs hundreds; not larger: they are sorted at every look.
	maxRecentWrites = 1024
)

// throughput knows how fast a stage's counters rose lately.
type throughput struct {
	mu      sync.Mutex
	samples []counterSample // in the order of time, rateSpan of them
}

type counterSample struct {
	at             time.Time
	records, bytes uint64
}

// note takes the counters as they are at a time, later than all before.
func (t *throughput) note(now counterSample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = append(t.samples, now)
	for len(t.samples) > 2 && now.at.Sub(t.samples[1].at) >= rateSpan {
		t.samples = t.samples[1:]
	}
}

// perSecond is how many records and bytes came per second of the span, 0 before a
// second sample.
func (t *throughput) perSecond() (records, bytes float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.samples) < 2 {
		return 0, 0
	}
	first, last := t.samples[0], t.samples[len(t.samples)-1]
	seconds := last.at.Sub(first.at).Seconds()
	return float64(last.records-first.records) / seconds, float64(last.bytes-first.bytes) / seconds
}

// sampleThroughput looks at the counters of every stage.
func (m *pipelineMetrics) sampleThroughput(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stages {
		s.throughput.note(counterSample{now, s.records.Get(), s.bytes.Get()})
	}
}

// writeTimes are how long a stage's writes took: all of them in a histogram, and the
// recent ones for the status.
type writeTimes struct {
	histogram *metrics.Histogram

	mu     sync.Mutex
	recent []timedWrite // a ring once it is full
	next   int          // place of the oldest in it
}

type timedWrite struct {
	ended time.Time
	took  time.Duration
}

// UpdateDuration takes a write that began at a time and ended now.
func (w *writeTimes) UpdateDuration(began time.Time) {
	now := time.Now()
	w.note(timedWrite{now, now.Sub(began)})
}

func (w *writeTimes) note(write timedWrite) {
	w.histogram.Update(write.took.Seconds())
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.recent) < maxRecentWrites {
		w.recent = append(w.recent, write)
		return
	}
	w.recent[w.next] = write
	w.next = (w.next + 1) % maxRecentWrites
}

// quantiles are the times that the given shares of writes of the span before now did
// not exceed, 0 where there was none.
func (w *writeTimes) quantiles(now time.Time, shares ...float64) []time.Duration {
	w.mu.Lock()
	var took []time.Duration
	for _, write := range w.recent {
		if now.Sub(write.ended) <= writeSpan {
			took = append(took, write.took)
		}
	}
	w.mu.Unlock()
	slices.Sort(took)
	out := make([]time.Duration, len(shares))
	for i, share := range shares {
		if len(took) > 0 {
			out[i] = took[max(0, int(math.Ceil(share*float64(len(took))))-1)]
		}
	}
	return out
}
