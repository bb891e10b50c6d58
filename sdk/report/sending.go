package report

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// jitterShare is how much of an interval the reports of different reporters are
// spread over.
const jitterShare = 0.2

// urgency says which meters are reported.
type urgency int

const (
	due   urgency = iota // those with something to say, while the telemetry cluster keeps up
	final                // all with something to say
)

// report reports until ctx ends.
func (r *Reporter) report(ctx context.Context) {
	timer := time.NewTimer(r.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.registry.IntervalChanged():
			timer.Reset(r.pause())
			continue
		case <-timer.C:
		}
		r.registry.Clock.Adjust()
		now := r.registry.Clock.WallMillis()
		for _, measured := range r.registry.Clients() {
			measured.Look(now)
		}
		r.sendAll(due)
		r.forgetSpent(now)
		timer.Reset(r.pause())
	}
}

// pause is the interval with jitter, so that the clients of a fleet do not report at once.
func (r *Reporter) pause() time.Duration {
	return time.Duration(float64(r.registry.Interval(r.config.Interval)) * (1 + jitterShare*(rand.Float64()-0.5)))
}

// sendAll reports every meter that has something to say.
func (r *Reporter) sendAll(how urgency) {
	now := r.registry.Clock.WallMillis()
	for _, measured := range r.registry.Clients() {
		present := measured.ClosedFor(now) == 0
		for m := range measured.All {
			if m.Due(now, present) {
				r.send(measured, m, how)
			}
		}
	}
}

// forgetSpent lets go of closed clients. Counts that they still hold are lost.
func (r *Reporter) forgetSpent(nowMillis int64) { r.lost.Add(r.registry.ForgetSpent(nowMillis)) }

// send reports one meter. While the telemetry cluster does not keep up the meter
// goes on counting; what it counted longer than one report can say is dropped.
func (r *Reporter) send(measured *meter.Client, m *meter.Meter, how urgency) {
	now := r.registry.Clock.WallMillis()
	full := how == due && r.waiting.Load() >= int64(r.config.MaxBufferedReports)
	if full && now-m.Since() < meter.MaxReportMillis {
		return
	}
	m.Take(&r.taken, measured, now)
	report := &r.taken.Report
	report.Schema = telemetry.Schema
	carried := report.DroppedReports
	if full {
		r.drop(m, carried)
		return
	}
	value, err := telemetry.MarshalReport(report)
	if err != nil { // only text that is not UTF-8 can do it
		r.drop(m, carried)
		return
	}
	record := &kgo.Record{Topic: telemetry.TopicTelemetry, Key: []byte(report.Labels.Client), Value: value}
	r.waiting.Add(1)
	measured.AddWaiting(1)
	r.producer.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
		if err != nil {
			r.drop(m, carried)
		} else {
			r.acknowledged.Add(1)
		}
		measured.AddWaiting(-1)
		r.waiting.Add(-1)
	})
}

// drop counts a lost report, and those that it would have told of, for a later one.
func (r *Reporter) drop(m *meter.Meter, carried uint64) {
	r.lost.Add(1)
	m.Dropped(1 + carried)
}
