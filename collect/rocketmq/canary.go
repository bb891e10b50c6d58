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
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// chosenTopics are the topics that canaries go to, by address of the broker.
type chosenTopics struct {
	mu sync.Mutex
	of map[string]string
}

func (c *chosenTopics) at(node string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[node]
}

func (c *chosenTopics) choose(node, topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]string{}
	}
	c.of[node] = topic
}

// see takes in which brokers there are. Slaves take no messages, so that their heartbeats are round trips.
func (p *Poller) see(c *cluster) {
	var masters []collect.CanaryBroker[string, broker]
	for _, b := range c.brokers {
		if b.master() {
			masters = append(masters, collect.CanaryBroker[string, broker]{ID: b.node, Node: b.node, Called: "broker " + b.node, To: b})
		}
	}
	p.canaries.See(masters)
}

// Brokers are those that can be sent a canary, by their addresses.
func (p *Poller) Brokers() []string { return p.canaries.Brokers() }

// Probe sends a canary to a broker, as collect.Prober promises.
func (p *Poller) Probe(ctx context.Context, node string) (reports []telemetry.Report, ok bool) {
	return p.canaries.Probe(ctx, node)
}

// ProbeAll sends one canary to each master there is, without a poll; the next poll reports them.
func (p *Poller) ProbeAll(ctx context.Context) error {
	c, errs := p.describe(ctx)
	if c.nameServers == 0 {
		return fmt.Errorf("send canaries to cluster %s: %w", p.config.Cluster, errors.Join(errs...))
	}
	p.see(c)
	p.canaries.ProbeAll(ctx)
	return nil
}

// sendCanary sends one to the topic that canaries of the broker have. Where that may not be made or used, it is sent to the topic that
// RocketMQ has for each set of brokers, under its name: its own tools send there to see whether a cluster is well.
func (p *Poller) sendCanary(ctx context.Context, b broker) collect.CanaryOutcome {
	topics := []string{p.config.Canary.Topic(b.set), b.set}
	if p.chosen.at(b.node) == b.set {
		slices.Reverse(topics)
	}
	var refused collect.CanaryOutcome
	for i, topic := range topics {
		o := p.tryTopic(ctx, b, topic)
		if o.Impossible == nil {
			p.chosen.choose(b.node, topic)
			return o
		}
		if i == 0 {
			refused = o // what is to be permitted
		}
	}
	refused.Refused = true
	return refused
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
