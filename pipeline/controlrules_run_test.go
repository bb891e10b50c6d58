package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

// TestARuleLimitsASurge from the reports of a surge to the producer of a service and back: the rule fires, the command stands on weir.control, the agent in the service
// limits its producer, and when the alert resolves the limit is lifted and nothing is lost.
func TestARuleLimitsASurge(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	h.control()
	a := h.agent()
	client := h.client(a)
	h.create("orders")
	sent := atomic.Int64{}
	send := func(messages int) time.Duration {
		began := time.Now()
		for range messages {
			if err := a.Producer(client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			sent.Add(1)
		}
		return time.Since(began)
	}
	applies := func() bool { return appliesTo(a, h.name("orders")) }
	send(5)
	began := time.Now()
	h.surge("orders")
	command := h.asked("orders", 1, true)
	await(t, "that the limit applies", applies)
	t.Logf("the limit applies %s after the first report of the surge", time.Since(began))
	if command.Author != "rule Surge" || command.Reason != "orders surges" || command.Source != control.SourceRule ||
		command.Scope.Topic != "orders" || command.Scope.Cluster != "test" || command.ExpiresAt.Sub(command.CreatedAt) > 10*time.Minute {
		t.Errorf("asked is %+v", command)
	}
	const messages = 21
	if took, least := send(messages), time.Duration(messages-2)*time.Second/20; took < least {
		t.Errorf("%d messages took %s: want at least %s", messages, took, least)
	}
	h.surge()
	ended := h.asked("orders", 2, false)
	if ended.Ended == nil || ended.Ended.Author != "rule Surge" || ended.Ended.Reason != "the alert fires no longer" {
		t.Errorf("it ended by %+v", ended.Ended)
	}
	await(t, "that the limit is lifted", func() bool { return !applies() })
	send(messages)
	records, err := readPartition(t.Context(), h.config.Kafka, "orders", 0)
	if err != nil || int64(len(records)) != sent.Load() {
		t.Errorf("%d messages arrived of %d: %v", len(records), sent.Load(), err)
	}
}

// TestARulePausesAGroup: what a service consumes stands still while its alert fires, and comes back afterwards, all of it and once.
func TestARulePausesAGroup(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	h.control()
	h.create("orders")
	a := h.agent()
	client := h.client(a, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("billing"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	var consumed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var consuming sync.WaitGroup
	consuming.Go(func() {
		for ctx.Err() == nil {
			consumed.Add(int64(client.PollFetches(ctx).NumRecords()))
		}
	})
	t.Cleanup(func() { stop(); consuming.Wait() })
	send := func(messages int) {
		for range messages {
			h.writer.send(&kgo.Record{Topic: "orders", Value: []byte("one")})
		}
	}
	send(3)
	await(t, "that messages are consumed", func() bool { return consumed.Load() == 3 })
	h.fail("billing")
	name := ruleCommandName(alertOf("Failing", map[string]string{"alertname": "Failing", "cluster": "test", "topic": "orders", "group": "billing"}), "pause")
	await(t, "that the group is paused", func() bool { return appliesTo(a, name) && slices.Contains(client.PauseFetchTopics(), "orders") })
	send(3)
	h.fail()
	await(t, "that what waited is consumed", func() bool { return consumed.Load() == 6 })
	if newest := h.newest(control.CommandKey(name)); newest.Ended == nil || newest.ReleaseSeconds() != 1 || newest.Author != "rule Failing" {
		t.Errorf("it was let go of by %+v", &newest)
	}
	await(t, "that nothing applies", func() bool { return !appliesTo(a, name) })
}

// TestACrashAsksNothingTwice: another process goes on where one was stopped, and takes away what has resolved meanwhile.
func TestACrashAsksNothingTwice(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	stop := h.control()
	h.surge("orders", "bills")
	h.asked("orders", 1, true)
	h.asked("bills", 1, true)
	stop()
	h.surge("orders", "media")
	await(t, "that an alert has resolved", func() bool { return h.states()["bills"] == "resolved" && h.states()["media"] == "firing" })
	h.control()
	h.asked("bills", 2, false) // nothing of it stays
	h.asked("media", 1, true)
	if records, newest := h.of("orders"); records != 1 || !newest.InForce(time.Now()) {
		t.Errorf("%s was written %d times, in force %t", &newest, records, newest.InForce(time.Now()))
	}
	off := h.config.Control.Actions
	off.SendLimit.Enabled = false
	h.p.actions.Store(&off) // as a reload does
	if ended := h.asked("orders", 2, false); ended.Ended.Reason != "control.actions.send_limit.enabled is false" {
		t.Errorf("it ended by %+v", ended.Ended)
	}
	h.asked("media", 2, false)
	h.p.actions.Store(&h.config.Control.Actions)
	h.asked("orders", 3, true)
}

// TestHeldBackIsShown: what rules propose and is not asked is counted, and told over HTTP with the reason.
func TestHeldBackIsShown(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	h.config.Control.Actions.SendLimit.AtMostAtOnce = 1
	h.control()
	h.surge("orders")
	h.asked("orders", 1, true)
	h.surge("orders", "bills")
	var answer struct {
		HeldBack []heldBack `json:"held_back"`
	}
	await(t, "that something is held back", func() bool {
		_, body := get(h.p, controlPath)
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		return len(answer.HeldBack) > 0
	})
	want := heldBack{Name: h.name("bills"), Rule: "Surge", Asks: "send_limit 20/s cluster=test topic=bills", Why: heldAtOnce}
	if len(answer.HeldBack) != 1 || answer.HeldBack[0] != want {
		t.Errorf("held back is %+v, want %+v", answer.HeldBack, want)
	}
	for name, want := range map[string]float64{`weir_control_rule_held_back{why="at_once"}`: 1, `weir_control_rule_held_back{why="people"}`: 0,
		`weir_control_rule_records_total{action="send_limit"}`: 1, `weir_control_rule_records_total{action="pause"}`: 0} {
		if got := metric(t, h.p.metrics, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
}
