package alertmanager_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// tellAhead has an alert be told of that begins at a time and expires at another, both since the bubble began.
func (b *bubble) tellAhead(name string, seq uint64, begins, expires time.Duration) {
	b.sink.Update([]telemetry.Alert{{ID: name, Rule: name, Labels: map[string]string{"alertname": name}, State: telemetry.AlertFiring, Seq: seq,
		ActiveAt: b.began.Add(begins), FiredAt: b.began.Add(begins), EvaluatedAt: b.began.Add(begins), ExpiresAt: b.began.Add(expires)}})
}

func TestToldAheadUntilItBegins(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.tellAhead("a", 0, 10*time.Second, 130*time.Second)
		b.advance(time.Second)
		b.want("0s a firing")
		if sent := b.fake.newest()[0]; sent.StartsAt.Sub(b.began) != 10*time.Second || sent.EndsAt.Sub(b.began) != 130*time.Second {
			t.Errorf("got %s to %s, want the times told ahead", sent.StartsAt, sent.EndsAt)
		}
		b.tellAhead("a", 0, 10*time.Second, 130*time.Second) // by a new owner: it is the same
		b.advance(2 * time.Second)
		b.want("")
		b.put("a", telemetry.AlertFiring, 1)
		b.advance(3 * time.Second)
		b.want("2s a firing")
		b.tellAhead("a", 0, 20*time.Second, 140*time.Second) // of one that fires nothing is told
		b.advance(4 * time.Second)
		b.want("")
		b.tracked(1)
		if sent := b.fake.newest()[0]; sent.EndsAt.Sub(b.began) != 242*time.Second {
			t.Errorf("the alert ends at %s, want four resends from when it was sent", sent.EndsAt)
		}
		b.advance(65 * time.Second)
		b.want("62s a firing")
	})
}

func TestToldAheadExpires(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.tellAhead("a", 0, 10*time.Second, 70*time.Second)
		b.advance(61 * time.Second)
		b.want("0s a firing; 60s a firing")
		b.advance(69 * time.Second)
		b.tracked(1)
		b.advance(71 * time.Second)
		b.tracked(0)
		b.tellAhead("b", 0, 10*time.Second, 71*time.Second) // over
		b.advance(72 * time.Second)
		b.want("")
		b.fake.answers(0)
		b.tellAhead("c", 0, 80*time.Second, 90*time.Second)
		b.advance(90 * time.Second)
		b.fake.take()
		b.fake.answers(http.StatusOK)
		b.advance(106 * time.Second) // the instance was away until it expired, and a pause after a failure lasts 15 s at most
		b.want("")
		b.tracked(0)
	})
}

func TestToldAheadAfterAnotherLife(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 1)
		b.advance(time.Second)
		over := b.put("a", telemetry.AlertResolved, 2)
		b.advance(2 * time.Second)
		b.want("0s a firing; 1s a resolved")
		b.tellAhead("a", 2, 10*time.Second, 130*time.Second)
		b.sink.Update([]telemetry.Alert{over}) // written again by a new owner: it is of the life before
		b.advance(3 * time.Second)
		b.want("2s a firing")
		b.advance(120 * time.Second)
		b.want("62s a firing") // what resolved is not sent again: it would end what was told
		b.put("a", telemetry.AlertFiring, 1)
		b.advance(121 * time.Second)
		b.put("a", telemetry.AlertResolved, 2)
		b.advance(122 * time.Second)
		b.want("120s a firing; 121s a resolved")
		b.tellAhead("a", 2, 130*time.Second, 250*time.Second)
		b.sink.Forget([]string{"a"})
		b.tracked(0)
	})
}

// TestToldAheadBeforeTheLifeBefore has a notifier begin with both: the life before ended before it, and to tell of that would end
// what another told ahead.
func TestToldAheadBeforeTheLifeBefore(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.tellAhead("a", 2, 10*time.Second, 130*time.Second)
		b.put("a", telemetry.AlertResolved, 2)
		b.advance(time.Second)
		b.want("0s a firing")
		b.tracked(1)
		b.tellAhead("b", 2, -10*time.Second, 0) // has expired
		b.put("b", telemetry.AlertResolved, 2)
		b.advance(2 * time.Second)
		b.want("1s b resolved")
	})
}

// TestToldAheadInPlaceOfAnEnd has an instance be away while alerts resolve and are told ahead: in its post the end of the life
// before has no place, as it would end what is told where it comes last.
func TestToldAheadInPlaceOfAnEnd(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.answers(0)
		names := []string{"a", "b", "c", "d", "e"} // enough for a queue to order them anew
		for _, name := range names {
			b.put(name, telemetry.AlertResolved, 2)
		}
		for _, name := range names {
			b.tellAhead(name, 2, 10*time.Second, 130*time.Second)
		}
		b.tracked(len(names))
		b.advance(time.Second)
		b.fake.answers(http.StatusOK)
		b.advance(20 * time.Second)
		if got := b.fake.newest(); len(got) != len(names) {
			t.Errorf("got %d alerts in the post, want %d", len(got), len(names))
		}
		for _, alert := range b.fake.newest() {
			if !alert.EndsAt.After(time.Now()) {
				t.Errorf("%s is told to have resolved", alert.Labels["alertname"])
			}
		}
	})
}

// TestAlertmanagerMergesWhatWasToldAhead has a real one hear ahead of an alert, and then that it began earlier: startsAt moves
// back, what it says is replaced, and the chat hears of it once, and once that it is over.
func TestAlertmanagerMergesWhatWasToldAhead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sink := run(t, alertmanager.Config{URLs: []string{h.server.URL()}})
	alert := firing("Early")
	told := alert
	told.FiredAt = alert.FiredAt.Add(70 * time.Second)
	told.ActiveAt, told.EvaluatedAt, told.ExpiresAt = told.FiredAt, told.FiredAt, told.FiredAt.Add(2*time.Minute)
	told.Seq, told.Annotations = 0, map[string]string{"summary": "told ahead"}
	sink.Update([]telemetry.Alert{told})
	flush(t, sink)
	if starts, summary := h.stored(t); !starts.Equal(told.FiredAt) || summary != "told ahead" {
		t.Errorf("Alertmanager has it from %s, %q", starts, summary)
	}
	h.await("Early", "firing")
	sink.Update([]telemetry.Alert{alert})
	flush(t, sink)
	if starts, summary := h.stored(t); !starts.Equal(alert.FiredAt) || summary != "orders are late" {
		t.Errorf("Alertmanager has it from %s, %q, want %s", starts, summary, alert.FiredAt)
	}
	sink.Update([]telemetry.Alert{resolved(alert)})
	flush(t, sink)
	h.await("Early", "resolved")
	var heard []string
	for _, n := range h.chat.Notifications() {
		heard = append(heard, n.Status)
	}
	if len(heard) != 2 {
		t.Errorf("the chat heard %v, want that it fires, and that it resolved", heard)
	}
}

// stored is since when Alertmanager takes its one alert for firing, and what that says.
func (h *house) stored(t *testing.T) (time.Time, string) {
	t.Helper()
	response, err := http.Get(h.server.URL() + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var alerts []sentAlert
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil || len(alerts) != 1 {
		t.Fatalf("got %+v: %v", alerts, err)
	}
	return alerts[0].StartsAt, alerts[0].Annotations["summary"]
}
