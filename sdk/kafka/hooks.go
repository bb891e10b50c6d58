package kafka

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/report"
)

// Hooks measure one franz-go client: pass them to kgo.WithHooks. Its methods may be
// called from any goroutine.
type Hooks struct {
	measured *meter.Client
	// unanswered says that the client asks for no acknowledgement: it makes offsets up.
	unanswered atomic.Bool
	injects    bool          // a traceparent
	polls      atomic.Uint64 // that began

	mu         sync.Mutex
	client     *kgo.Client // nil before kgo.NewClient and after its Close
	connected  bool        // the client is made: its methods may be called
	generation int32       // of the consumer group, 0 before the first
}

var (
	_ kgo.HookNewClient               = (*Hooks)(nil)
	_ kgo.HookBrokerConnect           = (*Hooks)(nil)
	_ kgo.HookBrokerE2E               = (*Hooks)(nil)
	_ kgo.HookBrokerWrite             = (*Hooks)(nil)
	_ kgo.HookClientClosed            = (*Hooks)(nil)
	_ kgo.HookProduceRecordBuffered   = (*Hooks)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*Hooks)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*Hooks)(nil)
	_ kgo.HookPollStart               = (*Hooks)(nil)
)

// memberHooks are Hooks of a client of which each message counts where a handler is given it, and not where it is polled. kgo would
// keep all that is polled to tell a hook of each.
type memberHooks struct{ otherHooks }

// otherHooks are all but those that tell what is polled.
type otherHooks interface {
	kgo.HookNewClient
	kgo.HookBrokerConnect
	kgo.HookBrokerE2E
	kgo.HookBrokerWrite
	kgo.HookClientClosed
	kgo.HookProduceRecordBuffered
	kgo.HookProduceRecordUnbuffered
}

// Option says something of one client that the reporter's configuration does not. What is
// too long for a label is cut.
type Option func(*meter.Identity)

// Cluster names the cluster that this client uses, where it is another one than
// report.Config.Cluster.
func Cluster(name string) Option { return func(of *meter.Identity) { of.Cluster = name } }

// Group names this client's consumer group in reports, whatever report.Config.Group and the
// client itself say.
func Group(name string) Option { return func(of *meter.Identity) { of.Group = name } }

// NewHooks returns new hooks, for one franz-go client.
func NewHooks(to *report.Reporter, options ...Option) *Hooks {
	identity := meter.Identity{System: "kafka", Library: meter.Library("franz-go", "github.com/twmb/franz-go")}
	for _, option := range options {
		option(&identity)
	}
	registry := to.Registry()
	h := &Hooks{injects: registry.Settings().InjectTraceparent}
	h.measured = registry.NewClient(identity, h.look)
	return h
}

// Opts are options of one franz-go client that measure it, for clients whose handlers are not
// timed: those need no Hooks of their own.
func Opts(to *report.Reporter, options ...Option) []kgo.Opt {
	return []kgo.Opt{kgo.WithHooks(NewHooks(to, options...))}
}

// Measured is for the packages beside this one: its type is the SDK's own.
func (h *Hooks) Measured() *meter.Client { return h.measured }

// OnNewClient notes the client's start; kgo calls it. Hooks of a client that has been
// closed may serve another one.
func (h *Hooks) OnNewClient(client *kgo.Client) {
	h.unanswered.Store(client.OptValue(kgo.RequiredAcks) == kgo.NoAck())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.client, h.connected, h.generation = client, false, 0
	id, _ := client.OptValue(kgo.ClientID).(string)
	h.measured.Started(id, groupOf(client))
}

// groupOf is the client's consumer group or share group: it is in one of them at most.
func groupOf(client *kgo.Client) string {
	for _, option := range []any{kgo.ConsumerGroup, kgo.ShareGroup} {
		if group, ok := client.OptValue(option).(string); ok && group != "" {
			return group
		}
	}
	return ""
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
		h.client = nil
		h.measured.Stopped()
	}
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
	h.measured.Consumed(client.GetConsumeTopics(), paused, nowMillis)
	h.lookAtGroup(nowMillis)
}
