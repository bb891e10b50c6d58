package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// aheadAlert is what is told ahead of an alert that begins and expires some time from now.
func aheadAlert(id string, begins, expires time.Duration) telemetry.Alert {
	start := time.Now().UTC()
	return telemetry.Alert{ID: id, Labels: map[string]string{"alertname": id}, State: telemetry.AlertFiring, ActiveAt: start.Add(begins), ExpiresAt: start.Add(expires)}
}

// TestToldAheadIsNoState writes what is told ahead beside states, under claims old and new: people hear of it under the newest
// claim, and no reader of states takes it for one.
func TestToldAheadIsNoState(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	sleeper, owner := openAlertWriter(t, &config), openAlertWriter(t, &config)
	write := func(w *alertWriter, alert telemetry.Alert) error {
		record, err := alertRecord(&alert)
		if err != nil {
			t.Fatal(err)
		}
		stale, err := w.write(t.Context(), []*kgo.Record{record})
		if len(stale) > 0 {
			t.Errorf("%v are to be written again", stale)
		}
		return err
	}
	writeState(t, owner, "a", telemetry.AlertResolved, "")
	if err := write(sleeper, aheadAlert("b", 0, time.Minute)); err == nil {
		t.Error("the one that woke up goes on")
	}
	if err := write(owner, aheadAlert("a", 0, time.Minute)); err != nil {
		t.Fatal(err)
	}
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicAlerts, 0)
	if err != nil {
		t.Fatal(err)
	}
	var log, states alertLog
	var told []string
	for _, record := range records {
		alert, err := log.takeTold(record)
		if err != nil {
			t.Fatal(err)
		}
		if alert != nil && !alert.ExpiresAt.IsZero() {
			told = append(told, alert.ID)
		}
	}
	newest, err := states.takeAll(records)
	if err != nil || fmt.Sprint(told) != "[a]" || len(newest) != 1 || newest["a"].State != telemetry.AlertResolved || states.stale[aheadKey] {
		t.Errorf("told ahead are %v, states %v, stale %v: %v", told, newest, states.stale, err)
	}
	for _, record := range records {
		if claim, err := claimOf(record); string(record.Key) == aheadKey && (err != nil || claim.epoch > 0) {
			t.Errorf("an earlier build reads claim %v, and takes what is told ahead for a state", claim)
		}
	}
}

func TestToldAheadThatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ claim, value, want string }{
		{"x y", "{}", `read the record at offset 0: got header weir-ahead="x y", want an epoch and a writer: strconv.ParseUint: parsing "x": invalid syntax`},
		{"1 y", "{", "decode what is told ahead at offset 0: unexpected end of JSON input"},
	} {
		log := alertLog{newest: claim{1, "y"}}
		_, err := log.takeTold(&kgo.Record{Key: []byte(aheadKey), Value: []byte(test.value), Headers: []kgo.RecordHeader{{Key: headerAhead, Value: []byte(test.claim)}}})
		if err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

// TestAlertFeedOfWhatIsToldAhead reads a log whose first three records are history.
func TestAlertFeedOfWhatIsToldAhead(t *testing.T) {
	state := func(id string, state telemetry.AlertState) telemetry.Alert {
		return telemetry.Alert{ID: id, State: state, Labels: map[string]string{"alertname": id}}
	}
	var feeds alertFeeds
	feed := feeds.of(0, 3)
	for offset, step := range []struct {
		alert telemetry.Alert
		want  string
	}{
		{state("a", telemetry.AlertResolved), ""},
		{aheadAlert("b", 0, time.Minute), ""},
		{aheadAlert("a", 0, time.Minute), "a ahead, b ahead, a resolved"}, // what is told ahead outdoes that it resolved before
		{state("b", telemetry.AlertFiring), "b firing"},
		{aheadAlert("c", 30*time.Second, 2*time.Minute), "c ahead"},
		{aheadAlert("d", time.Minute, 2*time.Minute), "d ahead"},
	} {
		var got []string
		for _, alert := range feed.take(int64(offset), &step.alert) {
			text := string(alert.State)
			if !alert.ExpiresAt.IsZero() {
				text = "ahead"
			}
			got = append(got, alert.ID+" "+text)
		}
		if len(got) > 1 {
			slices.Sort(got[:2])
		}
		if text := strings.Join(got, ", "); text != step.want {
			t.Errorf("offset %d: handed on %q, want %q", offset, text, step.want)
		}
	}
	if len(feed.told) != 2 {
		t.Errorf("%v are kept, want those that have neither begun nor expired", feed.told)
	}
	if alert, found := feeds.find("c"); !found || alert.ExpiresAt.IsZero() {
		t.Errorf("people find %+v", alert)
	}
	over := aheadAlert("c", 0, 0)
	over.ExpiresAt = time.Now()
	feed.keep(&over)
	if alert, found := feeds.find("c"); found {
		t.Errorf("people find %+v, which has expired", alert)
	}
	if got := fmt.Sprint(feeds.drop(0)); got != "[a b c d]" {
		t.Errorf("another process has the partition now, and of its alerts %s are forgotten", got)
	}
}

// TestNextNotifierEndsNothingToldAhead has a notifier tell ahead of alerts that lived before, and another take its place: that
// reads of the life before and of the next at once, and people hear nothing new.
func TestNextNotifierEndsNothingToldAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var history []*kgo.Record
		write := func(alert telemetry.Alert) {
			record, err := alertRecord(&alert)
			if err != nil {
				t.Fatal(err)
			}
			record.Topic, record.Offset = telemetry.TopicAlerts, int64(len(history))
			history = append(history, record)
		}
		const alerts = 20 // enough for a queue to order them anew
		for i := range alerts {
			ahead := aheadAlert(fmt.Sprint("alert-", i), 10*time.Second, time.Minute)
			ahead.FiredAt, ahead.EvaluatedAt = ahead.ActiveAt, ahead.ActiveAt
			before := ahead
			before.State, before.ExpiresAt, before.FiredAt = telemetry.AlertResolved, time.Time{}, time.Now().Add(-time.Hour)
			before.ActiveAt, before.EvaluatedAt, before.ResolvedAt = before.FiredAt, time.Now(), time.Now()
			write(before)
			write(ahead)
		}
		manager := newSimulatedAlertmanager(rand.New(rand.NewPCG(1, 1)), t.Logf)
		takeHistory(t, manager, history)
		takeHistory(t, manager, history)
		if len(manager.told) != alerts {
			t.Errorf("people heard of %d alerts, want %d", len(manager.told), alerts)
		}
		for id, told := range manager.told {
			if fmt.Sprint(told) != "[firing]" {
				t.Errorf("%s: people heard %v, want that it fires", id, told)
			}
		}
	})
}

// takeHistory has a notifier read a partition and tell of it, until it is killed.
func takeHistory(t *testing.T, manager *simulatedAlertmanager, history []*kgo.Record) {
	t.Helper()
	n := &notification{log: slog.New(slog.DiscardHandler), metrics: newPipelineMetrics().stage(RoleAlertmanager), at: newPositions()}
	var err error
	n.notifier, err = alertmanager.New(alertmanager.Config{URLs: []string{"http://alertmanager"}, Client: &http.Client{Transport: manager}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	killed := make(chan error)
	go func() { killed <- n.notifier.Run(ctx) }()
	n.take(kgo.FetchTopicPartition{Topic: telemetry.TopicAlerts, FetchPartition: kgo.FetchPartition{Records: history, HighWatermark: int64(len(history))}})
	synctest.Wait()
	kill()
	if err := <-killed; err != nil {
		t.Error(err)
	}
}
