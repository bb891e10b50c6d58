// Package alertmanager keeps every Alertmanager instance told of the state of every alert.
//
// In: the states of alerts as weir.alerts holds them, through Update. Out: posts to /api/v2/alerts of each instance.
//
// It promises:
//   - An instance is told of every alert that fires and of every one that resolved, and hears again of both every
//     ResendDelay, of a resolved one for ResolvedRetention. A post that fails is tried again with growing pauses until
//     it succeeds; only what Alertmanager itself refuses is given up, counted, until the alert's state changes.
//   - Each instance has a queue and a goroutine of its own, so one that is down or slow delays no other.
//   - A queue holds the newest state of an alert and nothing before it: what changed twice while an instance was down is
//     told once. Its memory is bounded by MaxAlerts states, which all queues share.
//   - Of an alert whose severity changed, the one with the former labels is told to have resolved, as surely as any other.
//   - Pending alerts are never sent.
//   - User names and passwords of URLs appear in no error and no status.
package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	// DefaultResendDelay is how often an instance hears again of an alert. Not smaller: every resend costs a post; not
	// larger: Alertmanager ends what it does not hear of for endsAfterResends of them. Prometheus has the same default.
	DefaultResendDelay = time.Minute
	// MaxAlerts bounds the alerts that one instance's queue tracks. Not smaller: one rule may fire for each of 100,000
	// groups at once; not larger: an alert takes about 2 KB, once for all instances. Beyond it the alert that resolved
	// first makes room, and where all fire the new one is turned away; InstanceStatus.Overflowed counts both.
	MaxAlerts = 100_000
)

// Config says whom to tell, and how often.
type Config struct {
	// URLs are the bases of the Alertmanager instances, http:// or https://, with user:password@ and a path prefix where
	// needed, without /api/v2/alerts. Each gets every alert.
	URLs []string
	// ExternalURL is where people reach Weir: an alert's generatorURL is ExternalURL/alerts/ID. Empty: alerts have none.
	ExternalURL string
	// ResendDelay is how often an instance hears again of an alert; 0 is DefaultResendDelay.
	ResendDelay time.Duration
	// OnError hears of each failed attempt to deliver and of each alert that was refused, and nil when one succeeds
	// after failures. url has no credentials. Each instance calls it from its own goroutine, which waits for it. Optional.
	OnError func(url string, err error)
	// OnPost hears of each post that was acknowledged when it began; it just ended. Called as OnError is. Optional.
	OnPost func(began time.Time)
	// MayPost says whether this process still speaks for its alerts; while it does not, nothing is posted. Each instance
	// asks it before each batch. Optional: nil is always.
	MayPost func() bool
	// Client makes the posts; nil is a client of the notifier's own. It should not follow redirects, as a redirected
	// post becomes a GET; where CheckRedirect is nil the notifier sets it on a copy.
	Client *http.Client
}

// Notifier tells every instance. Its methods may be called from any goroutine.
type Notifier struct {
	instances []*instance
	ownClient *http.Client  // nil where Config.Client was given
	turn      chan struct{} // held by the one Run or Flush that drives the instances
}

// New checks the configuration and returns a notifier that sends nothing before Run. The error names what is wrong and
// what to write instead.
func New(config Config) (*Notifier, error) {
	if len(config.URLs) == 0 {
		return nil, errors.New("got no Alertmanager URL: name at least one, for example http://alertmanager:9093")
	}
	if config.ResendDelay < 0 {
		return nil, fmt.Errorf("got resend delay %s, want more than 0, for example %s", config.ResendDelay, DefaultResendDelay)
	}
	if config.ResendDelay == 0 {
		config.ResendDelay = DefaultResendDelay
	}
	external, err := parseExternalURL(config.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("read the external URL: %w", err)
	}
	client := postingClient(config.Client)
	n := &Notifier{turn: make(chan struct{}, 1)}
	if config.Client == nil {
		n.ownClient = client
	}
	taken := map[string]bool{}
	for i, text := range config.URLs {
		address, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("read Alertmanager URL %d of %d: %w", i+1, len(config.URLs), err)
		}
		if taken[address.endpoint] {
			return nil, fmt.Errorf("read Alertmanager URL %d of %d: got %s twice: remove one", i+1, len(config.URLs), address.shown)
		}
		taken[address.endpoint] = true
		n.instances = append(n.instances, &instance{
			poster: poster{client: client, address: address}, writer: writer{externalURL: external, resend: config.ResendDelay},
			queue: newQueue(config.ResendDelay, MaxAlerts), onError: config.OnError, onPost: config.OnPost, mayPost: config.MayPost, status: InstanceStatus{URL: address.shown}})
	}
	return n, nil
}

// Update takes states of alerts. Of each alert the newest counts, by its Seq, and by EvaluatedAt where only values
// changed; older ones are ignored, so states may be repeated. The caller must hand on no history, that is no state which
// is superseded further on in the log: each is sent at once, and Alertmanager would tell people of what is long over.
// Of history, what is told ahead of an alert comes first: the state after it is then of the life before, and is not sent.
// Update only fills queues and never waits for the network. The alerts' maps must not be changed afterwards.
func (n *Notifier) Update(alerts []telemetry.Alert) {
	now := time.Now()
	for _, alert := range alerts {
		for _, i := range n.instances {
			i.queue.put(&alert, now)
		}
	}
}

// Forget drops the alerts with these IDs, which another process sends now. A post under way still ends.
func (n *Notifier) Forget(ids []string) {
	for _, i := range n.instances {
		i.queue.forget(ids)
	}
}

// Run sends until ctx ends, with one goroutine for each instance; all have ended when it returns. It returns nil: a
// failure is retried, and told through OnError and Status. What is unsent stays queued for Flush or a further Run. A
// second Run at a time waits for the first to end.
func (n *Notifier) Run(ctx context.Context) error {
	n.drive(ctx)
	return nil
}

// drive runs the instances as soon as nobody else does, until ctx ends.
func (n *Notifier) drive(ctx context.Context) {
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-n.turn }()
	var instances sync.WaitGroup
	for _, i := range n.instances {
		instances.Go(func() { i.run(ctx) })
	}
	instances.Wait()
	if n.ownClient != nil {
		n.ownClient.CloseIdleConnections()
	}
}

// Flush waits until every instance acknowledged or refused everything that was due when it was called, and returns nil,
// or until ctx ends: the error then wraps its cause and says which instances still wait for what. Where Run does not
// run, or ends meanwhile, Flush sends.
func (n *Notifier) Flush(ctx context.Context) error {
	due := time.Now()
	driving, cancel := context.WithCancel(ctx)
	var driver sync.WaitGroup
	defer driver.Wait()
	defer cancel()
	driver.Go(func() { n.drive(driving) })
	var errs []error
	for _, i := range n.instances {
		if err := i.queue.await(ctx, due); err != nil {
			status := i.snapshot()
			if status.LastError != "" {
				err = fmt.Errorf("%w; its last error: %s", err, status.LastError)
			}
			errs = append(errs, fmt.Errorf("flush %s, %d alerts wait: %w", status.URL, status.Waiting, err))
		}
	}
	return errors.Join(errs...)
}

// Status says how each instance is, in the order of Config.URLs.
func (n *Notifier) Status() []InstanceStatus {
	out := make([]InstanceStatus, 0, len(n.instances))
	for _, i := range n.instances {
		out = append(out, i.snapshot())
	}
	return out
}
