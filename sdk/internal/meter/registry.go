package meter

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Settings are those of all clients that one reporter measures.
type Settings struct {
	Labels      telemetry.Labels // that each report has
	MaxTopics   int              // of a client and direction; the others are counted together
	SlowAfter   time.Duration    // from it on a message is told of; 0 and below is never
	SampleOneIn int              // of so many messages one is told of; 0 and below is none
	// InjectTraceparent adds a trace to messages that have none.
	InjectTraceparent bool
}

// Registry holds the clients that one reporter measures.
type Registry struct {
	Clock     *Clock
	settings  Settings
	recovered atomic.Uint64 // panics
	sampling  atomic.Pointer[SamplingOf]
	interval  atomic.Int64  // nanoseconds between two reports, 0: as configured
	changed   chan struct{} // that interval has

	mu      sync.Mutex
	closed  bool
	clients []*Client // that are open, or closed with something to report
}

// NewRegistry returns a registry without clients.
func NewRegistry(settings Settings) *Registry {
	return &Registry{Clock: newClock(), settings: settings, changed: make(chan struct{}, 1)}
}

// Settings are those that the registry was made with.
func (r *Registry) Settings() *Settings { return &r.settings }

// Recovered are the panics of the SDK's own code that were kept from the host.
func (r *Registry) Recovered() uint64 { return r.recovered.Load() }

// Recover keeps a panic of the SDK's own code from the host: defer it. It is counted.
func (r *Registry) Recover() {
	if recover() != nil {
		r.recovered.Add(1)
	}
}

// NewClient measures another client. In every interval look is called while the client is
// known here, with the time of the wall clock in Unix milliseconds: it asks the client for
// what that does not tell by itself. nil asks nothing.
func (r *Registry) NewClient(of Identity, look func(nowMillis int64)) *Client {
	return newClient(r, of, look)
}

// register makes sure that a client is reported. Only those that started are: of those that
// could not be made, or that came after Close, nobody would say that they are gone.
func (r *Registry) register(c *Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && !slices.Contains(r.clients, c) {
		r.clients = append(r.clients, c)
	}
}

// Close takes no more clients, and says whether it was closed before.
func (r *Registry) Close() (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	again, r.closed = r.closed, true
	return again
}

// Clients are those that are reported.
func (r *Registry) Clients() []*Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.clients)
}

// ForgetSpent lets go of closed clients, and returns how many reports their counts would
// have made: those are lost, as the telemetry cluster has been away longer than one report can say.
func (r *Registry) ForgetSpent(nowMillis int64) (lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients = slices.DeleteFunc(r.clients, func(c *Client) bool {
		if !c.spent(nowMillis) {
			return false
		}
		lost += uint64(c.unreported())
		return true
	})
	return lost
}
