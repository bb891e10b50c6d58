package alertmanager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

func TestFiringIsSentAgainEachResendDelay(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("p", telemetry.AlertPending, 1)
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(30 * time.Second)
		b.want("0s a firing")
		alert := telemetry.Alert{ID: "a", Labels: map[string]string{"alertname": "a"}, State: telemetry.AlertFiring, Seq: 2,
			FiredAt: b.began, EvaluatedAt: time.Now(), Annotations: map[string]string{"summary": "refreshed"}}
		b.sink.Update([]telemetry.Alert{alert}) // only values changed
		b.advance(59 * time.Second)
		b.want("")
		b.advance(61 * time.Second)
		b.want("60s a firing")
		if last := b.fake.newest()[0]; last.Annotations["summary"] != "refreshed" || !last.StartsAt.Equal(b.began) ||
			!last.EndsAt.Equal(b.began.Add(5*time.Minute)) {
			t.Errorf("sent again: %+v", last)
		}
		b.advance(181 * time.Second)
		b.want("120s a firing; 180s a firing")
	})
}

func TestResolvedIsSentAtOnceAndAgainForItsRetention(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.put("a", telemetry.AlertResolved, 3)
		b.advance(11 * time.Second)
		b.want("0s a firing; 10s a resolved")
		b.advance(15 * time.Minute)
		if got := strings.Count(b.fake.take(), "a resolved"); got != 14 {
			t.Errorf("sent the resolved alert %d more times in 15 minutes, want 14", got)
		}
		b.tracked(1)
		b.advance(15*time.Minute + 11*time.Second)
		b.tracked(0)
		b.advance(time.Hour)
		b.want("")
	})
}

func TestInactiveEndsTheResends(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.put("p", telemetry.AlertPending, 1)
		b.advance(10 * time.Second)
		b.put("a", telemetry.AlertResolved, 3)
		b.put("p", telemetry.AlertInactive, 2)
		b.advance(20 * time.Second)
		b.put("a", telemetry.AlertInactive, 4)
		b.tracked(0)
		b.advance(time.Hour)
		b.want("0s a firing; 10s a resolved")
	})
}

// TestAnAlertFiresAnew has Seq begin anew, as it does once the rules forgot an alert.
func TestAnAlertFiresAnew(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.put("a", telemetry.AlertResolved, 3)
		b.advance(20 * time.Second)
		b.want("0s a firing; 10s a resolved")
		anew := telemetry.Alert{ID: "a", Labels: map[string]string{"alertname": "a"}, State: telemetry.AlertFiring, Seq: 2,
			ActiveAt: time.Now(), FiredAt: time.Now(), EvaluatedAt: time.Now()}
		b.sink.Update([]telemetry.Alert{anew})
		b.advance(30 * time.Second)
		b.want("20s a firing")
		if got := b.fake.newest()[0].StartsAt.Sub(b.began); got != 20*time.Second {
			t.Errorf("the new life starts at %s, want 20s", got)
		}
	})
}

func TestEveryAlertIsSentAtOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(0)
		b.want("0s a firing")
		b.advance(10 * time.Second)
		b.put("b", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.want("10s b firing")
	})
}

// TestOnlyTheNewestStateIsSent has an alert change often while Alertmanager is down.
func TestOnlyTheNewestStateIsSent(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.answers(0)
		for step := range 5 {
			b.advance(time.Duration(step) * 400 * time.Millisecond)
			b.put("a", telemetry.AlertFiring, uint64(2*step+2))
			b.put("a", telemetry.AlertResolved, uint64(2*step+3))
		}
		b.advance(1700 * time.Millisecond)
		b.fake.take()
		b.fake.answers(http.StatusOK)
		b.advance(20 * time.Second)
		if got := b.fake.take(); strings.Contains(got, "; ") || !strings.HasSuffix(got, "s a resolved") {
			t.Errorf("got %s, want one post that it resolved", got)
		}
	})
}

// TestAResolveSurvivesAnOutage has the rules forget an alert while Alertmanager is down, which still takes it for firing.
func TestAResolveSurvivesAnOutage(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.want("0s a firing")
		b.fake.answers(0)
		b.put("a", telemetry.AlertResolved, 3)
		b.advance(16 * time.Minute)
		b.put("a", telemetry.AlertInactive, 4)
		b.advance(time.Hour)
		if status := b.sink.Status()[0]; status.Waiting != 1 || status.LastError == "" || status.Failed == 0 {
			t.Errorf("while it is down: %+v", status)
		}
		b.fake.take()
		b.fake.answers(http.StatusOK)
		b.advance(time.Hour + 15*time.Second)
		if got := b.fake.take(); strings.Count(got, "a resolved") != 1 {
			t.Errorf("after the outage: got %s, want the resolve once", got)
		}
		b.tracked(0)
	})
}

// TestWhatFiresIsSentAgainAfterAnOutage: an Alertmanager that was away may have lost its memory. It hears of all that
// fires as soon as it is back, not a resend delay later: what resolves in between would resolve for nobody.
func TestWhatFiresIsSentAgainAfterAnOutage(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.put("r", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.put("r", telemetry.AlertResolved, 3)
		b.advance(20 * time.Second)
		b.want("0s a firing, r firing; 10s r resolved")
		b.fake.answers(0)
		b.put("b", telemetry.AlertFiring, 2)
		b.advance(20200 * time.Millisecond)
		b.fake.answers(http.StatusOK)
		b.advance(30 * time.Second)
		b.want("20s b firing; 20s b firing; 20s a firing")

		b.fake.answers(http.StatusServiceUnavailable) // it is there, and has its memory
		b.put("c", telemetry.AlertFiring, 2)
		b.advance(30200 * time.Millisecond)
		b.fake.answers(http.StatusOK)
		b.advance(40 * time.Second)
		b.want("30s c firing; 30s c firing")
	})
}

// TestARestartIsNoticed: nothing was due while the Alertmanager was away.
func TestARestartIsNoticed(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.restart("2027-01-15T08:00:00Z")
		b.put("a", telemetry.AlertFiring, 2)
		b.put("r", telemetry.AlertFiring, 2)
		b.advance(7 * time.Second)
		b.put("r", telemetry.AlertResolved, 3)
		b.advance(8 * time.Second)
		b.want("0s a firing, r firing; 7s r resolved")
		b.fake.restart("2027-01-15T08:00:09Z") // between two looks
		b.advance(20 * time.Second)
		b.want("10s a firing")
		b.fake.answers(0) // seen to be away, and back as what it was
		b.advance(28 * time.Second)
		b.fake.answers(http.StatusOK)
		b.advance(40 * time.Second)
		b.want("30s a firing")
		if got := b.errors(); len(got) > 0 {
			t.Errorf("looks are reported: %v", got)
		}
	})
}

func TestAnOutageIsRetriedWithGrowingPauses(t *testing.T) {
	for _, status := range []int{0, http.StatusInternalServerError, http.StatusNotFound, http.StatusMovedPermanently} {
		inBubble(t, func(b *bubble) {
			b.fake.answers(status)
			b.put("a", telemetry.AlertFiring, 2)
			b.advance(5 * time.Minute)
			// 0.5 s, 1, 2, 4, 8, then 10 s, each spread by half: between 22 and 65 attempts in all.
			if got := len(b.errors()); got < 20 || got > 65 {
				t.Errorf("status %d: %d attempts in 5 minutes", status, got)
			}
			b.fake.answers(http.StatusOK)
			b.advance(5*time.Minute + 15*time.Second)
			errs := b.errors()
			if got := errs[len(errs)-1]; got != "<nil>" {
				t.Errorf("status %d: OnError heard last %s, want nil", status, got)
			}
			if status := b.sink.Status()[0]; status.LastError != "" || status.Sent != 1 || status.LastSuccess.IsZero() {
				t.Errorf("after the outage: %+v", status)
			}
			b.fake.take()
			b.fake.answers(status)
			b.put("b", telemetry.AlertFiring, 2)
			b.advance(5*time.Minute + 16*time.Second)
			if got := len(strings.Split(b.fake.take(), "; ")); got < 2 {
				t.Errorf("status %d: %d attempts in the first second of another outage, want pauses that begin anew", status, got)
			}
			if first := errs[0]; !strings.HasPrefix(first, "post 1 alerts to http://********@am: got ") || strings.Contains(first, "secret") {
				t.Errorf("status %d: got error %s", status, first)
			}
		})
	}
}

func TestAnInstanceThatNeverAnswersIsGivenUpForThatPost(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.answers(silent)
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(11 * time.Second)
		const want = "post 1 alerts to http://********@am: got no answer within 10s: context deadline exceeded; " +
			"look whether Alertmanager hangs or a firewall drops packets"
		if got := b.sink.Status()[0].LastError; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	inBubble(t, func(b *bubble) {
		var alerts []telemetry.Alert
		for i := range 600 {
			name := fmt.Sprint("a", i)
			alerts = append(alerts, telemetry.Alert{ID: name, Labels: map[string]string{"alertname": name}, State: telemetry.AlertFiring, Seq: 2, FiredAt: b.began})
		}
		b.fake.answers(0) // the first post may leave before all are queued
		b.sink.Update(alerts)
		b.advance(0)
		b.fake.take()
		b.fake.answers(http.StatusOK)
		b.advance(10 * time.Second)
		var sizes []int
		for post := range strings.SplitSeq(b.fake.take(), "; ") {
			sizes = append(sizes, strings.Count(post, "firing"))
		}
		if got := fmt.Sprint(sizes); got != "[256 256 88]" {
			t.Errorf("posts of %s alerts, want [256 256 88]", got)
		}
	})
}

// TestARefusedAlertHoldsUpNoOther refuses every batch with the alert a7 in it, and one alert whose time JSON cannot hold.
func TestARefusedAlertHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.answer = func(alerts []sentAlert) int {
			for _, alert := range alerts {
				if alert.Labels["alertname"] == "a7" {
					return http.StatusBadRequest
				}
			}
			return http.StatusOK
		}
		for i := range 20 {
			b.put(fmt.Sprint("a", i), telemetry.AlertFiring, 2)
		}
		b.sink.Update([]telemetry.Alert{{ID: "far", State: telemetry.AlertFiring, Seq: 2, FiredAt: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}})
		b.advance(10 * time.Second)
		if status := b.sink.Status()[0]; status.Sent != 19 || status.Refused != 2 || status.Waiting != 0 || status.Failed != 0 || len(b.errors()) != 2 {
			t.Errorf("got %+v, errors %v", status, b.errors())
		}
		b.fake.take()
		b.advance(61 * time.Second)
		if got := b.fake.take(); strings.Contains(got, "a7 ") {
			t.Errorf("the refused alert is sent again: %s", got)
		}
		b.put("a7", telemetry.AlertResolved, 3)
		b.advance(62 * time.Second)
		b.want("61s a7 resolved")
		const want = "post alert a7 map[alertname:a7] to http://********@am: got answer 400 Bad Request: first line; " +
			`it is not sent again before its state changes: mend the labels of rule "a7"`
		if got := b.sink.Status()[0]; got.LastRefusal != want || got.Refused != 3 {
			t.Errorf("got  %d refused, the last %s\nwant 3, %s", got.Refused, got.LastRefusal, want)
		}
		b.advance(20 * time.Minute)
		b.tracked(20) // those that fire, and far; the resolved one is forgotten though it was refused
	})
}

func TestForgottenAlertsAreNotSentAgain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(time.Second)
		b.put("b", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.sink.Forget([]string{"a", "unknown"})
		b.advance(62 * time.Second)
		b.want("0s a firing; 1s b firing; 61s b firing")
	})
}

func TestFlush(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		if err := b.sink.Flush(b.t.Context()); err != nil {
			t.Errorf("flush: %v", err)
		}
		b.want("0s a firing")
		b.fake.answers(silent)
		b.put("b", telemetry.AlertFiring, 2)
		ctx, cancel := context.WithTimeoutCause(b.t.Context(), 25*time.Second, errStop)
		defer cancel()
		err := b.sink.Flush(ctx)
		const want = "flush http://********@am, 1 alerts wait: the test stops; its last error: post 1 alerts to"
		if !errors.Is(err, errStop) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

var errStop = errors.New("the test stops")

// TestFlushSendsAfterRunEnded has the context of Run end first, as it does when a process stops.
func TestFlushSendsAfterRunEnded(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(time.Second)
		b.fake.answers(silent)
		b.put("a", telemetry.AlertResolved, 3)
		b.advance(2 * time.Second)
		b.want("0s a firing; 1s a resolved")
		b.cancel() // ends the post under way
		b.fake.answers(http.StatusOK)
		if err := b.sink.Flush(b.t.Context()); err != nil {
			t.Errorf("flush: %v", err)
		}
		b.want("2s a resolved")
	})
}

// TestAPendingLifeEndsTheResends has an alert's condition come back while its resolve is still sent again: from then on
// nothing is, until it fires anew.
func TestAPendingLifeEndsTheResends(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.put("a", telemetry.AlertFiring, 2)
		b.advance(10 * time.Second)
		b.put("a", telemetry.AlertResolved, 3)
		b.advance(75 * time.Second)
		b.want("0s a firing; 10s a resolved; 70s a resolved")
		b.put("a", telemetry.AlertPending, 4)
		b.advance(10 * time.Minute)
		b.want("")
		b.put("a", telemetry.AlertFiring, 5)
		b.advance(10*time.Minute + time.Second)
		b.want("600s a firing")
	})
}
