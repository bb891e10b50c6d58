package agent

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
)

const (
	// countTimeout bounds how long a topic's partitions are asked for. Not shorter: metadata comes within a second of a
	// cluster that is well; not longer: what else changes waits for it.
	countTimeout = 2 * time.Second
	// countFor is how long the answer counts. Not shorter: each release asks in each step; not longer: partitions that were
	// added since are let go at once.
	countFor = 10 * time.Second
)

// gate pauses what one franz-go client fetches.
//
// Pauses of kgo are no part of an assignment: they hold until somebody resumes. So the gate keeps a list of those that are its
// own, follows commands and not assignments with it, and resumes nothing else: a partition that moves away and comes back is
// paused as long as its command says, and one that moved away meanwhile is not left paused. What is buffered of a paused topic
// is dropped by kgo and fetched again later: nothing is lost, and nothing is given twice.
type gate struct {
	kafka  *kgo.Client
	client *applied.Client

	mu         sync.Mutex
	topics     map[string]bool           // paused by the gate as a whole
	partitions map[string]map[int32]bool // paused by the gate one by one
	hosts      map[string]bool           // topics that the host has paused by Consumer.Pause
	ofHosts    map[string]map[int32]bool // partitions that it has paused by Consumer.PausePartitions
	opened     bool                      // for good
}

func newGate(kafka *kgo.Client, client *applied.Client) *gate {
	return &gate{kafka: kafka, client: client, topics: map[string]bool{}, partitions: map[string]map[int32]bool{}, hosts: map[string]bool{}, ofHosts: map[string]map[int32]bool{}}
}

// apply pauses and resumes what differs from what is held at a time, and says when to do it again at the latest.
func (g *gate) apply(ctx context.Context, now time.Time) time.Duration {
	want := g.wanted(ctx, now)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return lookEvery
	}
	want.add(g.hosts, g.ofHosts)
	// First what is paused, then what is resumed: a topic that is let go partition by partition is never open in between.
	g.pauseTopics(want.topics)
	g.pausePartitions(want.partitions)
	g.resumeTopics(want.topics)
	g.resumePartitions(want.partitions)
	if want.next.IsZero() {
		return lookEvery
	}
	return min(lookEvery, max(want.next.Sub(now), 0))
}

// wanted is what should be paused.
type wanted struct {
	topics     map[string]bool
	partitions map[string]map[int32]bool
	next       time.Time // when it changes by itself; zero is not known
}

func (g *gate) wanted(ctx context.Context, now time.Time) wanted {
	w := wanted{topics: map[string]bool{}, partitions: map[string]map[int32]bool{}}
	for _, topic := range g.client.Holds() {
		if g.client.HeldWhole(topic) {
			w.topics[topic] = true
			continue
		}
		count := g.count(ctx, topic)
		if held, until := g.client.Held(topic, control.AllPartitions, now); count == 0 && held {
			w.topics[topic] = true // which partitions there are is not known: the topic is let go as one
			w.until(until)
			continue
		}
		w.byPartition(g, topic, count, now)
	}
	return w
}

// add has what the host pauses be paused, too.
func (w *wanted) add(topics map[string]bool, partitions map[string]map[int32]bool) {
	maps.Copy(w.topics, topics)
	for topic, paused := range partitions {
		if w.partitions[topic] == nil {
			w.partitions[topic] = map[int32]bool{}
		}
		maps.Copy(w.partitions[topic], paused)
	}
}

// until notes when something changes by itself; zero is not known.
func (w *wanted) until(at time.Time) {
	if !at.IsZero() && (w.next.IsZero() || at.Before(w.next)) {
		w.next = at
	}
}

// byPartition is what should be paused of a topic of which some partitions are held.
func (w *wanted) byPartition(g *gate, topic string, count int32, now time.Time) {
	held := map[int32]bool{}
	for _, partition := range g.client.HeldNamed(topic, count) {
		is, until := g.client.Held(topic, partition, now)
		if !is {
			continue
		}
		held[partition] = true
		w.until(until)
	}
	if len(held) > 0 {
		w.partitions[topic] = held
	}
}

// count is how many partitions a topic has; 0 where that is not known in time.
func (g *gate) count(ctx context.Context, topic string) int32 {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr(topic)})
	answer, err := g.kafka.RequestCachedMetadata(ctx, request, countFor)
	if err != nil || len(answer.Topics) != 1 {
		return 0
	}
	return int32(len(answer.Topics[0].Partitions))
}

// pauseTopics pauses topics that are not paused. One that is paused already and not by the gate is the host's, and stays so.
func (g *gate) pauseTopics(want map[string]bool) {
	paused := g.kafka.PauseFetchTopics()
	for topic := range want {
		if !slices.Contains(paused, topic) {
			g.kafka.PauseFetchTopics(topic)
			g.topics[topic] = true
		}
	}
}

func (g *gate) resumeTopics(want map[string]bool) {
	for _, topic := range slices.Collect(maps.Keys(g.topics)) {
		if !want[topic] {
			delete(g.topics, topic)
			g.kafka.ResumeFetchTopics(topic)
		}
	}
}

// pausePartitions is pauseTopics of single partitions.
func (g *gate) pausePartitions(want map[string]map[int32]bool) {
	paused := g.kafka.PauseFetchPartitions(nil)
	more := map[string][]int32{}
	for topic, partitions := range want {
		for partition := range partitions {
			if slices.Contains(paused[topic], partition) {
				continue
			}
			more[topic] = append(more[topic], partition)
			if g.partitions[topic] == nil {
				g.partitions[topic] = map[int32]bool{}
			}
			g.partitions[topic][partition] = true
		}
	}
	if len(more) > 0 {
		g.kafka.PauseFetchPartitions(more)
	}
}

func (g *gate) resumePartitions(want map[string]map[int32]bool) {
	over := map[string][]int32{}
	for topic, partitions := range g.partitions {
		for partition := range partitions {
			if !want[topic][partition] {
				over[topic] = append(over[topic], partition)
				delete(partitions, partition)
			}
		}
		if len(partitions) == 0 {
			delete(g.partitions, topic)
		}
	}
	if len(over) > 0 {
		g.kafka.ResumeFetchPartitions(over)
	}
}

// open resumes for good all that the gate has paused.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = true
	g.resumeTopics(g.hosts)
	g.resumePartitions(g.ofHosts)
}
