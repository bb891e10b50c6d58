package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestWhatWasRefusedIsNotWrittenAgain: what readers refused is left out until it asks something else, or the broker's clock may have come so far.
func TestWhatWasRefusedIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	now, set, refusals := time.Now(), control.NewSet(), controlRefusals{}
	ahead := func(c *control.Command) { c.Name, c.CreatedAt = "ahead", now.Add(20*time.Minute).UTC() }
	written := []controlChange{limitOfOrders(set, now, ahead), limitOfOrders(set, now, asItIs)}
	_, logs := controlLogs(t, 1)
	if err := logs[0].write(t.Context(), written); !errors.Is(err, errRefusedByReaders) {
		t.Fatal(err)
	}
	refusals.note(written, now)
	again := func(at time.Time, edit func(*control.Command)) (controlChange, error) {
		changes := []controlChange{limitOfOrders(set, now, edit), limitOfOrders(set, now, asItIs)}
		err := refusals.leaveOut(changes, at)
		if !changes[1].writes() {
			t.Error("what was taken is left out")
		}
		return changes[0], err
	}
	if change, err := again(now.Add(controlRefusedFor-time.Second), ahead); change.writes() || err == nil || !strings.Contains(err.Error(), "command ahead is not written again before") {
		t.Errorf("what was refused is %s: %v", change.Change, err)
	}
	if change, err := again(now, func(c *control.Command) { ahead(c); c.Percent = 50 }); !change.writes() || err != nil {
		t.Errorf("what asks something else is %s: %v", change.Change, err)
	}
	if change, err := again(now.Add(controlRefusedFor), ahead); !change.writes() || err != nil {
		t.Errorf("after a while it is %s: %v", change.Change, err)
	}
	refusals.note(nil, now.Add(controlRefusedFor))
	if len(refusals) != 0 {
		t.Errorf("%d are kept for longer than they count", len(refusals))
	}
}

// TestWhatHadNoRoomIsWrittenAgain: a refusal for want of room is not kept, as room is made by others.
func TestWhatHadNoRoomIsWrittenAgain(t *testing.T) {
	t.Parallel()
	refusals := controlRefusals{}
	for reason, kept := range map[control.Reason]int{control.ReasonBeyond: 0, control.ReasonInvalid: 1} {
		change := controlChange{key: "command/limit"}
		if err := change.settle(control.Change{Outcome: control.OutcomeRefused, Reason: reason, Err: errors.New("as it is")}, true); !errors.Is(err, errRefusedByReaders) {
			t.Errorf("%s: got %v", reason, err)
		}
		clear(refusals)
		if refusals.note([]controlChange{change}, time.Now()); len(refusals) != kept {
			t.Errorf("%s: %d refusals are kept, want %d", reason, len(refusals), kept)
		}
	}
}
