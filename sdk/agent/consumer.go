package agent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/applied"
)

// Consumer is a bound franz-go client as it consumes. Polls of the client itself are held back just as well; what is
// here in addition are pauses of the program's own, beside those of commands.
type Consumer struct {
	kafka *kgo.Client
	bound *binding // nil of an agent that is closed
}

// Consumer is a client as it consumes. It binds the client where that is not bound yet.
func (a *Agent) Consumer(client *kgo.Client) *Consumer {
	return &Consumer{client, a.of(client)}
}

// PollRecords is the client's. Values that were compressed on their way are opened.
func (c *Consumer) PollRecords(ctx context.Context, most int) kgo.Fetches {
	fetches := c.kafka.PollRecords(ctx, most)
	if c.bound != nil && !c.bound.opened {
		c.bound.open(fetches)
	}
	return fetches
}

func (b *binding) open(fetches kgo.Fetches) {
	defer b.client.Measured().Recover()
	left := maxOpenBytes
	fetches.EachRecord(func(r *kgo.Record) {
		bytes, err := openValue(b.agent.commands, r, left)
		if left -= bytes; errors.Is(err, applied.ErrBeyond) {
			b.agent.commands.Unopened()
		}
	})
}

// PollFetches is the client's, as PollRecords is.
func (c *Consumer) PollFetches(ctx context.Context) kgo.Fetches { return c.PollRecords(ctx, 0) }

// Pause pauses topics by the program's own wish, until Resume: commands neither end it nor are ended by it. A program that
// pauses by the client's PauseFetchTopics a topic that a command has paused already has that resumed with the command; one that resumes by the
// client what a command has paused is given messages of it until the agent looks again.
func (c *Consumer) Pause(topics ...string) {
	if c.bound == nil {
		c.kafka.PauseFetchTopics(topics...)
		return
	}
	c.bound.gate.host(topics, true)
}

// Resume ends what Pause began. What a command pauses stays paused.
func (c *Consumer) Resume(topics ...string) {
	if c.bound == nil {
		c.kafka.ResumeFetchTopics(topics...)
		return
	}
	c.bound.gate.host(topics, false)
}

// PausePartitions is Pause of single partitions, until ResumePartitions.
func (c *Consumer) PausePartitions(partitions map[string][]int32) {
	if c.bound == nil {
		c.kafka.PauseFetchPartitions(partitions)
		return
	}
	c.bound.gate.hostPartitions(partitions, true)
}

// ResumePartitions ends what PausePartitions began. What a command pauses stays paused.
func (c *Consumer) ResumePartitions(partitions map[string][]int32) {
	if c.bound == nil {
		c.kafka.ResumeFetchPartitions(partitions)
		return
	}
	c.bound.gate.hostPartitions(partitions, false)
}

// Paused are the topics that are paused as a whole now, by whomever.
func (c *Consumer) Paused() []string {
	topics := c.kafka.PauseFetchTopics()
	slices.Sort(topics)
	return topics
}

// host notes what the host wants paused.
func (g *gate) host(topics []string, paused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, topic := range topics {
		if paused {
			g.hosts[topic] = true
		} else {
			delete(g.hosts, topic)
		}
	}
	want := maps.Clone(g.hosts)
	for topic := range g.topics {
		if g.client.HeldWhole(topic) {
			want[topic] = true
		}
	}
	g.pauseTopics(want)
	g.resumeTopics(want)
}

// hostPartitions is host of single partitions.
func (g *gate) hostPartitions(of map[string][]int32, paused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for topic, partitions := range of {
		for _, partition := range partitions {
			if !paused {
				delete(g.ofHosts[topic], partition)
				continue
			}
			if g.ofHosts[topic] == nil {
				g.ofHosts[topic] = map[int32]bool{}
			}
			g.ofHosts[topic][partition] = true
		}
		if len(g.ofHosts[topic]) == 0 {
			delete(g.ofHosts, topic)
		}
	}
	want := wanted{partitions: map[string]map[int32]bool{}}
	want.add(nil, g.ofHosts)
	want.add(nil, g.held(time.Now()))
	g.pausePartitions(want.partitions)
	g.resumePartitions(want.partitions)
}

// held are those of the partitions that the gate has paused which commands still hold at a time; g.mu is held.
func (g *gate) held(now time.Time) map[string]map[int32]bool {
	out := map[string]map[int32]bool{}
	for topic, partitions := range g.partitions {
		out[topic] = map[int32]bool{}
		for partition := range partitions {
			if held, _ := g.client.Held(topic, partition, now); held {
				out[topic][partition] = true
			}
		}
	}
	return out
}
