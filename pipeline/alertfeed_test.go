package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// feedStep is a record of weir.alerts, and what is handed on once it was taken.
type feedStep struct {
	offset int64
	record string // "a firing 2": an alert, its state and Seq; "a": its tombstone; "_progress"
	want   string // "a firing 2, b resolved 3", sorted
}

// decodeFeedRecord makes the step's record as the rules write it, and decodes it.
func decodeFeedRecord(t *testing.T, step feedStep) *telemetry.Alert {
	t.Helper()
	record := &kgo.Record{Topic: telemetry.TopicAlerts, Offset: step.offset, Key: []byte(step.record)}
	if step.record == progressKey {
		record.Value = []byte(`{"evaluated_until":"2027-01-15T08:00:00Z"}`)
	} else if id, _, full := strings.Cut(step.record, " "); full {
		alert := telemetry.Alert{Labels: map[string]string{"alertname": id}}
		if _, err := fmt.Sscan(step.record, &alert.ID, (*string)(&alert.State), &alert.Seq); err != nil {
			t.Fatal(err)
		}
		value, err := json.Marshal(&alert)
		if err != nil {
			t.Fatal(err)
		}
		record.Key, record.Value = []byte(id), value
	}
	alert, err := new(alertLog).take(record)
	if err != nil {
		t.Fatal(err)
	}
	return alert
}

// playFeed takes every step's record and compares what is handed on.
func playFeed(t *testing.T, feed *alertFeed, steps []feedStep) {
	t.Helper()
	for _, step := range steps {
		var got []string
		for _, alert := range feed.take(step.offset, decodeFeedRecord(t, step)) {
			got = append(got, fmt.Sprintf("%s %s %d", alert.ID, alert.State, alert.Seq))
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != step.want {
			t.Errorf("offset %d, %s: handed on %q, want %q", step.offset, step.record, text, step.want)
		}
	}
}

// TestAlertFeed reads a log from its start; end is where history ends.
func TestAlertFeed(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   int64
		steps []feedStep
	}{
		{"what ended in history is not told", 4, []feedStep{
			{0, "a firing 2", ""}, {1, "a resolved 3", ""}, {2, progressKey, ""}, {3, "a", ""},
			{4, progressKey, ""}, {5, "b firing 2", "b firing 2"}}},
		{"what resolved in history is told as resolved alone", 2, []feedStep{
			{0, "a firing 2", ""}, {1, "a resolved 3", "a resolved 3"}}},
		{"what fires in history is told at its end, with its newest state", 6, []feedStep{
			{0, "a pending 1", ""}, {1, "b firing 2", ""}, {2, "a firing 2", ""}, {3, "b resolved 3", ""}, {4, "b firing 4", ""},
			{5, "c pending 1", "a firing 2, b firing 4, c pending 1"}}},
		{"what fires anew in history is told", 4, []feedStep{
			{0, "a firing 2", ""}, {1, "a resolved 3", ""}, {2, "a", ""}, {3, "a firing 2", "a firing 2"}}},
		{"history's last record is progress", 2, []feedStep{
			{0, "a firing 2", ""}, {1, progressKey, "a firing 2"}, {2, progressKey, ""}}},
		{"history's last record is the tombstone of another alert", 3, []feedStep{
			{0, "a firing 2", ""}, {1, "b resolved 3", ""}, {2, "b", "a firing 2"}}},
		{"history is progress alone", 1, []feedStep{{0, progressKey, ""}, {1, "a firing 2", "a firing 2"}}},
		{"compaction left gaps in history", 10, []feedStep{
			{3, "a firing 2", ""}, {7, "b firing 2", ""}, {9, progressKey, "a firing 2, b firing 2"}}},
		{"compaction left no record at history's end", 10, []feedStep{
			{3, "a firing 2", ""}, {12, "a resolved 3", "a resolved 3"}}},
		{"live states are told one by one, tombstones never", 1, []feedStep{
			{0, "a firing 2", "a firing 2"}, {1, "b firing 2", "b firing 2"}, {2, "a resolved 3", "a resolved 3"},
			{3, "a", ""}, {4, progressKey, ""}, {5, "unknown", ""}, {6, "a firing 2", "a firing 2"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var feeds alertFeeds
			playFeed(t, feeds.of(0, test.end), test.steps)
		})
	}
}

// TestAlertFeedKeepsWhereHistoryEnds has the partition grow while its history is read.
func TestAlertFeedKeepsWhereHistoryEnds(t *testing.T) {
	var feeds alertFeeds
	playFeed(t, feeds.of(0, 2), []feedStep{{0, "a firing 2", ""}})
	playFeed(t, feeds.of(1, 5), []feedStep{{0, "b firing 2", ""}}) // another partition has a history of its own
	playFeed(t, feeds.of(0, 9), []feedStep{{1, progressKey, "a firing 2"}, {2, "c firing 2", "c firing 2"}})
	playFeed(t, feeds.of(1, 5), []feedStep{{4, progressKey, "b firing 2"}})
}

func TestAlertFeedsDrop(t *testing.T) {
	var feeds alertFeeds
	if got := feeds.drop(0); got != nil {
		t.Errorf("a partition that was never read has alerts %v", got)
	}
	playFeed(t, feeds.of(0, 5), []feedStep{
		{0, "d firing 2", ""}, {1, "a firing 2", ""}, {2, "b firing 2", ""}, {3, "b", ""}, {4, progressKey, "a firing 2, d firing 2"},
		{5, "c pending 1", "c pending 1"}, {6, "a resolved 3", "a resolved 3"}, {7, "d", ""}})
	playFeed(t, feeds.of(1, 2), []feedStep{{0, "e firing 2", ""}})
	if got := fmt.Sprint(feeds.drop(0)); got != "[a c]" {
		t.Errorf("got %s, want those without a tombstone, sorted", got)
	}
	if got := feeds.drop(0); got != nil {
		t.Errorf("a second drop returns %v", got)
	}
	if got := fmt.Sprint(feeds.drop(1)); got != "[e]" {
		t.Errorf("got %s, want the alert that is still history", got)
	}
	// Once the partition comes back it is read from its start, and all that stands in it is history.
	playFeed(t, feeds.of(0, 3), []feedStep{{0, "a firing 2", ""}, {1, "a resolved 3", ""}, {2, progressKey, "a resolved 3"}})
}
