package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// TestSourcesBehindTheEndOfADay: one is where Kafka has more of the day than the store, or where Kafka cannot say and the source had
// reports lately. A source that was silent in the evening is not.
func TestSourcesBehindTheEndOfADay(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		newest  time.Duration // since the day began
		written int64         // -1 where Kafka does not know of it
		behind  bool
	}{
		"silent since noon":             {12 * time.Hour, 100, false},
		"more was written":              {12 * time.Hour, 101, true},
		"more was written for days":     {-50 * time.Hour, 101, true},
		"unknown, of the day":           {12 * time.Hour, -1, true},
		"unknown, of the day before":    {-24 * time.Hour, -1, true},
		"unknown, silent for two days":  {-25 * time.Hour, -1, false},
		"records that are gone already": {12 * time.Hour, 0, false},
	} {
		out := &behindSources{}
		source := clickhouse.StoredSource{Source: telemetry.Source{TopicID: [16]byte{7}, Partition: 3}, Newest: day.Add(c.newest), EndOffset: 100}
		out.take(source, day, max(c.written, 0), c.written >= 0)
		if got := len(out.of) == 1; got != c.behind {
			t.Errorf("%s: it is behind: %t", name, got)
		}
	}
}

// TestWhatIsSaidOfSourcesBehind: of several the one that is furthest, up to which all is known.
func TestWhatIsSaidOfSourcesBehind(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	end := day.Add(rules.Day)
	none := &behindSources{unasked: errors.New("away")}
	if none.text() != "" || !none.until(end).Equal(end) {
		t.Errorf("of none it says %q, and that all is known up to %s", none.text(), none.until(end))
	}
	two := &behindSources{of: []clickhouse.StoredSource{{Source: telemetry.Source{Partition: 1}, Newest: day.Add(20 * time.Hour)},
		{Source: telemetry.Source{Partition: 2}, Newest: day.Add(19 * time.Hour)}}}
	const want = "the store does not have 2 of the sources to the end of the day: 00000000000000000000000000000000/2 up to 2026-11-25T19:00:00Z"
	if two.text() != want || !two.until(end).Equal(day.Add(19*time.Hour)) || !two.until(day).Equal(day) {
		t.Errorf("of two it says %q, and that all is known up to %s", two.text(), two.until(end))
	}
	two.unasked = errors.New("away")
	if got := two.text(); got != want+", and Kafka does not say whether that is all of it (away)" {
		t.Errorf("without Kafka it says %q", got)
	}
}

// TestWhatWasWrittenUntil a time is what a partition held then, and all of it where nothing came since.
func TestWhatWasWrittenUntil(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	config.Telemetry.Partitions = 2
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for range 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: telemetry.TopicTelemetry, Partition: 1, Value: []byte("a")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	topic, err := topicDetail(t.Context(), openAdmin(t, &config), telemetry.TopicTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]int64{-time.Hour: 0, time.Hour: 3} {
		written, err := writtenUntil(t.Context(), config.Kafka, time.Now().Add(at))
		if err != nil || len(written) != 2 || written[telemetry.Source{TopicID: topic.ID, Partition: 1}] != want || written[telemetry.Source{TopicID: topic.ID}] != 0 {
			t.Errorf("%s from now: %v, %v; want %d", at, written, err, want)
		}
	}
	config.Kafka.Brokers = []string{"127.0.0.1:1"}
	if _, err := writtenUntil(t.Context(), config.Kafka, time.Now()); err == nil {
		t.Error("who is not there answers")
	}
}
