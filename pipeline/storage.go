package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// recordCommitter commits the offsets after records for their group; *kgo.Client does.
type recordCommitter interface {
	CommitRecords(ctx context.Context, records ...*kgo.Record) error
}

// storedTopics hold what goes to the store.
var storedTopics = []string{telemetry.TopicCells, telemetry.TopicAlerts}

// storage writes cells and alert transitions to ClickHouse. Offsets are committed
// after the acknowledgement; what is written twice collapses by version. A record that
// cannot be read goes to weir.deadletter before that.
type storage struct {
	log      *slog.Logger
	metrics  *stageMetrics
	store    *clickhouse.Store
	client   *member
	producer *kgo.Client // of dead letters
	letters  recordProducer
	commits  recordCommitter
	at       *positions
	topicIDs map[string]kadm.TopicID
	alerts   map[int32]*alertLog // by partition of weir.alerts
	backlog  backlog
	bounds   storeBounds
}

func newStorage(p *Pipeline) *storage {
	return &storage{log: p.log.With("stage", RoleClickHouse), metrics: p.metrics.stage(RoleClickHouse), at: newPositions(),
		topicIDs: map[string]kadm.TopicID{}, alerts: map[int32]*alertLog{}, bounds: mostStored}
}

// progress logs what a migration does, each step once.
func (s *storage) progress() func(string) {
	said := ""
	return func(text string) {
		if text != said {
			s.log.Info("migrate the store", "step", text)
		}
		said = text
	}
}

// MigrateStore brings the store's schema up to date, as the role clickhouse does when it begins. A store that cannot be asked
// is an error at once.
func MigrateStore(ctx context.Context, config *Config) error {
	return askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		if err := store.Migrate(ctx); err != nil {
			return because(ctx, "migrate the store", err)
		}
		return nil
	})
}

func runStorage(ctx context.Context, p *Pipeline) error {
	s := newStorage(p)
	stopWaiting, err := s.followGroup(ctx, p)
	if err != nil {
		return err
	}
	defer stopWaiting()
	said := outage{log: s.log, begun: "write to ClickHouse, will try again; until it takes them, rows stay in Kafka", over: "ClickHouse takes what is written again",
		anyNumber: true} // of parts, bytes and queries
	config := p.config.ClickHouse.store(func(err error) {
		p.status.setError(RoleClickHouse, err)
		said.note(err)
		if err != nil {
			s.metrics.failed("write")
		}
	})
	config.OnProgress = s.progress()
	if s.store, err = clickhouse.Open(ctx, config); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer s.store.Close()
	if err := s.store.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate the store: %w", err)
	}
	stopWaiting()
	defer keepRetention(ctx, p, s.log)()
	if err := s.open(ctx, p); err != nil {
		return err
	}
	defer s.close()
	defer s.at.follow(ctx, s.client.Client, s.metrics)()
	defer s.addUp(ctx)()
	defer s.fillUp(ctx)()
	defer s.auditOften(ctx, p)()
	if err := s.storeOn(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// open joins the group, and opens what dead letters need.
func (s *storage) open(ctx context.Context, p *Pipeline) (err error) {
	if s.producer, err = newProducerOf(p.config.Kafka, maxLetterBytes, p.kafka); err != nil {
		return err
	}
	s.letters = s.producer
	for _, topic := range storedTopics {
		detail, err := topicDetail(ctx, kadm.NewClient(s.producer), topic)
		if err != nil {
			s.producer.Close()
			return err
		}
		s.topicIDs[topic] = detail.ID
	}
	options := append(s.at.hooks(func(map[string][]int32) {}), kgo.FetchMaxPartitionBytes(maxRecordBytes))
	if s.client, err = joinGroup(p, groupClickHouse, storedTopics, options...); err != nil {
		s.producer.Close()
		return err
	}
	s.commits = s.client
	return nil
}

func (s *storage) close() {
	s.client.leave()
	s.producer.Close()
}

// write commits a batch once the store and weir.deadletter have all of it.
func (s *storage) write(ctx context.Context, batch *storeBatch) error {
	began := time.Now()
	if err := s.store.WriteDetails(ctx, batch.cells.Records); err != nil { // before the ledger, which says that all of a segment is there
		return fmt.Errorf("write single messages: %w", err)
	}
	if err := s.store.WriteCells(ctx, &batch.cells); err != nil {
		return fmt.Errorf("write cells: %w", err)
	}
	if err := s.store.WriteAlerts(ctx, batch.alerts); err != nil {
		return fmt.Errorf("write alerts: %w", err)
	}
	s.metrics.flushSeconds.UpdateDuration(began)
	if err := batch.letters.write(ctx); err != nil {
		return err
	}
	s.metrics.records.Add(len(batch.records))
	s.metrics.bytes.Add(batch.bytes)
	s.at.processedRecords(batch.records)
	if err := s.commits.CommitRecords(ctx, batch.records...); err != nil {
		s.metrics.failed("commit") // replayed after a rebalance, which changes nothing
		s.log.Warn("commit offsets", "error", err)
	}
	return nil
}

// take adds a record to the batch. The error is for one that must not be passed over:
// it waits for this process's upgrade.
func (s *storage) take(batch *storeBatch, record *kgo.Record) error {
	batch.add(record)
	switch {
	case record.Topic == telemetry.TopicCells:
		err := batch.cells.Add(record.Value)
		if errors.Is(err, telemetry.ErrNewerSchema) {
			return fmt.Errorf("read %s partition %d offset %d: %w", record.Topic, record.Partition, record.Offset, err)
		}
		if err != nil {
			s.setAside(batch, record, err)
			return nil
		}
		batch.details += batch.cells.Records[len(batch.cells.Records)-1].Items()
	default:
		log := s.alerts[record.Partition]
		if log == nil {
			log = &alertLog{}
			s.alerts[record.Partition] = log
		}
		alert, err := log.take(record)
		if err != nil {
			s.setAside(batch, record, err)
		}
		if alert != nil && alert.Transition {
			batch.alerts = append(batch.alerts, *alert)
		}
	}
	return nil
}

// setAside keeps a record that nobody can read for weir.deadletter.
func (s *storage) setAside(batch *storeBatch, record *kgo.Record, err error) {
	s.metrics.failed("decode")
	s.log.Error("set a record aside", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "error", err)
	source := telemetry.Source{TopicID: s.topicIDs[record.Topic], Partition: record.Partition}
	batch.letters.add(record, source, &ingest.Refusal{Reason: ingest.ReasonUndecodable, Detail: err.Error()})
}
