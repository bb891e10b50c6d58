package weir

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestAClusterThatGoesAwayBeforeItIsReadIsTriedAgain has a cluster answer, and be gone when it is about to be read: where the resource is now, and where it was.
func TestAClusterThatGoesAwayBeforeItIsReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("start a consumer: %w", ErrAway)
	for name, places := range map[string][]string{"the newest": {"a"}, "a former one": {"a", "b"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTown("a", "b")
				c := settler(t, w, places...)
				w.happened()
				const tries = 3
				for range tries {
					w.clusters["a"].failing <- away
					synctest.Wait()
					if err := c.State().Err; !errors.Is(err, ErrAway) {
						t.Errorf("got state %v, want that it is away", err)
					}
					w.wantEvents(t, "at once")
					after(moveRetry)
					w.wantEvents(t, "after a while", "open a", "close a", "read a")
					if err := c.State().Err; err != nil {
						t.Errorf("when it is read: got state %v", err)
					}
				}
				w.say("a", func(a *cluster) { a.ready = errors.New("nobody listens") })
				w.clusters["a"].failing <- away
				after(10 * moveRetry)
				w.wantEvents(t, "while it is away", "open a", "close a")
				w.say("a", func(a *cluster) { a.ready = nil })
				after(moveRetry)
				w.wantEvents(t, "when it is back", "read a")
				w.clusters["a"].failing <- away
				synctest.Wait()
				began := time.Now()
				if err := c.end(); err != nil || time.Since(began) > 0 {
					t.Errorf("at the end: got %v after %s", err, time.Since(began))
				}
			})
		})
	}
}
