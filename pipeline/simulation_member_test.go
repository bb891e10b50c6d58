package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// simulatedRole is a stage and its consumer group.
type simulatedRole struct {
	name, group string
	topics      []string
	open        func(*simulation, *simulatedMember) simulatedStage
}

func simulatedRoles() []*simulatedRole {
	return []*simulatedRole{
		{RoleAggregate, groupAggregate, []string{telemetry.TopicTelemetry}, openSimulatedAggregator},
		{RoleRules, groupRules, []string{telemetry.TopicGroups}, openSimulatedRuler},
		{RoleClickHouse, groupClickHouse, []string{telemetry.TopicCells, telemetry.TopicAlerts}, openSimulatedStorage},
		{RoleAlertmanager, groupAlertmanager, []string{telemetry.TopicAlerts}, openSimulatedNotification},
	}
}

// simulatedStage is the production code of a stage, one step at a time.
type simulatedStage interface {
	assigned(at topicPartition) error
	revoked(at topicPartition)            // in order, or because the group took it away
	take(p kgo.FetchTopicPartition) error // what was fetched
	settle() error                        // after some fetches
	stop(inOrder bool)                    // the process ends
}

// simulatedMember is one process of a stage, as its consumer group sees it. A zombie believes that it owns what others have.
type simulatedMember struct {
	name  string
	role  *simulatedRole
	stage simulatedStage
	next  map[topicPartition]int64 // what it believes to own, and where it reads on
	gone  bool
	busy  bool      // in a step
	woke  time.Time // after it had stood still
	// failed is when a write to a partition failed last.
	failed map[topicPartition]time.Time
}

func (m *simulatedMember) owned() []topicPartition {
	return slices.SortedFunc(maps.Keys(m.next), func(a, b topicPartition) int { return compareText(a, b) })
}

func compareText(a, b topicPartition) int {
	if a.topic != b.topic {
		if a.topic < b.topic {
			return -1
		}
		return 1
	}
	return int(a.partition - b.partition)
}

// byTopic is one partition as the client's callbacks have it.
func byTopic(at topicPartition) map[string][]int32 {
	return map[string][]int32{at.topic: {at.partition}}
}

// aggregatorStage drives the workers of sources.
type aggregatorStage struct {
	s      *simulation
	a      *aggregator
	failed error // of the goroutine that writes watermarks
}

// workerClient is what the workers of a process see of the log. While they write, the process may write watermarks.
type workerClient struct {
	kafkaClient
	stage *aggregatorStage
}

// Produce appends a record.
func (c workerClient) Produce(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	if c.s.chance(1, 3) {
		c.stage.failed = cmp.Or(c.stage.failed, c.stage.a.watermarks.write(ctx))
	}
	c.kafkaClient.Produce(ctx, record, promise)
}

func openSimulatedAggregator(s *simulation, m *simulatedMember) simulatedStage {
	c := kafkaClient{s, m}
	g := &aggregatorStage{s: s}
	g.a = &aggregator{config: &s.config, log: s.log, metrics: s.metrics.stage(RoleAggregate), rules: s.rules,
		topicID: s.kafka.topics[telemetry.TopicTelemetry].id, sources: s.world.sources, groups: s.world.groups, cells: s.world.cells,
		kafka: sourceKafka{records: workerClient{c, g}, letters: c, commits: c, offsets: c}, watermarks: newWatermarkWriter(c, s.world.groups),
		workers: map[int32]*sourceWorker{}, status: s.status, ends: &sourceEnds{}}
	return g
}

func (g *aggregatorStage) assigned(at topicPartition) error {
	g.a.workers[at.partition] = newSourceWorker(g.a, at.partition)
	return g.a.workers[at.partition].locate(g.s.ctx)
}

func (g *aggregatorStage) revoked(at topicPartition) {
	w := g.a.workers[at.partition]
	delete(g.a.workers, at.partition)
	_ = w.drain(g.s.ctx) // whoever comes next reads it again
	w.withdraw()
}

func (g *aggregatorStage) take(p kgo.FetchTopicPartition) error {
	return g.a.workers[p.Partition].add(g.s.ctx, p.Records)
}

func (g *aggregatorStage) settle() error {
	if g.s.chance(2, 3) {
		ends := kafkaClient{g.s, nil}.list([]string{telemetry.TopicTelemetry}, func(at topicPartition) int64 { return g.s.kafka.partition(at).next })
		g.a.tellEnds(ends, time.Now())
	}
	for _, partition := range slices.Sorted(maps.Keys(g.a.workers)) {
		if w := g.a.workers[partition]; w != nil && g.s.chance(3, 4) {
			if err := w.tick(g.s.ctx, time.Now()); err != nil {
				return err
			}
		}
	}
	return cmp.Or(g.failed, g.a.watermarks.write(g.s.ctx))
}

func (g *aggregatorStage) stop(inOrder bool) {
	for _, partition := range slices.Sorted(maps.Keys(g.a.workers)) {
		if inOrder {
			g.revoked(topicPartition{telemetry.TopicTelemetry, partition})
		}
	}
}

// rulerStage drives the evaluators of a process.
type rulerStage struct {
	s *simulation
	r *ruler
}

func openSimulatedRuler(s *simulation, m *simulatedMember) simulatedStage {
	c := kafkaClient{s, m}
	return &rulerStage{s, &ruler{config: &s.config, log: s.log, metrics: s.metrics.stage(RoleRules), rules: s.rules, board: newAlertBoard(),
		kafka: ruleKafka{records: c, commits: c, read: c.read}, at: newPositions(), workers: map[int32]*rulePartition{}}}
}

func (g *rulerStage) assigned(topicPartition) error { return nil }
func (g *rulerStage) revoked(at topicPartition)     { g.r.revoke(byTopic(at)) }
func (g *rulerStage) settle() error                 { return nil }
func (g *rulerStage) stop(bool)                     {}

func (g *rulerStage) take(p kgo.FetchTopicPartition) error {
	return g.r.handle(g.s.ctx, kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: p.Topic, Partitions: []kgo.FetchPartition{p.FetchPartition}}}}})
}

// storageStage drives the writes to the store.
type storageStage struct {
	s     *simulation
	w     *storage
	batch *storeBatch
}

func openSimulatedStorage(s *simulation, m *simulatedMember) simulatedStage {
	c := kafkaClient{s, m}
	counted := s.metrics.stage(RoleClickHouse)
	w := &storage{log: s.log, metrics: counted, store: s.store.open(s, m), commits: c, at: newPositions(), letters: c,
		topicIDs: map[string]kadm.TopicID{}, alerts: map[int32]*alertLog{}}
	return &storageStage{s, w, w.newBatch()}
}

func (g *storageStage) assigned(topicPartition) error { return nil }
func (g *storageStage) revoked(topicPartition)        {}
func (g *storageStage) stop(bool)                     {}

func (g *storageStage) take(p kgo.FetchTopicPartition) error {
	for _, record := range p.Records {
		if err := g.w.take(g.batch, record); err != nil {
			return err
		}
	}
	return nil
}

func (g *storageStage) settle() error {
	const oneWriteIn = 3 // as it gathers for a while
	if len(g.batch.records) == 0 || g.s.random.IntN(oneWriteIn) > 0 {
		return nil
	}
	defer g.batch.reset()
	return g.w.write(g.s.ctx, g.batch)
}

// simulatedResendDelay is such that Alertmanager does not end an alert while it or the notifier is away.
const simulatedResendDelay = 30 * time.Second
