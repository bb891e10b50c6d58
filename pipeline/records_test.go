package pipeline

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestDecodeAlerts holds that the newest state of each alert counts, that a
// tombstone ends one, and that progress is not an alert.
func TestDecodeAlerts(t *testing.T) {
	record := func(key, value string) *kgo.Record { return &kgo.Record{Key: []byte(key), Value: []byte(value)} }
	latest, until, err := decodeAlerts([]*kgo.Record{
		record("a", `{"id":"a","state":"pending","seq":1}`),
		record("b", `{"id":"b","state":"firing","seq":1}`),
		record(progressKey, `{"evaluated_until":"2027-01-15T08:00:00Z"}`),
		record("a", `{"id":"a","state":"firing","seq":2}`),
		record("b", ""),
		record(progressKey, `{"evaluated_until":"2027-01-15T08:00:10Z"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(latest) != 1 || latest["a"].State != telemetry.AlertFiring {
		t.Errorf("got %+v, want a firing and b gone", latest)
	}
	if want := time.Date(2027, 1, 15, 8, 0, 10, 0, time.UTC); !until.Equal(want) {
		t.Errorf("got progress %s, want %s", until, want)
	}
	if _, _, err := decodeAlerts([]*kgo.Record{record("a", "{")}); err == nil {
		t.Error("a broken state is accepted")
	}
}

func TestReplayMarksKeepWhatIsNeeded(t *testing.T) {
	var marks replayMarks
	epoch := time.Unix(1_800_000_000, 0)
	for i := range 100 {
		marks.note(int64(i*10), epoch.Add(time.Duration(i)*time.Second))
		marks.note(int64(i*10+5), epoch.Add(time.Duration(i)*time.Second-30*time.Second)) // late data does not move a mark
	}
	offset, ok := marks.trim(epoch.Add(50 * time.Second))
	if !ok || offset != 500 {
		t.Errorf("got offset %d, %t; want 500: the first record of second 50", offset, ok)
	}
	if _, ok := marks.trim(epoch.Add(50 * time.Second)); ok {
		t.Error("trimmed twice to the same time")
	}
	if offset, _ := marks.trim(epoch.Add(time.Hour)); offset != 990 {
		t.Errorf("got offset %d, want 990: the last stretch stays", offset)
	}
}
