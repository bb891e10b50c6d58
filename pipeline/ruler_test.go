package pipeline

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// newRuler returns a ruler of a broker that is in no group.
func newRuler(t *testing.T, config *Config, set *rules.Set) *ruler {
	t.Helper()
	return &ruler{config: config, log: slog.New(slog.DiscardHandler), metrics: newPipelineMetrics().stage(RoleRules), board: newAlertBoard(),
		rules: &ruleSource{set: set, version: 1}, kafka: openAlertWriter(t, config).kafka, at: newPositions(), workers: map[int32]*rulePartition{}}
}

// TestTheNextOwnerWritesAgainWhatIsStale has the owner of a partition lose it before it could: a process that woke up
// has written, and compaction keeps the newest record of each alert.
func TestTheNextOwnerWritesAgainWhatIsStale(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	sleeper, owner := openAlertWriter(t, &config), openAlertWriter(t, &config)
	writeState(t, owner, "a", telemetry.AlertResolved, "")
	if _, err := sleeper.write(t.Context(), slices.Concat(stateRecords(t, "a", telemetry.AlertFiring), stateRecords(t, "b", telemetry.AlertFiring))); err == nil {
		t.Fatal("the one that woke up goes on")
	}
	if _, err := newRuler(t, &config, &rules.Set{}).restore(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicAlerts, 0)
	if err != nil {
		t.Fatal(err)
	}
	newest := map[string]*kgo.Record{}
	for _, record := range records {
		newest[string(record.Key)] = record
	}
	compacted := slices.DeleteFunc(records, func(r *kgo.Record) bool { return newest[string(r.Key)] != r })
	if got, want := tellAlerts(compacted), "a resolved; 00:00:00"; got != want {
		t.Errorf("once it is compacted the log says %s, want %s", got, want)
	}
}

// TestAGapIsUnknown reads weir.groups again from where retention has deleted: what was before is unknown then, and not
// zero.
func TestAGapIsUnknown(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	set := loadSimulatedRules(t)[0]
	evaluated := time.Unix(1_800_000_000, 0).UTC()
	before, err := progressRecord(rules.Progress{EvaluatedUntil: evaluated, Begins: map[string]time.Time{set.Rules[0].Grouping.ID: evaluated.Add(-time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openAlertWriter(t, &config).write(t.Context(), []*kgo.Record{before}); err != nil {
		t.Fatal(err)
	}
	watermark, err := telemetry.MarshalWatermarks([]telemetry.Watermark{{EventTime: evaluated, At: evaluated, Sources: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for start, known := range map[int64]int{0: 1, 4: 1, 5: 0} {
		r := newRuler(t, &config, set)
		partition := kgo.FetchPartition{LogStartOffset: start, Records: []*kgo.Record{{Topic: telemetry.TopicGroups, Offset: 5, Value: watermark, Headers: watermarkHeaders}}}
		if err := r.handle(t.Context(), kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: telemetry.TopicGroups, Partitions: []kgo.FetchPartition{partition}}}}}); err != nil {
			t.Fatal(err)
		}
		if got := r.workers[0].evaluator.Progress().Begins; len(got) != known {
			t.Errorf("read from 5 on, where the log begins at %d: since when groupings are known is %v, want %d", start, got, known)
		}
	}
}
