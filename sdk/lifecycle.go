package weir

import (
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	// forgetAfter is how long the hooks of a closed client are kept. Not shorter:
	// handlers may still be at work; not longer: a program that opens clients without
	// end holds them all.
	forgetAfter = time.Minute
	// keepAtMost is how long they are kept where something is left to report. Not
	// shorter: that is what one report can hold; not longer: see forgetAfter.
	keepAtMost = 10 * time.Minute
)

// OnNewClient notes the client's start; kgo calls it. Hooks of a client that has been
// closed may serve another one.
func (h *Hooks) OnNewClient(client *kgo.Client) {
	started := telemetry.Event{Kind: telemetry.EventStarted, TimeUnixMillis: h.clock.wallMillis(h.clock.now())}
	h.unanswered.Store(client.OptValue(kgo.RequiredAcks) == kgo.NoAck())
	h.mu.Lock()
	h.client, h.connected = client, false
	h.labels = h.owner.config.identify(client)
	h.generation, h.closedAt = 0, 0
	h.events = []telemetry.Event{started}
	for m := range h.all {
		m.note(started)
	}
	h.mu.Unlock()
	h.owner.register(h)
}

// OnBrokerConnect notes that kgo.NewClient has come to its end: before, the client's
// methods must not be called, and nothing else tells. kgo calls it.
func (h *Hooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.connected = h.client != nil
}

// OnClientClosed notes the client's end; kgo calls it.
func (h *Hooks) OnClientClosed(client *kgo.Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == client {
		h.stopped()
	}
}

// stopped notes that what is reported from now on are remains; h.mu is held.
func (h *Hooks) stopped() {
	if h.client == nil {
		return
	}
	h.client, h.closedAt = nil, h.clock.wallMillis(h.clock.now())
	stopped := telemetry.Event{Kind: telemetry.EventStopped, TimeUnixMillis: h.closedAt}
	h.events = append(h.events, stopped)
	for m := range h.all {
		m.note(stopped)
	}
}

// closedFor is how long the client has been closed, 0 while it is open.
func (h *Hooks) closedFor(nowMillis int64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closedAt == 0 {
		return 0
	}
	return max(time.Duration(nowMillis-h.closedAt)*time.Millisecond, 1)
}

// spent says that the hooks' client is closed and that they need not be kept.
func (h *Hooks) spent(nowMillis int64) bool {
	closedFor := h.closedFor(nowMillis)
	return closedFor > keepAtMost || closedFor > forgetAfter && h.waiting.Load() == 0 && h.unreported() == 0
}

// unreported is how many meters have counted something since their last report.
func (h *Hooks) unreported() int {
	count := 0
	for m := range h.all {
		if m.hasCounted() {
			count++
		}
	}
	return count
}

// look asks the client what it does not tell by hooks: which topics it consumes,
// which are paused, and whether its group has rebalanced.
func (h *Hooks) look(nowMillis int64) {
	h.mu.Lock()
	client, connected := h.client, h.connected
	h.mu.Unlock()
	if !connected || client == nil {
		return
	}
	paused := map[string]bool{}
	for _, topic := range client.PauseFetchTopics() {
		paused[topic] = true
	}
	h.consumed(client.GetConsumeTopics(), paused, nowMillis)
	h.lookAtGroup(nowMillis)
}

// consumed notes which topics are consumed. Those beyond MaxTopics are paused
// together: when all of them are.
func (h *Hooks) consumed(topics []string, paused map[string]bool, nowMillis int64) {
	states := map[*meter]bool{}
	for _, topic := range topics {
		m := h.meter(&h.consumes, topic)
		others, shared := states[m]
		states[m] = paused[topic] && (others || !shared)
	}
	for m, state := range states {
		m.setPaused(state, nowMillis)
	}
}
