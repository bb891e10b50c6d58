package applied

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// curveMessages is how many messages a cold limit lets through by a time under full load, as the curve in warmUp's comment
// has it: the integral of 1 / sqrt(cold² - t * (cold² - stable²) / ramp), and then the full rate.
func curveMessages(perSecond, coldFactor, rampSeconds, seconds float64) float64 {
	stable := 1 / perSecond
	cold := stable * coldFactor
	in := min(seconds, rampSeconds)
	slope := (cold*cold - stable*stable) / rampSeconds
	messages := 2 * (cold - math.Sqrt(cold*cold-in*slope)) / slope
	return messages + (seconds-in)*perSecond
}

// late is how much later than it wanted somebody wakes who waits: timers of a busy machine are some hundred microseconds late, and
// now and then more.
func late(number int) time.Duration {
	if number%100 == 99 {
		return 5 * time.Millisecond
	}
	return time.Duration(number%7) * 100 * time.Microsecond
}

// TestWarmUpFollowsItsCurve sends as fast as limits allow, and holds how many messages got through by each time.
func TestWarmUpFollowsItsCurve(t *testing.T) {
	t.Parallel()
	const allowed = 0.10 // of the curve
	for _, test := range []struct{ perSecond, coldFactor, rampSeconds float64 }{
		{100, 3, 10}, {1000, 3, 10}, {50, 2, 5}, {200, 10, 30}, {2000, 3, 60},
	} {
		t.Run(fmt.Sprintf("%g per second, a %gth, %g s", test.perSecond, test.coldFactor, test.rampSeconds), func(t *testing.T) {
			t.Parallel()
			w := newWarmUp(0, test.perSecond, test.coldFactor, time.Duration(test.rampSeconds*float64(time.Second)))
			now, sent, worst := time.Duration(0), 0, 0.0
			for checked := 1.0; checked <= 2*test.rampSeconds; {
				came := now
				if left := w.wait(now); left > 0 {
					now += left + late(sent)
				}
				for ; checked <= now.Seconds() && checked <= 2*test.rampSeconds; checked++ {
					want := curveMessages(test.perSecond, test.coldFactor, test.rampSeconds, checked)
					off := math.Abs(float64(sent)-want) / want
					worst = max(worst, off)
					if off > allowed {
						t.Errorf("after %g s %d messages: want %.1f within %g%%", checked, sent, want, 100*allowed)
					}
				}
				w.take(came, now, 1)
				sent++
			}
			t.Logf("at most %.2f%% off its curve", 100*worst)
		})
	}
}

// TestWarmUpBeginsLowAndCools holds the rates at its beginning, after the ramp, and after it was idle.
func TestWarmUpBeginsLowAndCools(t *testing.T) {
	t.Parallel()
	const perSecond, coldFactor, ramp = 100.0, 4.0, 10 * time.Second
	w := newWarmUp(0, perSecond, coldFactor, ramp)
	now := time.Duration(0)
	within := func(span time.Duration) (perSecond float64) {
		sent, end := 0, now+span
		for now += w.wait(now); now < end; now += w.wait(now) {
			w.take(now, now, 1)
			sent++
		}
		return float64(sent) / span.Seconds()
	}
	rate := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.1*want {
			t.Errorf("%s: %.1f messages per second, want %.1f", what, got, want)
		}
	}
	rate("at the beginning", within(time.Second), perSecond/coldFactor)
	within(ramp)
	rate("after the ramp", within(time.Second), perSecond)
	now += ramp / 2
	if got := within(time.Second); got < 1.1*perSecond/coldFactor || got > 0.95*perSecond {
		t.Errorf("after half a ramp of idleness: %.1f messages per second, want between cold and full", got)
	}
	now += 10 * ramp
	rate("after it was idle for long", within(time.Second), perSecond/coldFactor)
	within(ramp)
	w.change(now, 2*perSecond, coldFactor, ramp)
	rate("warm, at twice the rate", within(time.Second), 2*perSecond)
	cold := newWarmUp(0, perSecond, 1, ramp)
	w, now = cold, 0
	rate("with a cold factor of 1", within(time.Second), perSecond)
}

// TestWhoWakesLateIsNotIdle sends one message after the other on a machine so busy that whoever waits wakes 40 ms late: the limit opens all the same.
func TestWhoWakesLateIsNotIdle(t *testing.T) {
	t.Parallel()
	const perSecond, ramp, late, acknowledged = 120.0, 10 * time.Second, 40 * time.Millisecond, 10 * time.Millisecond
	w := newWarmUp(0, perSecond, 3, ramp)
	sent := 0
	for now := time.Duration(0); now < 3*ramp; now += acknowledged {
		came := now
		if left := w.wait(now); left > 0 {
			now += left + late
		}
		w.take(came, now, 1)
		if now >= 2*ramp {
			sent++
		}
	}
	if got, alone := float64(sent)/ramp.Seconds(), float64(time.Second/acknowledged); got < 0.9*alone || got > perSecond {
		t.Errorf("after two ramps %.1f messages per second, want about %.0f: so many the sender has acknowledged, and %.0f are allowed", got, alone, perSecond)
	}
}

// TestABatchWaitsOnce holds that a batch waits no longer than a message, and whoever comes next for all of it.
func TestABatchWaitsOnce(t *testing.T) {
	t.Parallel()
	w := newWarmUp(0, 10, 1, 0)
	w.take(0, 0, 50)
	if got := w.wait(0); got != 5*time.Second {
		t.Errorf("after a batch of 50 at 10 per second the next waits %s, want 5s", got)
	}
	w.change(time.Second, 100, 1, 0)
	if got := w.wait(time.Second); got != 400*time.Millisecond {
		t.Errorf("when the rate is ten times as high after a second, the next waits %s, want 400ms", got)
	}
}

// limited is a queue that waits for a limiter at so many messages per second.
func limited(perSecond float64) *queue {
	q := newQueue()
	q.use(newLimiter(sendLimit{command: "slow@1", perSecond: perSecond, coldFactor: 1}))
	return q
}

// TestLimiterWaitsAndThenSays holds that who waits too long is told so with the command's name, and takes nothing from the others.
func TestLimiterWaitsAndThenSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := limited(1)
		began := time.Now()
		if err := q.wait(t.Context(), 1); err != nil || time.Since(began) != 0 {
			t.Fatalf("the first waits %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		err := q.wait(ctx, 1)
		const want = "a send limit is in force: command slow@1 allows 1 messages per second, 1 wait; the message was not sent: context deadline exceeded"
		if !errors.Is(err, ErrSendLimited) || !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
		if err := q.wait(t.Context(), 1); err != nil || time.Since(began) != time.Second {
			t.Errorf("the next is let through after %s: %v; want 1s", time.Since(began), err)
		}
	})
}

// TestLiftedLimitLetsAllThrough holds that nobody waits for a limit that is there no longer, and that a changed one counts at once.
func TestLiftedLimitLetsAllThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := limited(1)
		var through atomic.Int64
		for range 100 {
			go func() {
				if q.wait(t.Context(), 1) == nil {
					through.Add(1)
				}
			}()
		}
		pass(2500 * time.Millisecond)
		if got := through.Load(); got != 3 {
			t.Errorf("%d are through after 2.5 s at 1 per second, want 3", got)
		}
		q.limiter.change(sendLimit{command: "slow@2", perSecond: 10, coldFactor: 1})
		pass(300 * time.Millisecond)
		if got := through.Load(); got < 5 {
			t.Errorf("%d are through 0.3 s after the limit became 10 per second, want 5 at least: who waited is not woken", got)
		}
		pass(1300 * time.Millisecond)
		if got := through.Load(); got < 18 || got > 20 {
			t.Errorf("%d are through 1.6 s after the limit became 10 per second, want 18 to 20", got)
		}
		q.use(nil)
		synctest.Wait()
		if got := through.Load(); got != 100 {
			t.Errorf("%d of 100 are through when the limit is lifted", got)
		}
	})
}
