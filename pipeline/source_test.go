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
		clock   int
		records int
		groups  int // records of weir.groups
		said    int // second of the watermark
		saidAt  int
	}{
		{"the first report", 0, 0, 1, 1, -1, 0},
		{"the first that is past the end of a pane and the lateness", 1, 1, 1, 2, 0, 1},
		{"one more of the pane", 7, 7, 1, 3, 0, 1},
		{"one once the next pane has begun by the clock", 8, 10, 1, 4, 7, 10},
		{"one more of it", 9, 11, 1, 5, 7, 10},
		{"many", 9, 12, soonRecords + 1, 5, 7, 10},
		{"one after many", 9, 13, 1, 5, 7, 10},
	} {
		clock := began.Add(time.Duration(step.clock) * time.Second)
		var records []*kgo.Record
		for range step.records {
			at := began.Add(time.Duration(step.second) * time.Second)
			records = append(records, &kgo.Record{Value: reportOf(t, "orders", at, 1), Timestamp: at, Offset: w.next.Load()})
		}
		if err := w.add(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		if err := w.flushSoon(t.Context(), clock); err != nil {
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
		said := newestWatermark(t, config)
		if got, at := said.EventTime.Sub(began).Seconds(), said.At.Sub(began).Seconds(); groups != step.groups || got != float64(step.said) || at != float64(step.saidAt) {
			t.Errorf("%s: %d records of groups and a watermark of second %g said in %g, want %+v", step.what, groups, got, at, step)
		}
	}
}

// TestFlushesAreNotTooSoon: what comes of a source that was quiet is flushed at once, and what comes after a flush waits.
func TestFlushesAreNotTooSoon(t *testing.T) {
	w, _ := workerOnBroker(t)
	began := time.Unix(1_800_000_000, 0).UTC()
	add := func() {
		t.Helper()
		if err := w.add(t.Context(), []*kgo.Record{{Value: reportOf(t, "orders", began, 1), Timestamp: began, Offset: w.next.Load()}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.soon(began); got != 0 {
		t.Errorf("the first report waits %s", got)
	}
	add()
	if err := w.flushSoon(t.Context(), began); err != nil {
		t.Fatal(err)
	}
	soon := w.flushed
	if got := w.soon(soon.Add(soonInterval / 5)); got != soonInterval*4/5 {
		t.Errorf("what comes after a flush waits %s, want %s", got, soonInterval*4/5)
	}
	if got := w.soon(soon.Add(2 * soonInterval)); got != 0 {
		t.Errorf("what comes long after it waits %s", got)
	}
	add()
	if err := w.tick(t.Context(), began); err != nil || !w.flushed.After(soon) {
		t.Errorf("what a tick writes counts from %s, the flush before from %s: %v", w.flushed, soon, err)
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
