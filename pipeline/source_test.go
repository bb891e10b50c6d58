package pipeline

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestOnlyWhatIsReadToItsEndGoesOn: time passes for a source that is idle. It stands still for one that has records which
// cannot be read, and while nobody says where the source ends: rules take such a one for incomplete.
func TestOnlyWhatIsReadToItsEndGoesOn(t *testing.T) {
	w, config := workerOnBroker(t)
	began := time.Unix(1_800_000_000, 0).UTC()
	if err := w.add(t.Context(), []*kgo.Record{{Value: reportOf(t, "orders", began, 1), Timestamp: began}}); err != nil {
		t.Fatal(err)
	}
	after := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	for _, step := range []struct {
		what   string
		end    *sourceEnd
		idle   bool
		passed time.Time
	}{
		{"nobody has said yet where it ends", nil, false, after(-1)},
		{"it is at its end", (*sourceEnd)(nil).then(1, after(10), after(10)), true, after(9)},
		{"the broker says nothing new", (*sourceEnd)(nil).then(1, after(10), after(10)), true, after(9)},
		{"it is still at its end", (*sourceEnd)(nil).then(1, after(20), after(20)), true, after(19)},
		{"there is more that cannot be read", (*sourceEnd)(nil).then(5, after(60), after(60)), false, after(19)},
		{"and more", (*sourceEnd)(nil).then(9, after(90), after(90)), false, after(19)},
	} {
		w.end.Store(step.end)
		now := began
		if step.end != nil {
			now = step.end.at
		}
		if err := w.tick(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if err := w.a.watermarks.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := newestWatermark(t, config); got.Idle != step.idle || !got.EventTime.Equal(step.passed) {
			t.Errorf("%s: it has come to %s, idle %t, want %s and %t", step.what, got.EventTime, got.Idle, step.passed, step.idle)
		}
	}
}

// workerOnBroker is a worker of the one source of a broker, which has not begun.
func workerOnBroker(t *testing.T) (*sourceWorker, *Config) {
	t.Helper()
	config := brokerConfig(t)
	config.Telemetry.Partitions, config.Telemetry.Lateness = 1, time.Second
	config.Rules.Dir = "../rules.d"
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	rules, err := newRuleSource(config.Rules.Dir)
	if err != nil {
		t.Fatal(err)
	}
	producer, err := newProducer(config.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	a := &aggregator{config: &config, log: testLog(t), metrics: newPipelineMetrics().stage(RoleAggregate), rules: rules, status: newStatusBoard(),
		kafka: sourceKafka{records: producer, letters: producer}, sources: 1, groups: 1, cells: 1,
		watermarks: newWatermarkWriter(producer, 1)}
	return newSourceWorker(a, 0), &config
}

// TestFewRecordsAreFlushedSoon: what few records change is written without waiting for a tick, and that a pane is over is
// said. Many wait for the tick.
func TestFewRecordsAreFlushedSoon(t *testing.T) {
	w, config := workerOnBroker(t)
	began := time.Unix(1_800_000_000, 0).UTC()
	for _, step := range []struct {
		what    string
		second  int
		records int
		groups  int // records of weir.groups
		said    int // second of the watermark
	}{
		{"the first report", 0, 1, 1, -1},
		{"the first that is past the end of a pane and the lateness", 1, 1, 2, 0},
		{"one more of the pane", 8, 1, 3, 0},
		{"many", 9, soonRecords + 1, 3, 0},
		{"one after many", 9, 1, 3, 0},
	} {
		var records []*kgo.Record
		for range step.records {
			at := began.Add(time.Duration(step.second) * time.Second)
			records = append(records, &kgo.Record{Value: reportOf(t, "orders", at, 1), Timestamp: at, Offset: w.next.Load()})
		}
		if err := w.add(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		if err := w.flushSoon(t.Context(), began); err != nil {
			t.Fatal(err)
		}
		if err := w.a.watermarks.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		written, err := readPartition(t.Context(), config.Kafka, telemetry.TopicGroups, 0)
		if err != nil {
			t.Fatal(err)
		}
		groups := 0
		for _, record := range written {
			if recordKind(record) == kindGroup {
				groups++
			}
		}
		if said := newestWatermark(t, config).EventTime; groups != step.groups || !said.Equal(began.Add(time.Duration(step.said)*time.Second)) {
			t.Errorf("%s: %d records of groups and a watermark of %s, want %d and second %d", step.what, groups, said, step.groups, step.said)
		}
	}
}

// newestWatermark is the last one on partition 0 of weir.groups.
func newestWatermark(t *testing.T, config *Config) telemetry.Watermark {
	t.Helper()
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicGroups, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(records) - 1; i >= 0; i-- {
		if recordKind(records[i]) == kindWatermark {
			watermarks, err := telemetry.UnmarshalWatermarks(records[i].Value)
			if err != nil {
				t.Fatal(err)
			}
			return watermarks[len(watermarks)-1]
		}
	}
	t.Fatal("there is no watermark")
	return telemetry.Watermark{}
}

// TestAWorkerHoldsNoRecords: what a worker has folded may be forgotten. Records share the memory of the whole answer to a
// fetch, megabytes of it, and each of hundreds of workers would hold one.
func TestAWorkerHoldsNoRecords(t *testing.T) {
	t.Parallel()
	w := workerOn(t, &slowBroker{})
	add := func() weak.Pointer[byte] {
		value := reportOf(t, "orders", time.Now(), 1)
		if err := w.add(t.Context(), []*kgo.Record{{Value: value, Timestamp: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		return weak.Make(&value[0])
	}
	held := add()
	for range 3 { // a pool lets go of what it has at the second
		runtime.GC()
	}
	if held.Value() != nil {
		t.Error("the record is still there")
	}
	runtime.KeepAlive(w)
}
