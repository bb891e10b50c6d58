package weir

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	// presenceInterval is how often a topic without messages is reported, so that its
	// client is known to be there. Not smaller: silence would cost as much as traffic;
	// not larger: a client missing in two panes counts as gone.
	presenceInterval = 10 * time.Second
	// maxReportMillis is the longest interval of one report: the ingest stage refuses
	// longer ones.
	maxReportMillis = int64(9 * time.Minute / time.Millisecond)
	// jitterShare is how much of an interval the reports of different clients are
	// spread over.
	jitterShare = 0.2
)

// urgency says which meters are reported.
type urgency int

const (
	due   urgency = iota // those with something to say, while the telemetry cluster keeps up
	final                // all with something to say
)

// report reports until ctx ends.
func (c *Client) report(ctx context.Context) {
	timer := time.NewTimer(c.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		c.clock.adjust()
		now := c.clock.wallMillis(c.clock.now())
		for _, h := range c.snapshot() {
			h.look(now)
		}
		c.sendAll(due)
		c.forgetSpent(now)
		timer.Reset(c.pause())
	}
}

// pause is the interval with jitter, so that the clients of a fleet do not report at once.
func (c *Client) pause() time.Duration {
	return time.Duration(float64(c.config.Interval) * (1 + jitterShare*(rand.Float64()-0.5)))
}

// sendAll reports every meter that has something to say.
func (c *Client) sendAll(how urgency) {
	now := c.clock.wallMillis(c.clock.now())
	for _, h := range c.snapshot() {
		present := h.closedFor(now) == 0
		for m := range h.all {
			if m.due(now, present) {
				c.send(h, m, how)
			}
		}
	}
}

// send reports one meter. While the telemetry cluster does not keep up the meter
// goes on counting; what it counted longer than one report can say is dropped.
func (c *Client) send(h *Hooks, m *meter, how urgency) {
	now := c.clock.wallMillis(c.clock.now())
	full := how == due && c.waiting.Load() >= int64(c.config.MaxBufferedReports)
	if full && now-m.since() < maxReportMillis {
		return
	}
	m.take(&c.taken, now)
	r := &c.taken.report
	carried := r.DroppedReports
	if full {
		c.drop(m, carried)
		return
	}
	h.mu.Lock()
	r.Schema, r.Labels = telemetry.Schema, h.labels
	h.mu.Unlock()
	r.Labels.Op, r.Labels.Topic = m.op, bounded(m.topic)
	value, err := telemetry.MarshalReport(r)
	if err != nil { // only text that is not UTF-8 can do it
		c.drop(m, carried)
		return
	}
	record := &kgo.Record{Topic: telemetry.TopicTelemetry, Key: []byte(r.Labels.Client), Value: value}
	c.waiting.Add(1)
	h.waiting.Add(1)
	c.producer.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
		if err != nil {
			c.drop(m, carried)
		} else {
			c.acknowledged.Add(1)
		}
		h.waiting.Add(-1)
		c.waiting.Add(-1)
	})
}

// drop counts a lost report, and those that it would have told of, for a later one.
func (c *Client) drop(m *meter, carried uint64) {
	c.lost.Add(1)
	m.dropped(1 + carried)
}
