package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

const (
	// seenOffline is how long it may take until a consumer that died or hangs is seen to be offline by the silence of its SDK.
	seenOffline = 15 * time.Second
	// busyTopic has so many messages a second.
	busyTopic = 20
	// known is how many seconds a client has consumed when it goes: who goes must have been there in the window before, all of which the
	// pipeline must have seen.
	known = 15
)

// TestConsumers goes through what happens to consumers, on a real Kafka that a collector polls, under the shipped rules.
func TestConsumers(t *testing.T) {
	t.Parallel()
	c := startConsumers(t)
	t.Run("cases", func(t *testing.T) {
		var cases sync.WaitGroup
		for _, test := range []struct {
			name string
			run  func(*consumers, *testing.T)
		}{
			{"killed", (*consumers).killed}, {"hung", (*consumers).hung}, {"slow", (*consumers).slow}, {"paused, and one that is not", (*consumers).paused},
			{"rewound", (*consumers).rewound}, {"expiring", (*consumers).expiring},
		} {
			cases.Go(func() { t.Run(test.name, func(t *testing.T) { test.run(c, t) }) }) // they wait, so all do at once
		}
		cases.Wait()
	})
	c.weir.stopInOrder()
}

// killed has the only consumer of a group, which dies without a word, and another one that takes over.
func (c *consumers) killed(t *testing.T) {
	c.topic(t, "killed", 1, busyTopic)
	p := c.startConsumer(t, c.settings("killed", "killed-1"))
	c.said.awaitMessages(t, "killed-1", known*busyTopic)
	c.said.awaitGauge(t, "killed", telemetry.GaugeMembers, 1, time.Now())
	p.Kill()
	died := time.Now()
	if took := c.await(t, "ConsumerNodeOffline", "killed", "firing", died); took > seenOffline {
		t.Errorf("by the silence of its SDK the consumer is seen to be offline after %s, want %s or less", took, seenOffline)
	}
	c.broker(t, "killed", 0, died)
	c.await(t, "GroupOffline", "killed", "firing", died)
	again := time.Now()
	c.startConsumer(t, c.settings("killed", "killed-2"))
	c.await(t, "GroupOffline", "killed", "resolved", again)
	c.await(t, "ConsumerNodeOffline", "killed", "resolved", died)
}

// broker wants that the broker has so many members of a group once the session of one has ended.
func (c *consumers) broker(t *testing.T, group string, members float64, from time.Time) {
	t.Helper()
	took := c.said.awaitGauge(t, group, telemetry.GaugeMembers, members, from)
	t.Logf("members of %s are %g after %s, with a session of %s", group, members, took, consumerSession)
	if took > consumerSession+seenOffline {
		t.Errorf("by the broker the consumer is seen to be gone after %s, with a session of %s", took, consumerSession)
	}
}

// hung has two consumers of a group of KIP-848, of which one stops in the middle of its work, and goes on.
func (c *consumers) hung(t *testing.T) {
	c.topic(t, "hung", 2, 2*busyTopic)
	of := func(client string) consumerSettings {
		s := c.settings("hung", client)
		s.Next = true
		return s
	}
	p := c.startConsumer(t, of("hung-1"))
	c.startConsumer(t, of("hung-2"))
	c.said.awaitMessages(t, "hung-1", known*busyTopic)
	c.said.awaitMessages(t, "hung-2", known*busyTopic)
	c.said.awaitGauge(t, "hung", telemetry.GaugeMembers, 2, time.Now())
	c.awaitQuiet(t, "ConsumerNodeOffline", "hung") // while they share the partitions out one may consume nothing
	p.hang(t)
	stopped := time.Now()
	if took := c.await(t, "ConsumerNodeOffline", "hung", "firing", stopped); took > seenOffline {
		t.Errorf("by the silence of its SDK the consumer is seen to be offline after %s, want %s or less", took, seenOffline)
	}
	c.broker(t, "hung", 1, stopped)
	wentOn := time.Now()
	p.goOn(t)
	c.said.awaitGauge(t, "hung", telemetry.GaugeMembers, 2, wentOn)
	eventually(t, func() bool { return !c.fires("ConsumerNodeOffline", "hung") }, func() string { return "a consumer of hung is offline, and goes on" })
	c.never(t, "GroupOffline", "hung")
}

// slow has a consumer that is slower than what comes for a while.
func (c *consumers) slow(t *testing.T) {
	c.topic(t, "slow", 1, busyTopic)
	consumer, _ := runConsumer(t, c.settings("slow", "slow-1"), 0)
	awaitHandled(t, consumer, 2*busyTopic)
	consumer.handling.Store(int64(3 * time.Second / busyTopic))
	slowed := time.Now()
	c.await(t, "BacklogGrowing", "slow", "firing", slowed)
	consumer.handling.Store(0)
	c.await(t, "BacklogGrowing", "slow", "resolved", time.Now())
	c.never(t, "ConsumerNodeOffline", "slow")
	c.never(t, "ConsumeZeroBacklog", "slow")
}

// paused has two consumers that consume nothing while messages come: one has paused, and says so.
func (c *consumers) paused(t *testing.T) {
	const silence = 40 * time.Second // more than the window and the time that a state takes
	c.topic(t, "paused", 1, busyTopic)
	c.topic(t, "hanging", 1, busyTopic)
	paused, _ := runConsumer(t, c.settings("paused", "paused-1"), 0)
	hanging, _ := runConsumer(t, c.settings("hanging", "hanging-1"), 0)
	awaitHandled(t, paused, 2*busyTopic)
	awaitHandled(t, hanging, 2*busyTopic)
	paused.client.PauseFetchTopics("paused")
	hanging.handling.Store(int64(time.Hour))
	began := time.Now()
	c.await(t, "ConsumeZeroBacklog", "hanging", "firing", began)
	c.await(t, "PartitionStalled", "hanging", "firing", began)
	eventually(t, func() bool { return time.Since(began) > silence }, func() string { return "the clock stands still" })
	if lag := c.said.gauge("paused", telemetry.GaugeLagMessages); lag < busyTopic {
		t.Errorf("%g messages wait for the consumer that has paused, want more", lag)
	}
	c.never(t, "ConsumeZeroBacklog", "paused")
	c.never(t, "PartitionStalled", "paused")
	paused.client.ResumeFetchTopics("paused")
	awaitHandled(t, paused, 2*busyTopic)
}

// rewound has a group whose commit somebody sets back to the begin.
func (c *consumers) rewound(t *testing.T) {
	const messages = 2000
	c.topic(t, "rewound", 1, 1)
	c.produce(t, "rewound", messages)
	first, stop := runConsumer(t, c.settings("rewound", "rewound-1"), 0)
	awaitHandled(t, first, messages)
	c.said.awaitGauge(t, "rewound", telemetry.GaugeLagMessages, 0, time.Now())
	stop()
	c.commit(t, "rewound", 0)
	fell := time.Now()
	again, _ := runConsumer(t, c.settings("rewound", "rewound-2"), 10*time.Millisecond)
	c.await(t, "OffsetRewind", "rewound", "firing", fell)
	again.handling.Store(0)
	c.await(t, "OffsetRewind", "rewound", "resolved", fell)
	c.never(t, "ConsumerNodeOffline", "rewound")
}

// expiring has a group that nobody consumes for, and a message that has an hour left soon after it came.
func (c *consumers) expiring(t *testing.T) {
	const margin = 10 * time.Second
	retention := fmt.Sprint((time.Hour + margin).Milliseconds())
	if _, err := c.admin.CreateTopic(t.Context(), 1, 1, map[string]*string{"retention.ms": &retention}, "expiring"); err != nil {
		t.Fatal(err)
	}
	c.commit(t, "expiring", 0)
	c.said.awaitGauge(t, "expiring", telemetry.GaugeLagMessages, 0, time.Now())
	produced := time.Now()
	c.produce(t, "expiring", 1)
	took := c.await(t, "RetentionRisk", "expiring", "firing", produced)
	t.Logf("that is %s after an hour was left", (took - margin).Round(100*time.Millisecond))
}

// heard is when the chat first heard of an alert of a group that began to fire, or was resolved, after a moment.
func (c *consumers) heard(alertname, group, status string, from time.Time) (time.Time, bool) {
	for _, n := range c.chat.Notifications() {
		began := n.StartsAt
		if status == "resolved" {
			began = n.ReceivedAt
		}
		if n.Labels["alertname"] == alertname && n.Labels["group"] == group && n.Status == status && began.After(from) {
			return n.ReceivedAt, true
		}
	}
	return time.Time{}, false
}

// fires says that the newest that the chat heard of an alert of a group is that it fires.
func (c *consumers) fires(alertname, group string) bool {
	firing := false
	for _, n := range c.chat.Notifications() {
		if n.Labels["alertname"] == alertname && n.Labels["group"] == group {
			firing = n.Status == "firing"
		}
	}
	return firing
}

// awaitQuiet waits until an alert of a group has neither waited nor fired for as long as a client is to be known: one that began before a
// case does would end within it.
func (c *consumers) awaitQuiet(t *testing.T, alertname, group string) {
	t.Helper()
	since := time.Now()
	eventually(t, func() bool {
		if slices.ContainsFunc(listed(t, c.weir), func(a pipeline.ExplainedAlert) bool {
			return a.Rule == alertname && a.Labels["group"] == group && (a.State == telemetry.AlertPending || a.State == telemetry.AlertFiring)
		}) {
			since = time.Now()
		}
		return time.Since(since) > known*time.Second
	}, func() string { return fmt.Sprintf("%s of %s does not rest%s", alertname, group, c.state()) })
}

// await waits until the chat hears of an alert, and says how long that took from a moment on.
func (c *consumers) await(t *testing.T, alertname, group, status string, from time.Time) time.Duration {
	t.Helper()
	var at time.Time
	eventually(t, func() bool {
		var heard bool
		at, heard = c.heard(alertname, group, status, from)
		return heard
	}, func() string {
		return fmt.Sprintf("%s of %s is not %s; the chat heard %v%s", alertname, group, status, c.names(), c.state())
	})
	t.Logf("%s of %s is %s after %s", alertname, group, status, at.Sub(from).Round(100*time.Millisecond))
	return at.Sub(from)
}

// names are the alerts that the chat heard of.
func (c *consumers) names() []string {
	var out []string
	for _, n := range c.chat.Notifications() {
		out = append(out, fmt.Sprintf("%s %s %s", n.Labels["alertname"], n.Labels["group"], n.Status))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// never wants that the chat has not heard of an alert of a group.
func (c *consumers) never(t *testing.T, alertname, group string) {
	t.Helper()
	if at, heard := c.heard(alertname, group, "firing", time.Time{}); heard {
		t.Errorf("%s of %s fired at %s, want it never", alertname, group, at)
	}
}

// awaitHandled waits until a consumer has handled so many messages more.
func awaitHandled(t *testing.T, c *consumer, messages int64) {
	t.Helper()
	from := c.handled.Load()
	eventually(t, func() bool { return c.handled.Load() >= from+messages }, func() string {
		return fmt.Sprintf("%d messages are handled, want %d", c.handled.Load()-from, messages)
	})
}
