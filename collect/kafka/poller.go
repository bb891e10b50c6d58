// Package kafka asks the brokers of one Kafka cluster how they, their partitions and their consumer groups are. It only
// reads, unless canaries are wanted: docs/collect.md lists what it must be allowed to.
//
// A poll is one Metadata request and then, at every broker that answers, a handful of others, each for all that this broker
// leads or coordinates. So the number of requests grows with the brokers, not with topics, partitions or groups, and a broker
// that hangs keeps nobody from asking the others.
//
// In: options of a kgo client. Out: reports, as docs/wire-contract.md says what a collector reports.
package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/telemetry"
)

// Config says which cluster is polled, and how it is reached.
type Config struct {
	collect.Identity
	// Options reach the cluster: seeds, TLS and SASL.
	Options []kgo.Opt
	// StateSpacing is how far apart the commits are that states are found from, lag.MinSpacing to lag.MaxSpacing; 0 is
	// lag.DefaultSpacing.
	StateSpacing time.Duration
	Canary       collect.Canary
	// OffsetsOnly looks at no message, whatever is permitted: of what was written before the first poll ages are bounds.
	OffsetsOnly bool
}

// Poller polls one cluster. One goroutine at a time may call Poll; what canaries need, any may call meanwhile.
type Poller struct {
	config   Config
	client   *kgo.Client
	requests atomic.Uint64
	waits    throttles
	rates    rates
	lags     *lags
	beats    collect.Heartbeats[int32] // by id
	settings settings
	minutes  collect.Minutes
	reading  reading
	quick    []int32 // brokers that answered soonest in the poll before
	known    []int32 // brokers of the poll before
	quorums  quorums
	canaries collect.CanaryRoster[int32, canaryBroker]
	clients  collect.ClientReports
}

// Open returns a poller. It does not connect: the error says what is wrong with the options.
func Open(config Config) (*Poller, error) {
	p := &Poller{config: config, rates: rates{}, lags: newLags(cmp.Or(config.StateSpacing, lag.DefaultSpacing))}
	options := append([]kgo.Opt{kgo.ClientID("weir-collect"), kgo.DialTimeout(collect.ProbeTime), kgo.DisableClientMetrics(), kgo.MaxDecompressBatchBytes(openedBytes),
		kgo.WithHooks(countRequests{&p.requests}, &p.waits)}, config.Options...)
	var err error
	if p.client, err = kgo.NewClient(options...); err != nil {
		return nil, fmt.Errorf("open a client of cluster %s: %w", config.Cluster, err)
	}
	p.quorums.options = options
	p.canaries.Wanted, p.canaries.Beats, p.canaries.Send = config.Canary.Enabled, &p.beats, p.canary
	p.canaries.Begin = func(at time.Time) collect.Reports { return config.Reports(system, at) }
	if p.reading, err = newReading(p.client); err != nil {
		p.client.Close()
		return nil, fmt.Errorf("open a client of cluster %s: %w", config.Cluster, err)
	}
	return p, nil
}

// Close ends the connections.
func (p *Poller) Close() {
	p.client.Close()
	p.quorums.close()
}

// Requests is how many requests were sent since Open.
func (p *Poller) Requests() uint64 { return p.requests.Load() }

type countRequests struct{ sent *atomic.Uint64 }

// OnBrokerWrite is called by the client.
func (c countRequests) OnBrokerWrite(kgo.BrokerMetadata, int16, int, time.Duration, time.Duration, error) {
	c.sent.Add(1)
}

// snapshot is all that one poll found out.
type snapshot struct {
	at, now              time.Time // when the poll began, and ended
	cluster              *cluster
	answers              []answers // in the order of the cluster's brokers
	ends, starts, stable map[at]offset
	settings             map[string]topicSettings
	controllers          quorum
	groupsKnown          bool             // that all groups of the cluster are among the answers
	away                 map[int32]string // nodes of brokers that are away, of those that this turn has not seen
}

// Poll asks the cluster and returns what it says, as collect.Poller promises.
func (p *Poller) Poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	poll := moment{at, time.Now()}
	c, err := p.describeCluster(ctx)
	if err != nil {
		return nil, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, err)
	}
	p.see(c)
	p.remember(c)
	s := &snapshot{at: at, cluster: c, controllers: quorum{active: -1}}
	errs := p.askBrokers(ctx, s, poll)
	p.quick = quickest(s.answers)
	s.gather(poll.now())
	out := p.config.reporter(at)
	var share *float64
	if newest, ok := p.minutes.Add(at, healthOf(c, nil).underReplicated > 0); ok {
		share = &newest
	}
	p.heartbeats(&out, s, share)
	out.partitions(c, p.rates.since(s.ends), s.settings)
	errs = append(errs, p.reportGroups(ctx, &out, s, poll)...)
	if err := p.canaries.Err(); err != nil {
		errs = append(errs, err)
	}
	for i := range s.answers {
		errs = append(errs, s.answers[i].errs...)
	}
	if err := errors.Join(errs...); err != nil {
		return out.All, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, err)
	}
	return out.All, nil
}

// heartbeats takes in and reports how brokers answer, and the cluster as a whole, whose nodes are those that do.
func (p *Poller) heartbeats(out *reporter, s *snapshot, underReplicated *float64) {
	p.beats.Take(p.probed(s), s.at)
	out.cluster(s, p.quorums.alive(s, &p.beats), underReplicated)
	out.brokers(s, p.beats.Nodes(), p.waits.take())
	p.beats.ReportAll(&out.Reports)
}

// gather puts what all brokers said together.
func (s *snapshot) gather(now time.Time) {
	s.now, s.groupsKnown = now, true
	s.ends, s.starts, s.stable = map[at]offset{}, map[at]offset{}, map[at]offset{}
	for i := range s.answers {
		a := &s.answers[i]
		maps.Copy(s.ends, a.ends)
		maps.Copy(s.starts, a.starts)
		maps.Copy(s.stable, a.stable)
		s.groupsKnown = s.groupsKnown && a.groupsKnown
	}
}

// reportGroups follows what groups have left unread, looks at messages where that says more, and reports them in the order of their
// names.
func (p *Poller) reportGroups(ctx context.Context, out *reporter, s *snapshot, poll moment) []error {
	var groups []*group
	for i := range s.answers {
		for j := range s.answers[i].groups {
			groups = append(groups, &s.answers[i].groups[j])
		}
	}
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	beyond := 0
	all := make([][]behind, len(groups))
	for i, g := range groups {
		unread, more := p.lags.follow(g, s)
		beyond += more
		all[i] = append(unread, g.shareLags()...)
	}
	errs := p.readAsked(ctx, s, poll, all)
	for i, g := range groups {
		out.group(g, all[i])
	}
	if p.clients.Due(s.at) {
		errs = append(errs, out.clients(groups))
	}
	p.lags.prune(s)
	p.reading.prune(s)
	if err := tooMany(beyond); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// askBrokers asks every broker for what it alone knows, and those that answer for their ends after all have told of commits. What all
// know alike one that answers is asked meanwhile.
func (p *Poller) askBrokers(ctx context.Context, s *snapshot, poll moment) (errs []error) {
	s.answers = make([]answers, len(s.cluster.brokers))
	early, cancel := beforeEnd(ctx)
	defer cancel()
	answered := make(chan question, len(s.answers))
	var shared sync.WaitGroup
	shared.Go(func() {
		if q, any := p.quorums.choose(answered); any {
			q.ctx = early
			errs = p.askAnyBroker(&q, s)
		}
	})
	collect.AskEach(collect.BrokersAtOnce, len(s.answers), func(i int) {
		b := s.cluster.brokers[i]
		q := &question{ctx: early, broker: p.client.Broker(int(b.id)), node: b.node, cluster: s.cluster, poll: poll, answered: answered}
		s.answers[i] = q.ask(b)
	})
	close(answered)
	collect.AskEach(collect.BrokersAtOnce, len(s.answers), func(i int) {
		if s.answers[i].answered {
			s.answers[i].q.ctx = ctx
			s.answers[i].askEnds()
		}
	})
	shared.Wait()
	return errs
}

// beforeEnd leaves a third of the time for the ends of logs, where time is bounded.
func beforeEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	until, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(until)*2/3)
}

// askAnyBroker asks a broker for what all know alike.
func (p *Poller) askAnyBroker(q *question, s *snapshot) []error {
	var errs []error
	var err error
	if s.controllers, err = p.quorums.ask(q); err != nil {
		errs = append(errs, err)
	}
	if err := p.settings.refresh(q.ctx, q.broker, s.cluster, s.at); err != nil {
		errs = append(errs, err)
	}
	s.settings = p.settings.known
	if s.away, err = p.nameAway(q); err != nil {
		errs = append(errs, err)
	}
	return errs
}
