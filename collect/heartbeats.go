package collect

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	// ProbeTime bounds the wait for a sign of life. Not smaller: who collects garbage for a second is not gone; not larger: the poll has
	// to ask the others too.
	ProbeTime = 2 * time.Second
	// leastProbe is how long a broker must have had to answer, where the poll ends before ProbeTime is over, for its silence to count.
	// Not smaller: one that is well may take so long; not larger: of a poll that lasts a second a third of that may be all that is left.
	leastProbe = ProbeTime / 8
	// peersSpan is how long round trips count for the median of the peers.
	peersSpan = time.Minute
	// leftSpan is how long it is said of a node that left while its heartbeats failed that none fails: what is not said any more is unknown, and its alert
	// would stay for a day. Not shorter: what one poll says may be lost; not longer: it is no node of the cluster.
	leftSpan = time.Minute
)

// OutOfTime says of a broker that did not answer a probe that this says nothing of it: ctx, of the poll, ended, and the probe had begun
// a moment ago.
func OutOfTime(ctx context.Context, began time.Time) bool {
	return ctx.Err() != nil && time.Since(began) < leastProbe
}

// Probed is how a broker answered a poll's probe, or did not.
type Probed[ID cmp.Ordered] struct {
	ID        ID
	Node      string // label of its reports
	Answered  bool
	OutOfTime bool          // it was not found out whether it does
	Took      time.Duration // where it answered
}

// Heartbeats is what is remembered of how the brokers of one cluster answer: a probe in each poll, and canaries where they are sent. ID is
// what its poller tells brokers apart by. The zero value knows none. Its methods may be called from any goroutine.
type Heartbeats[ID cmp.Ordered] struct {
	mu   sync.Mutex
	of   map[ID]*heartbeat
	left map[string]time.Time // nodes, and since when
}

type heartbeat struct {
	node       string
	failed     int                 // probes of polls in a row
	heard      bool                // whether it ever answered a probe or a canary
	trips      []roundTrip         // of the last minute
	unreported telemetry.Histogram // round trips of probes, in microseconds
	canary     CanaryRecord
	awaits     bool // whether it gets canaries now
}

// roundTrip is one of a canary, or of a poll's probe.
type roundTrip struct {
	at     time.Time
	took   time.Duration
	canary bool
}

// failures are heartbeats that failed in a row. A broker whose disk hangs answers probes and fails canaries; one that left gets no canaries
// and fails probes.
func (b *heartbeat) failures() int { return max(b.failed, b.canary.FailedInARow()) }

// known says that failures may be reported. Of a broker that never answered here one or two say less than what was reported before this
// collector's turn began, and would end an alert that fires.
func (b *heartbeat) known() bool { return b.heard || b.failures() >= FailuresKnown }

// Await says which brokers get canaries now, with the labels of their reports.
func (h *Heartbeats[ID]) Await(nodes map[ID]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, b := range h.of {
		_, b.awaits = nodes[id]
	}
	for id, node := range nodes {
		if h.of[id] == nil {
			h.add(id, &heartbeat{node: node, canary: AwaitCanaries(), awaits: true})
		}
	}
}

func (h *Heartbeats[ID]) add(id ID, b *heartbeat) *heartbeat {
	if h.of == nil {
		h.of = map[ID]*heartbeat{}
	}
	h.of[id] = b
	return b
}

// Take takes in the probes of a poll, one of each broker that counts as one of the cluster, whether it is there or away. One that has none
// has left, and is forgotten.
func (h *Heartbeats[ID]) Take(all []Probed[ID], now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	there, nodes := map[ID]bool{}, map[string]bool{}
	for i := range all {
		p := &all[i]
		there[p.ID], nodes[p.Node] = true, true
		b := h.of[p.ID]
		if b == nil {
			b = h.add(p.ID, &heartbeat{node: p.Node})
		}
		if b.node != p.Node {
			h.leave(b, now)
			b.node = p.Node
		}
		b.prune(now)
		switch {
		case p.OutOfTime:
		case !p.Answered:
			b.failed++
		default:
			b.answered(p.Took, now)
		}
	}
	maps.DeleteFunc(h.of, func(id ID, b *heartbeat) bool {
		if !there[id] {
			h.leave(b, now)
		}
		return !there[id]
	})
	maps.DeleteFunc(h.left, func(node string, since time.Time) bool { return nodes[node] || now.Sub(since) > leftSpan })
}

// leave notes that a node is not the broker's any more.
func (h *Heartbeats[ID]) leave(b *heartbeat, now time.Time) {
	if b.failures() == 0 {
		return
	}
	if h.left == nil {
		h.left = map[string]time.Time{}
	}
	h.left[b.node] = now
}

// answered takes in that a probe was answered. Its time is no heartbeat where canaries are. Canaries of one that gets none any more, as
// it came back as another's slave, say nothing of it.
func (b *heartbeat) answered(took time.Duration, now time.Time) {
	b.failed, b.heard = 0, true
	if !b.awaits {
		b.canary = CanaryRecord{}
	}
	if !b.canary.Counts() {
		b.trips = append(b.trips, roundTrip{at: now, took: took})
		b.unreported.Observe(uint64(max(took.Microseconds(), 1)))
	}
}

// prune forgets round trips that count no more.
func (b *heartbeat) prune(now time.Time) {
	b.trips = slices.DeleteFunc(b.trips, func(t roundTrip) bool { return now.Sub(t.at) > peersSpan })
}

// TakeCanary takes in how a canary went; it is false where the broker is not known.
func (h *Heartbeats[ID]) TakeCanary(id ID, o CanaryOutcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.of[id]
	if b == nil {
		return false
	}
	b.canary.Take(o)
	b.prune(time.Now()) // canaries go on where polls find nothing
	if o.Impossible == nil && o.Failed == nil {
		b.heard = true
		b.trips = append(b.trips, roundTrip{at: time.Now(), took: o.Took, canary: true})
	}
	return true
}

// NewestCanary is how the newest canary of a broker went; it is the zero value where there was none.
func (h *Heartbeats[ID]) NewestCanary(id ID) CanaryOutcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.of[id]; b != nil {
		return b.canary.Newest()
	}
	return CanaryOutcome{}
}

// Nodes are the brokers that are known, with the labels of their reports.
func (h *Heartbeats[ID]) Nodes() map[ID]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[ID]string{}
	for id, b := range h.of {
		out[id] = b.node
	}
	return out
}

// Silent says that a broker did not answer the probe of the newest poll that had time for it.
func (h *Heartbeats[ID]) Silent(id ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[id] != nil && h.of[id].failed > 0
}

// Report reports a broker's heartbeats, with the round trips that no report had before. One that is not known has none.
func (h *Heartbeats[ID]) Report(out *Reports, id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[id] != nil {
		h.report(out, id)
	}
}

// ReportAll reports the heartbeats of all brokers, in the order of their ids, and then of nodes that left a moment ago that none fails.
func (h *Heartbeats[ID]) ReportAll(out *Reports) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(h.of)) {
		h.report(out, id)
	}
	for _, node := range slices.Sorted(maps.Keys(h.left)) {
		r := out.Add("probe")
		r.Labels.Node, r.Labels.Client = node, out.Collector
		r.Gauges = append(r.Gauges, Gauge(telemetry.GaugeHeartbeatFailed, 0))
	}
}

func (h *Heartbeats[ID]) report(out *Reports, id ID) {
	b := h.of[id]
	r := out.Add("probe")
	r.Labels.Node, r.Labels.Client = b.node, out.Collector
	if b.known() {
		r.Gauges = append(r.Gauges, Gauge(telemetry.GaugeHeartbeatFailed, float64(b.failures())))
	}
	if seconds, known := h.peers(id); known {
		r.Gauges = append(r.Gauges, Gauge(telemetry.GaugeHeartbeatPeers, seconds))
	}
	b.canary.Report(r)
	r.HeartbeatMicros.Merge(&b.unreported)
	b.unreported = telemetry.Histogram{}
}

// peers is the median round trip to all brokers but one, in seconds; ok is false where none is known. Canaries are compared with canaries:
// they take longer than requests.
func (h *Heartbeats[ID]) peers(but ID) (seconds float64, ok bool) {
	var took []time.Duration
	for id, b := range h.of {
		for _, t := range b.trips {
			if id != but && t.canary == h.of[but].canary.Counts() {
				took = append(took, t.took)
			}
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	below, above := took[(len(took)-1)/2], took[len(took)/2] // the same where their number is odd
	return (below + above).Seconds() / 2, true
}
