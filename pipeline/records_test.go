package pipeline

import (
	"testing"
	"time"
)

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
