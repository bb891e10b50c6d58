package pipeline

import (
	"log/slog"
	"slices"
	"strings"
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
	var said strings.Builder
	r := newRuler(t, &config, &rules.Set{})
	r.log = slog.New(slog.NewTextHandler(&said, nil))
	if _, err := r.restore(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	if want := `level=WARN msg="what a process wrote that has lost the partition is written again as it is" partition=0 records=2`; !strings.Contains(said.String(), want) {
		t.Errorf("it says %q, want %s", said.String(), want)
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
// zero. An alert that fired is not resolved by watermarks alone, until they say that nothing has come since.
func TestAGapIsUnknown(t *testing.T) {
	evaluated := time.Unix(1_800_000_000, 0).UTC()
	for _, test := range []struct {
		logStart int64 // the first record that is read is at 5
		until    time.Duration
		want     telemetry.AlertState
	}{
		{0, 100 * time.Second, telemetry.AlertResolved}, {4, 100 * time.Second, telemetry.AlertResolved},
		{5, 100 * time.Second, telemetry.AlertFiring}, {5, 120 * time.Second, telemetry.AlertFiring}, {5, 130 * time.Second, telemetry.AlertResolved},
	} {
		r := firingRuler(t, evaluated)
		partition := kgo.FetchPartition{LogStartOffset: test.logStart}
		for _, at := range []time.Duration{100 * time.Second, test.until} {
			watermark, err := telemetry.MarshalWatermarks([]telemetry.Watermark{{EventTime: evaluated.Add(at), At: evaluated.Add(at), Sources: 1}})
			if err != nil {
				t.Fatal(err)
			}
			partition.Records = append(partition.Records, &kgo.Record{Topic: telemetry.TopicGroups, Offset: 5, Value: watermark, Headers: watermarkHeaders})
		}
		if err := r.handle(t.Context(), kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: telemetry.TopicGroups, Partitions: []kgo.FetchPartition{partition}}}}}); err != nil {
			t.Fatal(err)
		}
		for _, alert := range r.workers[0].evaluator.Alerts() {
			if alert.Rule == "Surge" && alert.State != test.want {
				t.Errorf("read from 5 on, where the log begins at %d, until %s: the alert is %s, want %s", test.logStart, test.until, alert.State, test.want)
			}
		}
	}
}

// firingRuler returns a ruler of a broker on which an alert fires as of a time; its grouping was known for an hour.
func firingRuler(t *testing.T, evaluated time.Time) *ruler {
	t.Helper()
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	set := loadSimulatedRules(t)[0]
	surge := set.ByName("Surge")
	firing, err := alertRecord(&telemetry.Alert{ID: "a", Rule: surge.Alert, GroupKey: telemetry.GroupKey(surge.Grouping.ID, []string{"a"}),
		State: telemetry.AlertFiring, Labels: map[string]string{"topic": "a"}, EvaluatedAt: evaluated})
	if err != nil {
		t.Fatal(err)
	}
	before, err := progressRecord(rules.Progress{EvaluatedUntil: evaluated, Begins: map[string]time.Time{surge.Grouping.ID: evaluated.Add(-time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openAlertWriter(t, &config).write(t.Context(), []*kgo.Record{firing, before}); err != nil {
		t.Fatal(err)
	}
	return newRuler(t, &config, set)
}
