package rocketmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/rocketmq/remoting"
	"github.com/weirmq/weir/telemetry"
)

// canaries is what polls and canaries share.
type canaries struct {
	mu      sync.Mutex         // of all here, and of Poller.beats
	masters []broker           // of the newest poll
	chosen  map[string]string  // topic that canaries go to, by address
	refused map[string]refusal // by address
}

// refusal is why a broker takes no canaries, and when that was found.
type refusal struct {
	err error
	at  time.Time
}

// refusedFor is how long a broker that refused is not sent a canary again. Not smaller: its log would have it each time; not larger: who
// permits it wants to see it.
const refusedFor = time.Minute

// see takes in which brokers there are. Slaves take no messages, so that their heartbeats are round trips.
func (p *Poller) see(c *cluster) {
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	p.canaries.masters = slices.DeleteFunc(slices.Clone(c.brokers), func(b broker) bool { return !b.master() })
	for _, b := range p.canaries.masters {
		if p.config.Canary.Enabled && p.beats[b.node] == nil {
			p.beats[b.node] = &heartbeat{canary: collect.AwaitCanaries()}
		}
	}
}

// Brokers are those that can be sent a canary, by their addresses.
func (p *Poller) Brokers() []string {
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	var out []string
	for _, b := range p.canaries.masters {
		out = append(out, b.node)
	}
	return out
}

// Probe sends a canary to a broker, as collect.Prober promises.
func (p *Poller) Probe(ctx context.Context, node string) (reports []telemetry.Report, ok bool) {
	p.canaries.mu.Lock()
	i := slices.IndexFunc(p.canaries.masters, func(b broker) bool { return b.node == node })
	var b broker
	if i >= 0 {
		b = p.canaries.masters[i]
	}
	p.canaries.mu.Unlock()
	if i < 0 {
		return nil, true
	}
	o, taken := p.canary(ctx, b)
	if !taken {
		return nil, true
	}
	out := p.config.reporter(time.Now())
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	if p.beats[node] != nil { // it may have left in between
		out.probe(node, p.beats)
	}
	return out.All, o.Failed == nil
}

// ProbeAll sends one canary to each master there is, without a poll; the next poll reports them.
func (p *Poller) ProbeAll(ctx context.Context) error {
	c, errs := p.describe(ctx)
	if c.nameServers == 0 {
		return fmt.Errorf("send canaries to cluster %s: %w", p.config.Cluster, errors.Join(errs...))
	}
	p.see(c)
	var masters []broker
	for _, b := range c.brokers {
		if b.master() {
			masters = append(masters, b)
		}
	}
	inParallel(brokersAtOnce, len(masters), func(i int) { p.canary(ctx, masters[i]) })
	return nil
}

// canary sends one to a master and takes in how it went; taken is false where ctx ended, or the broker left meanwhile.
func (p *Poller) canary(ctx context.Context, b broker) (o collect.CanaryOutcome, taken bool) {
	p.canaries.mu.Lock()
	refused := p.canaries.refused[b.node]
	p.canaries.mu.Unlock()
	if time.Since(refused.at) < refusedFor {
		o.Impossible = refused.err
	} else {
		o = p.sendCanary(ctx, b)
	}
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	beat := p.beats[b.node]
	if ctx.Err() != nil || beat == nil {
		return o, false
	}
	if o.Impossible != nil && time.Since(refused.at) >= refusedFor {
		if p.canaries.refused == nil {
			p.canaries.refused = map[string]refusal{}
		}
		p.canaries.refused[b.node] = refusal{o.Impossible, time.Now()}
	}
	beat.canary.Take(o)
	if o.Impossible == nil && o.Failed == nil {
		beat.heard = true
		beat.trips = append(beat.trips, trip{at: time.Now(), took: o.Took, canary: true})
	}
	return o, true
}

// sendCanary sends one to the topic that canaries of the broker have. Where that may not be made or used, it is sent to the topic that
// RocketMQ has for each set of brokers, under its name: its own tools send there to see whether a cluster is well.
func (p *Poller) sendCanary(ctx context.Context, b broker) collect.CanaryOutcome {
	topics := []string{p.config.Canary.Topic(b.set), b.set}
	p.canaries.mu.Lock()
	if p.canaries.chosen[b.node] == b.set {
		slices.Reverse(topics)
	}
	p.canaries.mu.Unlock()
	var refused collect.CanaryOutcome
	for i, topic := range topics {
		o := p.tryTopic(ctx, b, topic)
		if o.Impossible == nil {
			p.choose(b.node, topic)
			return o
		}
		if i == 0 {
			refused = o // what is to be permitted
		}
	}
	return refused
}

// choose remembers which topic a broker takes canaries in.
func (p *Poller) choose(node, topic string) {
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	if p.canaries.chosen == nil {
		p.canaries.chosen = map[string]string{}
	}
	p.canaries.chosen[node] = topic
}

// tryTopic sends one to a topic, and makes that first where it is there for canaries alone and missing.
func (p *Poller) tryTopic(ctx context.Context, b broker, topic string) collect.CanaryOutcome {
	o := p.roundTrip(ctx, b, topic)
	if !errors.Is(o.Impossible, remoting.ErrNoTopic) || !p.config.Canary.Owns(topic) {
		return o
	}
	within, cancel := context.WithTimeout(ctx, collect.CanaryFails)
	defer cancel()
	if err := p.client.Broker(b.node).CreateTopic(within, topic); err != nil {
		return collect.CanaryOutcome{Impossible: fmt.Errorf("%w: %w", collect.ErrNoCanary, err)}
	}
	return p.roundTrip(ctx, b, topic)
}

// roundTrip sends one to a topic and reads it back.
func (p *Poller) roundTrip(ctx context.Context, b broker, topic string) collect.CanaryOutcome {
	body := strconv.AppendInt([]byte("weir canary of "+p.config.Collector+" "), time.Now().UnixNano(), 10)
	to := p.client.Broker(b.node)
	var offset int64
	return collect.SendCanary(ctx, func(ctx context.Context) (err error) {
		offset, err = to.Send(ctx, topic, canaryProducers, body)
		return canaryError(err)
	}, func(ctx context.Context) error {
		got, err := to.Pull(ctx, topic, offset, collect.CanaryFails)
		if err == nil && !bytes.Contains(got, body) {
			return fmt.Errorf("ask %s for messages of topic %s: what was written to offset %d is not there", b.node, topic, offset)
		}
		return canaryError(err)
	})
}

// canaryProducers is the group that canaries are sent by. A broker knows one only while a client is connected that says so: it stays unknown.
const canaryProducers = "weir-canary"

// canaryError tells refusals, which say nothing of how the broker is, from what it failed in.
func canaryError(err error) error {
	for _, reason := range []error{remoting.ErrNoPermission, remoting.ErrNoTopic, remoting.ErrUnsupported} {
		if errors.Is(err, reason) {
			return fmt.Errorf("%w: %w", collect.ErrNoCanary, err)
		}
	}
	return err
}

// canaryErrors say which brokers can be sent no canary, and which failed theirs.
func (p *Poller) canaryErrors() error {
	p.canaries.mu.Lock()
	defer p.canaries.mu.Unlock()
	var faults collect.CanaryFaults
	for _, b := range p.canaries.masters {
		if beat := p.beats[b.node]; beat != nil {
			faults.Add("broker "+b.node, beat.canary.Newest())
		}
	}
	return faults.Err()
}
