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
		timer.Reset(c.pause())
	}
}

// pause is the interval with jitter, so that the clients of a fleet do not report at once.
func (c *Client) pause() time.Duration {
	return time.Duration(float64(c.config.Interval) * (1 + jitterShare*(rand.Float64()-0.5)))
}

// sendAll reports every meter that has something to say. Hooks are forgotten when
// their client has been closed for a while.
func (c *Client) sendAll(how urgency) {
	now := c.clock.wallMillis(c.clock.now())
	var report telemetry.Report
	var ended []*Hooks
	for _, h := range c.snapshot() {
		closedFor := h.closedFor(now)
		for m := range h.all {
			if m.due(now, closedFor == 0) {
				c.send(h, m, &report, how)
			}
		}
		if closedFor > forgetAfter {
			ended = append(ended, h)
		}
	}
	c.forget(ended)
}

// forgetAfter is how long the hooks of a closed client are kept. Not shorter:
// handlers may still be at work; not longer: a program that opens clients without
// end holds them all.
const forgetAfter = time.Minute

func (c *Client) forget(ended []*Hooks) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, gone := range ended {
		for i, h := range c.hooks {
			if h == gone {
				c.hooks = append(c.hooks[:i], c.hooks[i+1:]...)
				break
			}
		}
	}
}

// send reports one meter. While the telemetry cluster does not keep up the meter
// goes on counting; what it counted longer than one report can say is dropped.
func (c *Client) send(h *Hooks, m *meter, r *telemetry.Report, how urgency) {
	now := c.clock.wallMillis(c.clock.now())
	full := how == due && c.waiting.Load() >= int64(c.config.MaxBufferedReports)
	if full && now-m.since() < maxReportMillis {
		return
	}
	m.take(r, now)
	if full {
		c.drop(m)
		return
	}
	h.mu.Lock()
	r.Schema, r.Labels = telemetry.Schema, h.labels
	h.mu.Unlock()
	r.Labels.Op, r.Labels.Topic = m.op, bounded(m.topic)
	value, err := telemetry.MarshalReport(r)
	if err != nil { // only text that is not UTF-8 can do it
		c.drop(m)
		return
	}
	record := &kgo.Record{Topic: telemetry.TopicTelemetry, Key: []byte(r.Labels.Client), Value: value}
	c.waiting.Add(1)
	c.producer.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
		c.waiting.Add(-1)
		if err != nil {
			c.drop(m)
			return
		}
		c.acknowledged.Add(1)
	})
}

func (c *Client) drop(m *meter) {
	c.lost.Add(1)
	m.dropped()
}
