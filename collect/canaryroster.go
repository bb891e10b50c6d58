package collect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// CanaryRoster has canaries sent to the brokers that polls find, and remembers which refuse them. It is a Prober. ID is what the poller
// tells brokers apart by, and B what it needs to send one.
type CanaryRoster[ID cmp.Ordered, B any] struct {
	Wanted bool            // false: brokers await none
	Beats  *Heartbeats[ID] // take in how they went
	Begin  func(at time.Time) Reports
	Send   func(ctx context.Context, to B) CanaryOutcome

	mu      sync.Mutex
	brokers []CanaryBroker[ID, B] // of the newest poll
	refused map[ID]refusal
}

// CanaryBroker is a broker that takes canaries.
type CanaryBroker[ID cmp.Ordered, B any] struct {
	ID     ID
	Node   string // label of its reports
	Called string // in errors, as broker 1 at host:port
	To     B
}

// name is that of Prober.
func (b *CanaryBroker[ID, B]) name() string { return fmt.Sprint(b.ID) }

// refusal is why a broker takes no canaries, and when that was found.
type refusal struct {
	err error
	at  time.Time
}

// refusedFor is how long a broker that refused is not sent a canary again. Not smaller: its log would have it each time; not larger: who
// permits it wants to see it.
const refusedFor = time.Minute

// See takes in which brokers there are.
func (r *CanaryRoster[ID, B]) See(brokers []CanaryBroker[ID, B]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brokers = brokers
	await := map[ID]string{}
	for i := range brokers {
		if r.Wanted {
			await[brokers[i].ID] = brokers[i].Node
		}
	}
	r.Beats.Await(await)
}

// Brokers are those of the newest poll, by their ids.
func (r *CanaryRoster[ID, B]) Brokers() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for i := range r.brokers {
		out = append(out, r.brokers[i].name())
	}
	return out
}

// Probe sends a canary to a broker, as Prober promises.
func (r *CanaryRoster[ID, B]) Probe(ctx context.Context, broker string) (reports []telemetry.Report, ok bool) {
	r.mu.Lock()
	i := slices.IndexFunc(r.brokers, func(b CanaryBroker[ID, B]) bool { return b.name() == broker })
	var to CanaryBroker[ID, B]
	if i >= 0 {
		to = r.brokers[i]
	}
	r.mu.Unlock()
	if i < 0 {
		return nil, true
	}
	o, taken := r.send(ctx, &to)
	if !taken {
		return nil, true
	}
	out := r.Begin(time.Now())
	r.Beats.Report(&out, to.ID) // nothing, where a poll found meanwhile that it left
	return out.All, o.Failed == nil
}

// ProbeAll sends one canary to each broker; the next poll reports them.
func (r *CanaryRoster[ID, B]) ProbeAll(ctx context.Context) {
	r.mu.Lock()
	all := slices.Clone(r.brokers)
	r.mu.Unlock()
	AskEach(BrokersAtOnce, len(all), func(i int) { r.send(ctx, &all[i]) })
}

// send sends one and takes in how it went; taken is false where ctx ended, or the broker left meanwhile.
func (r *CanaryRoster[ID, B]) send(ctx context.Context, to *CanaryBroker[ID, B]) (o CanaryOutcome, taken bool) {
	if o = r.refusal(to.ID); o.Impossible == nil {
		if o = r.Send(ctx, to.To); o.Refused {
			r.refuse(to.ID, o.Impossible)
		}
	}
	if ctx.Err() != nil {
		return o, false
	}
	return o, r.Beats.TakeCanary(to.ID, o)
}

// refusal is the outcome of a canary to a broker that refused one a moment ago.
func (r *CanaryRoster[ID, B]) refusal(id ID) CanaryOutcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.refused[id]; time.Since(found.at) < refusedFor {
		return CanaryOutcome{Impossible: found.err, Refused: true}
	}
	return CanaryOutcome{}
}

func (r *CanaryRoster[ID, B]) refuse(id ID, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = map[ID]refusal{}
	}
	maps.DeleteFunc(r.refused, func(_ ID, of refusal) bool { return time.Since(of.at) >= refusedFor })
	r.refused[id] = refusal{why, time.Now()}
}

// Err says which brokers can be sent no canary, and which failed theirs.
func (r *CanaryRoster[ID, B]) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var faults CanaryFaults
	for i := range r.brokers {
		faults.Add(r.brokers[i].Called, r.Beats.NewestCanary(r.brokers[i].ID))
	}
	return faults.Err()
}
