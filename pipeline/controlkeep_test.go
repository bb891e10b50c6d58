package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestWhatReadersWouldRefuseIsNotWritten: with as many commands held as may be, new ones of files are left out, and nothing else is.
func TestWhatReadersWouldRefuseIsNotWritten(t *testing.T) {
	t.Parallel()
	now, set := time.Now(), control.NewSet()
	for i := range control.MaxCommands {
		plan := func() []controlChange {
			return []controlChange{{Change: changeNew, Kind: kindCommand}, {Change: changeChanged, Kind: kindCommand}, {Change: changeNew, Kind: kindRoute}}
		}
		if changes := plan(); i%500 == 499 && (leaveOutBeyond(changes, set, now) != 0 || !changes[0].writes()) {
			t.Errorf("with %d held a new one is left out", i)
		}
		command := aPause(fmt.Sprintf("c%d", i))
		value, err := command.Encode()
		if err != nil {
			t.Fatal(err)
		}
		set.Feed(control.Record{Key: []byte(command.Key()), Value: value, Offset: int64(i), AppendedAt: now}, now)
		if i+1 < control.MaxCommands {
			continue
		}
		changes := plan()
		if left := leaveOutBeyond(changes, set, now); left != 1 || changes[0].writes() || !changes[1].writes() || !changes[2].writes() {
			t.Errorf("with all held %d are left out: %+v", left, changes)
		}
	}
}
