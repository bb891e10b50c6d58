package collect_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// brokers is a cluster whose polls take so long and find out so much.
type brokers struct {
	takes   time.Duration
	reports []telemetry.Report
	err     error
	began   []time.Duration // since the first poll
	first   time.Time
}

func (b *brokers) Poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	if b.first.IsZero() {
		b.first = at
	}
	b.began = append(b.began, at.Sub(b.first))
	timer := time.NewTimer(b.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return b.reports, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// failed are reports of a broker whose heartbeats failed so often in a row.
func failed(inARow float64) []telemetry.Report {
	return []telemetry.Report{{Schema: telemetry.Schema, Gauges: []telemetry.Gauge{{Name: telemetry.GaugeHeartbeatFailed, Value: inARow}}}}
}

// TestPollsBegin says when polls begin, by what they take and find out.
func TestPollsBegin(t *testing.T) {
	one := []telemetry.Report{{Schema: telemetry.Schema}}
	refused := errors.New("refused")
	for _, c := range []struct {
		name      string
		cluster   brokers
		want      []float64 // seconds
		err       string
		published int
	}{
		{"each interval", brokers{takes: time.Second, reports: one}, []float64{0, 5, 10, 15, 20, 25, 30}, "", 7},
		{"as often where a part is missing", brokers{takes: time.Second, reports: one, err: refused}, []float64{0, 5, 10, 15, 20, 25, 30}, "refused", 7},
		{"half of the time where the cluster is slow", brokers{takes: 3 * time.Second, reports: one}, []float64{0, 6, 12, 18, 24, 30}, "", 5},
		{"sooner where a broker may be away", brokers{takes: 2 * time.Second, reports: failed(2)}, []float64{0, 2.5, 5, 10, 15, 20, 25, 30}, "", 7},
		{"not at once where that takes long", brokers{takes: 4 * time.Second, reports: failed(1)}, []float64{0, 4, 8, 16, 24}, "", 5},
		{"each interval where it is away", brokers{takes: time.Second, reports: failed(3)}, []float64{0, 5, 10, 15, 20, 25, 30}, "", 7},
		{"less often where nothing is found out", brokers{err: refused}, []float64{0, 10, 30}, "refused", 0},
		{"less often where nothing is said", brokers{}, []float64{0, 10, 30}, "the cluster says nothing", 0},
		{"less often where a poll does not end", brokers{takes: time.Hour}, []float64{0, 10, 30}, "context deadline exceeded", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 31*time.Second+time.Second/2)
				defer cancel()
				published, last := 0, ""
				loop := collect.Loop{Poller: &c.cluster, Interval: 5 * time.Second, Publish: func(r []telemetry.Report) { published += len(r) },
					Done: func(o collect.Outcome) {
						if last = ""; o.Err != nil {
							last = o.Err.Error()
						}
					}}
				loop.Run(ctx)
				if len(c.cluster.began) != len(c.want) {
					t.Fatalf("polls began at %v, want %v seconds", c.cluster.began, c.want)
				}
				for i, want := range c.want {
					if got := c.cluster.began[i]; got.Seconds() != want {
						t.Errorf("poll %d began after %s, want %gs", i, got, want)
					}
				}
				if last != c.err || published != c.published {
					t.Errorf("the last poll says %q and %d reports were published, want %q and %d", last, published, c.err, c.published)
				}
			})
		})
	}
}
