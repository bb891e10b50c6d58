package pipeline

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// TestAlertLog holds that the newest state of each alert counts that was written under the
// newest claim, or under the one of its time.
func TestAlertLog(t *testing.T) {
	for _, test := range []struct {
		name    string
		records []string // "claim key value", where a claim is an epoch and a writer, or - for none
		want    string
	}{
		{"the newest state of each alert counts, a tombstone ends one", []string{
			`1x a {"id":"a","state":"pending"}`, `1x b {"id":"b","state":"firing"}`, `1x _progress {"evaluated_until":"2027-01-15T08:00:00Z"}`,
			`1x a {"id":"a","state":"firing"}`, `1x b `, `1x _progress {"evaluated_until":"2027-01-15T08:00:10Z"}`}, "a firing; 08:00:10"},
		{"states of an older claim count until there is a newer", []string{
			`1x a {"id":"a","state":"firing"}`, `2y _progress {"evaluated_until":"2027-01-15T08:00:00Z"}`}, "a firing; 08:00:00"},
		{"and are stale after it, their tombstones and progress too", []string{
			`1x a {"id":"a","state":"firing"}`, `1x b {"id":"b","state":"firing"}`, `2y _progress {"evaluated_until":"2027-01-15T08:00:10Z"}`,
			`2y a {"id":"a","state":"resolved"}`, `1x a {"id":"a","state":"firing"}`, `1x b `,
			`1x _progress {"evaluated_until":"2027-01-15T08:00:20Z"}`}, "a resolved, b firing; 08:00:10"},
		{"of two claims of an epoch the first counts", []string{
			`2x _progress {"evaluated_until":"2027-01-15T08:00:10Z"}`, `2y _progress {"evaluated_until":"2027-01-15T08:00:20Z"}`,
			`2y a {"id":"a","state":"firing"}`, `2x b {"id":"b","state":"firing"}`}, "b firing; 08:00:10"},
		{"what an earlier build wrote has no claim", []string{
			`- a {"id":"a","state":"firing"}`, `- _progress {"evaluated_until":"2027-01-15T08:00:00Z"}`, `1x _progress {"evaluated_until":"2027-01-15T08:00:00Z"}`,
			`- a {"id":"a","state":"resolved"}`}, "a firing; 08:00:00"},
		{"what cannot be read is an error", []string{`1x a {`}, "decode an alert at offset 0: unexpected end of JSON input"},
		{"so is progress", []string{`1x _progress 9`}, "decode progress at offset 0: json: cannot unmarshal number into Go value of type rules.Progress"},
		{"and a claim", []string{`xx a {}`}, `read the record at offset 0: got header weir-claim="x x", want an epoch and a writer: strconv.ParseUint: parsing "x": invalid syntax`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var records []*kgo.Record
			for i, text := range test.records {
				field := strings.SplitN(text, " ", 3)
				record := &kgo.Record{Offset: int64(i), Key: []byte(field[1]), Value: []byte(field[2])}
				if field[0] != "-" {
					record.Headers = []kgo.RecordHeader{{Key: headerClaim, Value: []byte(field[0][:1] + " " + field[0][1:])}}
				}
				records = append(records, record)
			}
			if got := tellAlerts(records); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// tellAlerts tells how the alerts are that records are of, and how far they were evaluated.
func tellAlerts(records []*kgo.Record) string {
	var log alertLog
	newest, err := log.takeAll(records)
	if err != nil {
		return err.Error()
	}
	var states []string
	for _, id := range slices.Sorted(maps.Keys(newest)) {
		states = append(states, fmt.Sprint(id, " ", newest[id].State))
	}
	return strings.Join(states, ", ") + "; " + log.until.EvaluatedUntil.Format(time.TimeOnly)
}

// TestAlertClaim lets a process stand still while another is given its partition: what it
// writes when it wakes up is stale, is found by the other, and makes itself stop.
func TestAlertClaim(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	sleeper, owner := openAlertWriter(t, &config), openAlertWriter(t, &config)
	writeState(t, owner, "a", telemetry.AlertResolved, "")
	if _, err := sleeper.write(t.Context(), stateRecords(t, "a", telemetry.AlertFiring)); err == nil || !strings.Contains(err.Error(), errDeposed.Error()) {
		t.Errorf("the one that woke up goes on: %v", err)
	}
	writeState(t, owner, "b", telemetry.AlertFiring, "a")
	writeState(t, owner, "a", telemetry.AlertResolved, "")
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicAlerts, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tellAlerts(records), "a resolved, b firing; 00:00:00"; got != want {
		t.Errorf("the log says %s, want %s", got, want)
	}
}

// TestProgressComesAfterAlerts holds that a crash between the two evaluates again, and forgets nothing.
func TestProgressComesAfterAlerts(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	evaluator := rules.NewEvaluator(&rules.Set{}, rules.Config{Pane: time.Second})
	evaluator.ApplyWatermark(telemetry.Watermark{EventTime: time.Unix(1_800_000_000, 0)})
	r := &ruler{log: slog.New(slog.DiscardHandler), metrics: newPipelineMetrics().stage(RoleRules)}
	w := &rulePartition{ruler: r, alerts: openAlertWriter(t, &config), evaluator: evaluator}
	if err := w.publish(t.Context(), []telemetry.Alert{{ID: "a", State: telemetry.AlertFiring}, {ID: "b", State: telemetry.AlertInactive}}); err != nil {
		t.Fatal(err)
	}
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicAlerts, 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, record := range records {
		keys = append(keys, string(record.Key))
	}
	if got, want := strings.Join(keys, " "), "_progress a b _progress"; got != want {
		t.Errorf("got records %s, want %s: the claim, then alerts, then progress", got, want)
	}
}

// openAlertWriter claims partition 0.
func openAlertWriter(t *testing.T, config *Config) *alertWriter {
	t.Helper()
	producer, err := newProducer(config.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	w := &alertWriter{kafka: ruleKafka{records: producer, read: readerOf(config.Kafka)}}
	if _, _, err := w.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// writeState writes an alert's state, and compares the keys of what others wrote before.
func writeState(t *testing.T, w *alertWriter, id string, state telemetry.AlertState, want string) {
	t.Helper()
	between, err := w.write(t.Context(), stateRecords(t, id, state))
	if got := strings.Join(between, ","); err != nil || got != want {
		t.Errorf("before %s %s others wrote %q, %v, want %q", id, state, got, err, want)
	}
}

func stateRecords(t *testing.T, id string, state telemetry.AlertState) []*kgo.Record {
	t.Helper()
	record, err := alertRecord(&telemetry.Alert{ID: id, State: state})
	if err != nil {
		t.Fatal(err)
	}
	return []*kgo.Record{record}
}
