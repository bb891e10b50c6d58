package alertmanager

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

var epoch = time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)

// at is a state of an alert, evaluated some seconds after the epoch in a life that began at 0.
func at(id string, state telemetry.AlertState, seq uint64, seconds int) *telemetry.Alert {
	now := epoch.Add(time.Duration(seconds) * time.Second)
	alert := &telemetry.Alert{ID: id, State: state, Seq: seq, ActiveAt: epoch, FiredAt: epoch, EvaluatedAt: now}
	if state == telemetry.AlertResolved {
		alert.ResolvedAt = now
	}
	return alert
}

// drain takes all that is due, acknowledges it and returns the states.
func drain(q *queue, now time.Time) []string {
	var out []string
	for {
		batch, _ := q.take(now, maxBatch)
		if len(batch) == 0 {
			return out
		}
		for _, p := range batch {
			out = append(out, fmt.Sprintf("%s %s %d", p.alert.ID, p.alert.State, p.alert.Seq))
		}
		q.settle(batch, acknowledged, now)
	}
}

func TestSupersedes(t *testing.T) {
	anew := at("a", telemetry.AlertFiring, 2, 1000)
	anew.ActiveAt = epoch.Add(990 * time.Second)
	for _, test := range []struct {
		name       string
		next, held *telemetry.Alert
		want       bool
	}{
		{"a transition", at("a", telemetry.AlertResolved, 3, 60), at("a", telemetry.AlertFiring, 2, 30), true},
		{"an older transition", at("a", telemetry.AlertFiring, 2, 30), at("a", telemetry.AlertResolved, 3, 60), false},
		{"a refresh", at("a", telemetry.AlertFiring, 2, 60), at("a", telemetry.AlertFiring, 2, 30), true},
		{"an older refresh", at("a", telemetry.AlertFiring, 2, 30), at("a", telemetry.AlertFiring, 2, 60), false},
		{"the same again", at("a", telemetry.AlertFiring, 2, 30), at("a", telemetry.AlertFiring, 2, 30), false},
		{"a transition that is evaluated again after a crash", at("a", telemetry.AlertResolved, 3, 20), at("a", telemetry.AlertFiring, 2, 30), true},
		{"a new life whose Seq began anew", anew, at("a", telemetry.AlertResolved, 3, 60), true},
		{"the life before", at("a", telemetry.AlertResolved, 3, 60), anew, true}, // Seq decides; the log never goes back
	} {
		if got := supersedes(test.next, test.held); got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}

func TestQueueKeepsTheNewestState(t *testing.T) {
	q, now := newQueue(time.Minute, 10), epoch.Add(time.Hour)
	q.put(at("a", telemetry.AlertFiring, 2, 0), now)
	q.put(at("a", telemetry.AlertResolved, 3, 60), now)
	q.put(at("a", telemetry.AlertFiring, 2, 30), now)
	q.put(at("b", telemetry.AlertPending, 1, 60), now)
	if got := fmt.Sprint(drain(q, now)); got != "[a resolved 3]" {
		t.Errorf("got %s, want the resolved state alone", got)
	}
	if tracked, _, _ := q.counts(); tracked != 0 {
		t.Errorf("%d alerts are tracked, want none: retention was over when it was acknowledged", tracked)
	}
}

func TestQueueSendsWhatChangedInFlight(t *testing.T) {
	q, now := newQueue(time.Minute, 10), epoch.Add(time.Hour)
	q.put(at("a", telemetry.AlertFiring, 2, 0), now)
	batch, _ := q.take(now, maxBatch)
	q.put(at("a", telemetry.AlertResolved, 3, 60), now)
	if again, _ := q.take(now, maxBatch); len(again) != 0 {
		t.Fatalf("took %d alerts while the post of the first state is under way", len(again))
	}
	q.settle(batch, acknowledged, now)
	if got := fmt.Sprint(drain(q, now)); got != "[a resolved 3]" {
		t.Errorf("got %s, want the state that came meanwhile", got)
	}
}

func TestQueueForgetsInFlight(t *testing.T) {
	q, now := newQueue(time.Minute, 10), epoch.Add(time.Hour)
	q.put(at("a", telemetry.AlertFiring, 2, 0), now)
	batch, _ := q.take(now, maxBatch)
	q.forget([]string{"a", "unknown"})
	q.settle(batch, failed, now)
	if got := drain(q, now.Add(time.Hour)); got != nil {
		t.Errorf("got %v after the alert was forgotten", got)
	}
}

// TestQueueResolvesWhatEnded feeds states that skip the resolved one, as a compacted log may.
func TestQueueResolvesWhatEnded(t *testing.T) {
	for _, state := range []telemetry.AlertState{telemetry.AlertPending, telemetry.AlertInactive} {
		q, now := newQueue(time.Minute, 10), epoch.Add(time.Minute)
		q.put(at("a", telemetry.AlertFiring, 2, 0), now)
		drain(q, now)
		q.put(at("a", state, 4, 60), now)
		if got := fmt.Sprint(drain(q, now)); got != "[a resolved 4]" {
			t.Errorf("%s after firing: got %s, want it resolved", state, got)
		}
	}
}

func TestQueueDropsAnInactiveAlertOnceItIsKnownToHaveResolved(t *testing.T) {
	q, now := newQueue(time.Minute, 10), epoch.Add(time.Minute)
	q.put(at("a", telemetry.AlertFiring, 2, 0), now)
	q.put(at("a", telemetry.AlertResolved, 3, 60), now)
	q.put(at("a", telemetry.AlertInactive, 4, 60), now)
	batch, _ := q.take(now, maxBatch)
	q.settle(batch, failed, now)
	if tracked, waiting, _ := q.counts(); tracked != 1 || waiting != 1 {
		t.Fatalf("after a failed post %d alerts are tracked and %d wait, want 1 and 1", tracked, waiting)
	}
	if got := fmt.Sprint(drain(q, now)); got != "[a resolved 3]" {
		t.Errorf("got %s, want the resolved state", got)
	}
	if tracked, _, _ := q.counts(); tracked != 0 {
		t.Errorf("%d alerts are tracked, want none", tracked)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q, now := newQueue(time.Minute, 3), epoch.Add(time.Minute)
	q.put(at("old", telemetry.AlertResolved, 3, 10), now)
	q.put(at("young", telemetry.AlertResolved, 3, 20), now)
	for i := range 3 {
		q.put(at(fmt.Sprint("firing", i), telemetry.AlertFiring, 2, 30), now)
	}
	q.put(at("one too many", telemetry.AlertFiring, 2, 30), now)
	q.put(at("firing1", telemetry.AlertFiring, 2, 40), now) // a refresh needs no room
	if tracked, _, overflowed := q.counts(); tracked != 3 || overflowed != 3 {
		t.Errorf("got %d alerts and %d turned away, want 3 and 3: two that resolved and the fourth that fires", tracked, overflowed)
	}
	sent := drain(q, now)
	slices.Sort(sent)
	if got := fmt.Sprint(sent); got != "[firing0 firing 2 firing1 firing 2 firing2 firing 2]" {
		t.Errorf("got %s, want those that fired first", got)
	}
	q.put(at("firing1", telemetry.AlertResolved, 3, 50), now)
	q.put(at("one too many", telemetry.AlertFiring, 2, 60), now)
	if tracked, _, overflowed := q.counts(); tracked != 3 || overflowed != 4 {
		t.Errorf("got %d alerts and %d turned away, want 3 and 4: the one that resolved makes room", tracked, overflowed)
	}
	q.put(at("firing0", telemetry.AlertResolved, 3, 50), now)
	drain(q, now)
	q.put(at("another", telemetry.AlertFiring, 2, 60), now)
	if tracked, _, overflowed := q.counts(); tracked != 3 || overflowed != 4 {
		t.Errorf("got %d alerts and %d turned away, want 3 and 4: the one that made room was told", tracked, overflowed)
	}
}
