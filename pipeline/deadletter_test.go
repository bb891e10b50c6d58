package pipeline

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// letterWriter is a producer of dead letters, on a broker with Weir's topics.
func letterWriter(t *testing.T) (Config, *kgo.Client) {
	t.Helper()
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	letters, err := newProducerOf(config.Kafka, maxLetterBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	return config, letters
}

// TestDeadLettersOfAnySize holds that whatever a broker took, because it compresses
// well, can be set aside: a huge key as well as a huge value.
func TestDeadLettersOfAnySize(t *testing.T) {
	_, letters := letterWriter(t)
	d := &deadLetters{client: letters, metrics: newPipelineMetrics().stage(RoleAggregate)}
	for _, record := range []*kgo.Record{
		{Key: make([]byte, 8<<20)},
		{Value: make([]byte, 8<<20)},
		{Key: make([]byte, 8<<20), Value: make([]byte, 8<<20)},
	} {
		d.add(record, telemetry.Source{}, &ingest.Refusal{Reason: ingest.ReasonUndecodable, Detail: "nothing"})
		if err := d.write(t.Context()); err != nil {
			t.Errorf("a key of %d and a value of %d bytes: %v", len(record.Key), len(record.Value), err)
		}
	}
}

// TestDeadLettersKeepWhatTheRecordHad reads one back: key, value, headers and time.
func TestDeadLettersKeepWhatTheRecordHad(t *testing.T) {
	config, letters := letterWriter(t)
	counted := newPipelineMetrics()
	d, source := &deadLetters{client: letters, metrics: counted.stage(RoleAggregate)}, telemetry.Source{TopicID: [16]byte{1}, Partition: 3}
	record := &kgo.Record{Key: []byte("billing-7"), Value: []byte("garbage"), Topic: telemetry.TopicTelemetry, Offset: 7, Timestamp: time.UnixMilli(1_800_000_000_123),
		Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-abc")}, {Key: "weir-reason", Value: []byte("a forged one")},
			{Key: "huge", Value: make([]byte, maxKeptHeaderBytes)}, {Key: "empty"}, {Key: "traceparent", Value: []byte("00-def")}}}
	for i := range 2 * maxKeptHeaders {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: strconv.Itoa(i)})
	}
	d.add(record, source, &ingest.Refusal{Reason: ingest.ReasonUndecodable, Detail: "nothing"})
	if err := d.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := metric(t, counted, `weir_write_duration_seconds_count{stage="aggregate"}`); got != 1 {
		t.Errorf("%g writes are timed, want that of the dead letter", got)
	}
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicDeadLetter, 0)
	if err != nil || len(records) != 1 {
		t.Fatalf("got %d dead letters, %v", len(records), err)
	}
	letter := records[0]
	var got []string
	for _, header := range letter.Headers {
		got = append(got, header.Key+"="+string(header.Value))
	}
	want := []string{"weir-reason=undecodable", "weir-detail=undecodable: nothing", "weir-topic=weir.telemetry", "weir-source=" + source.String(), "weir-offset=7", "weir-bytes=7",
		"weir-timestamp=1800000000123", "weir-header-traceparent=00-abc", "weir-header-weir-reason=a forged one", "weir-header-empty=", "weir-header-traceparent=00-def"}
	if len(got) != 6+1+maxKeptHeaders+1 || !slices.Equal(got[:len(want)], want) || got[len(got)-1] != "weir-headers-left-out="+strconv.Itoa(len(record.Headers)-maxKeptHeaders) {
		t.Errorf("got %d headers %q", len(got), got)
	}
	if string(letter.Key) != "billing-7" || string(letter.Value) != "garbage" {
		t.Errorf("got key %q and value %q", letter.Key, letter.Value)
	}
}
