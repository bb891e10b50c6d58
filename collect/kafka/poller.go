// Package kafka asks the brokers of one Kafka cluster how they, their partitions and their consumer groups are. It only
// reads: docs/collect.md lists what it must be allowed to.
//
// A poll is one Metadata request and then, at every broker that answers, a handful of others, each for all that this broker
// leads or coordinates. So the number of requests grows with the brokers, not with topics, partitions or groups, and a broker
// that hangs keeps nobody from asking the others.
//
// In: options of a kgo client. Out: reports, as docs/wire-contract.md says what a collector reports.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Config says which cluster is polled, and by whom.
type Config struct {
	Cluster   string // label of all reports
	Env       string // label of all reports; may be empty
	Collector string // names this process in what it measures itself: the round trips
	// Options reach the cluster: seeds, TLS and SASL.
	Options []kgo.Opt
}

// Poller polls one cluster. One goroutine at a time may call Poll.
type Poller struct {
	config   Config
	client   *kgo.Client
	requests atomic.Uint64
	rates    rates
}

// brokersAtOnce bounds how many brokers are asked at the same time. Not smaller: a cluster of a hundred brokers, some of them
// hanging, must be polled within seconds; not larger: each answer of a large one is megabytes.
const brokersAtOnce = 16

// Open returns a poller. It does not connect: the error says what is wrong with the options.
func Open(config Config) (*Poller, error) {
	p := &Poller{config: config, rates: rates{}}
	options := append([]kgo.Opt{kgo.ClientID("weir-collect"), kgo.DisableClientMetrics(), kgo.WithHooks(countRequests{&p.requests})}, config.Options...)
	var err error
	if p.client, err = kgo.NewClient(options...); err != nil {
		return nil, fmt.Errorf("open a client of cluster %s: %w", config.Cluster, err)
	}
	return p, nil
}

// Close ends the connections.
func (p *Poller) Close() { p.client.Close() }

// Requests is how many requests were sent since Open.
func (p *Poller) Requests() uint64 { return p.requests.Load() }

type countRequests struct{ sent *atomic.Uint64 }

// OnBrokerWrite is called by the client.
func (c countRequests) OnBrokerWrite(kgo.BrokerMetadata, int16, int, time.Duration, time.Duration, error) {
	c.sent.Add(1)
}

// Poll asks the cluster and returns what it says, as collect.Poller promises.
func (p *Poller) Poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	c, err := p.describeCluster(ctx)
	if err != nil {
		return nil, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, err)
	}
	answers := p.askBrokers(ctx, c, at)
	out := reporter{config: &p.config, at: at}
	out.cluster(c, answers)
	errs := out.brokers(c, answers)
	for i := range answers {
		errs = append(errs, answers[i].errs...)
	}
	ends, starts := offsetsOf(answers)
	out.partitions(c, p.rates.since(ends))
	out.groups(answers, ends, starts)
	if err := errors.Join(errs...); err != nil {
		return out.reports, fmt.Errorf("poll cluster %s: %w", p.config.Cluster, err)
	}
	return out.reports, nil
}

// askBrokers asks every broker for what it alone knows. The answers are in the order of the brokers.
func (p *Poller) askBrokers(ctx context.Context, c *cluster, at time.Time) []answers {
	out := make([]answers, len(c.brokers))
	slots := make(chan struct{}, brokersAtOnce)
	began := time.Now()
	var asked sync.WaitGroup
	for i := range c.brokers {
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			q := question{ctx: ctx, broker: p.client.Broker(int(c.brokers[i].id)), cluster: c, at: at, began: began}
			out[i] = q.ask(c.brokers[i])
		})
	}
	asked.Wait()
	return out
}
