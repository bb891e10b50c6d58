package pipeline

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// openStorage is a stage that was given nothing to store yet, so that it needs no store.
func openStorage(t *testing.T, config Config) (*storage, *Pipeline) {
	t.Helper()
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newStorage(p)
	s.store = &clickhouse.Store{}
	if err := s.open(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s, p
}

// writeOnce gathers once, and writes that.
func writeOnce(t *testing.T, s *storage) error {
	t.Helper()
	batch := s.newBatch()
	if err := s.gather(t.Context(), batch); err != nil {
		return err
	}
	return s.write(t.Context(), batch)
}

// TestRecordsThatCannotBeStoredAreSetAside: garbage on each of the two topics is in
// weir.deadletter as it came, with its reason and place, before it counts as read.
func TestRecordsThatCannotBeStoredAreSetAside(t *testing.T) {
	config := runConfig(t)
	s, p := openStorage(t, config)
	garbage := []*kgo.Record{
		{Topic: telemetry.TopicCells, Key: []byte("of cells"), Value: []byte("\xff\xfe no cells at all")},
		{Topic: telemetry.TopicAlerts, Key: []byte("of alerts"), Value: []byte(`{"id":`)},
	}
	send(t, config, garbage...)
	for s.metrics.records.Get() < uint64(len(garbage)) {
		if err := writeOnce(t, s); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := readPartition(t.Context(), config.Kafka, telemetry.TopicDeadLetter, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, letter := range letters {
		said := []string{string(letter.Value)}
		for _, header := range letter.Headers[:6] {
			said = append(said, header.Key+"="+string(header.Value))
		}
		got[string(letter.Key)] = said
	}
	if len(letters) != len(garbage) {
		t.Errorf("got %d dead letters, want %d", len(letters), len(garbage))
	}
	for _, record := range garbage {
		detail, err := topicDetail(t.Context(), openAdmin(t, &config), record.Topic)
		if err != nil {
			t.Fatal(err)
		}
		source := telemetry.Source{TopicID: detail.ID, Partition: record.Partition}
		want := []string{string(record.Value), "weir-reason=undecodable", "", "weir-topic=" + record.Topic, "weir-source=" + source.String(),
			fmt.Sprint("weir-offset=", record.Offset), fmt.Sprint("weir-bytes=", len(record.Value))}
		said := got[string(record.Key)]
		if len(said) == len(want) {
			want[2] = said[2] // says it in words
		}
		if !slices.Equal(said, want) || len(said[2]) <= len("weir-detail=undecodable: ") {
			t.Errorf("the dead letter %s says %q, want %q", record.Key, said, want)
		}
		if committed := committedOffset(t, config, record); committed != record.Offset+1 {
			t.Errorf("the offset committed for %s is %d, want %d", record.Topic, committed, record.Offset+1)
		}
	}
	if got := metric(t, p.metrics, `weir_refused_records_total{stage="clickhouse",reason="undecodable"}`); got != float64(len(garbage)) {
		t.Errorf("%g records are counted as refused, want %d", got, len(garbage))
	}
}

// TestNothingCountsAsReadBeforeItIsSetAside: without weir.deadletter no offset is
// committed, and the stage says so.
func TestNothingCountsAsReadBeforeItIsSetAside(t *testing.T) {
	config := runConfig(t)
	s, _ := openStorage(t, config)
	if _, err := openAdmin(t, &config).DeleteTopics(t.Context(), telemetry.TopicDeadLetter); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: telemetry.TopicCells, Value: []byte("garbage")}
	send(t, config, record)
	for writeOnce(t, s) == nil {
		if s.metrics.records.Get() > 0 {
			t.Fatal("a record was passed over that nothing has taken")
		}
	}
	if committed := committedOffset(t, config, record); committed > record.Offset {
		t.Errorf("offset %d is committed, and the record is nowhere", committed)
	}
}

// send writes records, and waits until they are there.
func send(t *testing.T, config Config, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// committedOffset is how far the stage has come in a record's partition, 0 at its start.
func committedOffset(t *testing.T, config Config, record *kgo.Record) int64 {
	t.Helper()
	offsets, err := openAdmin(t, &config).FetchOffsets(t.Context(), groupClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := offsets.Lookup(record.Topic, record.Partition)
	return at.At
}
