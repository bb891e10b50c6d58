// Package rocketmq asks the name servers and brokers of one RocketMQ cluster how they, their queues and their consumer groups are. It
// only reads, unless canaries are wanted.
//
// A poll asks the name servers for the brokers, every broker for its state, and every master for all topics, groups and commits, each with
// one request, and for the ends of topics, hundreds with one. Who is in a group, and where topics start, can only be asked for one by one:
// by turns, where there are many. So requests grow little with topics and groups (docs/adr/0037-what-rocketmq-is-asked-by-turns.md).
//
// In: addresses of name servers. Out: reports, as docs/wire-contract.md says what a collector reports.
package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// Config says which cluster is polled, and how it is reached.
type Config struct {
	collect.Identity
	NameServers []string        // host:port; all are asked, and one that answers suffices
	Remoting    remoting.Config // TLS and access control
	// StateSpacing is how far apart the commits are that states are found from, lag.MinSpacing to lag.MaxSpacing; 0 is
	// lag.DefaultSpacing.
	StateSpacing time.Duration
	Canary       collect.Canary
	// OffsetsOnly asks for no times of messages, whatever is permitted: of what was written before the first poll ages are bounds.
	OffsetsOnly bool
}

// Poller polls one cluster. One goroutine at a time may call Poll; what canaries need, any may call meanwhile.
type Poller struct {
	config   Config
	client   *remoting.Client
	queues   map[remoting.Queue]*queue
	followed int                // readers of queues
	masters  map[string]*memory // by name of their set
	burials  map[grave]burial
	beats    collect.Heartbeats[string] // by address
	without  error                      // the first refusal that stands

	clients   collect.ClientReports
	inquiries *inquiries
	disabled  disabled
	replicas  replicas
	missedOf  float64                // nodes that the inventory had at most while it missed some, since brokers are away; 0: it missed none
	sets      map[string]replication // of the newest poll, by name; those that are known

	canaries collect.CanaryRoster[string, broker]
	chosen   chosenTopics
}

// requestsAtOnce bounds the requests under way at one broker. Not smaller: with one at a time a thousand groups on a broker 5 ms
// away take ten seconds; not larger: a broker answers them with a handful of threads, which its tools need too.
const requestsAtOnce = 8

// Open returns a poller. It does not connect.
func Open(config Config) *Poller {
	p := &Poller{config: config, client: remoting.NewClient(config.Remoting), queues: map[remoting.Queue]*queue{}, masters: map[string]*memory{},
		inquiries: newInquiries(), disabled: disabled{}, replicas: replicas{listed: map[string]*listing{}, homes: map[string]home{}}}
	p.canaries.Wanted, p.canaries.Beats, p.canaries.Send = config.Canary.Enabled, &p.beats, p.sendCanary
	p.canaries.Begin = func(at time.Time) collect.Reports { return config.Reports(system, at) }
	return p
}

// Close ends the connections, and what is asked on them.
func (p *Poller) Close() {
	p.inquiries.end()
	p.client.Close()
	p.inquiries.asked.Wait()
}

// Requests is how many requests were sent since Open.
func (p *Poller) Requests() uint64 { return p.client.Requests() }

// Poll asks the cluster and returns what it says, as collect.Poller promises.
func (p *Poller) Poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	began := time.Now()
	now := func() time.Time { return at.Add(time.Since(began)) }
	c, errs := p.describe(ctx)
	if c.nameServers == 0 {
		return nil, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, errors.Join(errs...))
	}
	clients := p.clients.Due(at)
	p.see(c)
	p.replicas.take(c, at)
	c.away = p.replicas.away(at)
	answers, away := p.askBrokers(ctx, c, now, clients)
	for i := range answers {
		errs = append(errs, answers[i].told()...)
	}
	out := p.config.reporter(at)
	out.cluster(c, answers, p.health(c, answers, at))
	p.heartbeats(&out, answers, p.expected(c, answers, away))
	if err := p.feed(answers); err != nil {
		errs = append(errs, err)
	}
	out.queues(answers, p.queues, p.sets)
	out.delays(answers)
	lags := p.lags(now())
	errs = append(errs, p.readAsked(ctx, answers, now, lags)...)
	out.groups(answers, lags, p.asides(c, answers, at))
	p.consumers(&out, answers, lags)
	if clients {
		members, err := clientsOf(answers)
		out.clients(members)
		errs = append(errs, err)
	}
	p.forget(at)
	p.inquiries.begin(p.client, answers, at)
	if err := p.canaries.Err(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return out.All, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, err)
	}
	return out.All, nil
}

// consumers takes in and reports what consumers said themselves, and which groups may not consume.
func (p *Poller) consumers(out *reporter, all []answers, lags map[string]map[string]map[remoting.Queue]lag.Assessment) {
	p.inquiries.see(all, p.queues)
	p.disabled.take(all, out.At)
	out.mismatches(all, p.inquiries, out.At)
	out.paused(all, lags, p.disabled)
}

// heartbeats takes in and reports how brokers answer, those too that are away.
func (p *Poller) heartbeats(out *reporter, all, away []answers) {
	p.beats.Take(probed(slices.Concat(all, away)), out.At)
	p.beats.ReportAll(&out.Reports)
	out.brokers(all)
}

// askBrokers asks every broker, and for its clients where they are reported. One that is away is asked where it was whether it answers, and
// nothing more: it may live, and only name servers not know of it. The answers are in the order of the brokers.
func (p *Poller) askBrokers(ctx context.Context, c *cluster, now func() time.Time, clients bool) (all, away []answers) {
	brokers := slices.Concat(c.brokers, c.away)
	out := make([]answers, len(brokers))
	memories, suspended := p.memories(c), p.inquiries.suspensions(now())
	collect.AskEach(collect.BrokersAtOnce, len(brokers), func(i int) {
		b := brokers[i]
		q := question{ctx: ctx, broker: p.client.Broker(b.node), cluster: c, now: now, queues: p.queues, tells: clients, suspended: suspended, answers: answers{broker: b}}
		if b.master() {
			q.memory = memories[b.set]
		}
		if i < len(c.brokers) {
			q.ask()
		} else {
			q.greet()
		}
		out[i] = q.answers
	})
	return out[:len(c.brokers)], out[len(c.brokers):]
}

// memories are those of the sets that are listed. One that is not has its queues kept for a while, and says the rest again.
func (p *Poller) memories(c *cluster) map[string]*memory {
	listed := map[string]*memory{}
	for _, b := range c.brokers {
		if listed[b.set] = p.masters[b.set]; listed[b.set] == nil {
			listed[b.set] = newMemory()
		}
	}
	p.masters = listed
	return listed
}
