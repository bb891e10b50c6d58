package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// tally is what the test itself counted of one series.
type tally struct{ messages, bytes, handled, failed atomic.Uint64 }

func (c *tally) add(r *kgo.Record) {
	c.messages.Add(1)
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	c.bytes.Add(uint64(size))
}

// TestReportsAddUpExactly sends from two clients and consumes in two groups, all at
// once and while reports are taken, and compares what the reports add up to with what
// the application counted.
func TestReportsAddUpExactly(t *testing.T) {
	topics := []string{"orders", "payments"}
	measured, reports := startClusters(t, topics...)
	c := open(t, reports, report.Config{Cluster: "shop"})
	sent := map[string]*tally{"orders": {}, "payments": {}}
	consumed := map[reported.Series]*tally{}
	var consumers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for _, group := range []string{"ledger", "ledger", "mail"} {
		for _, topic := range topics {
			if series := (reported.Series{Op: meter.OpConsume, Topic: topic, Group: group}); consumed[series] == nil {
				consumed[series] = &tally{}
			}
		}
		hooks := NewHooks(c)
		client := reported.Dial(t, measured, kgo.WithHooks(hooks), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		consumers.Go(func() {
			consumeCounting(ctx, client, hooks, func(topic string) *tally {
				return consumed[reported.Series{Op: meter.OpConsume, Topic: topic, Group: group}]
			})
			client.Close()
		})
	}
	sendCounting(t, c, measured, sent)
	reported.Eventually(t, "every group consumes every message", func() bool {
		for series, got := range consumed {
			if got.messages.Load() < sent[series.Topic].messages.Load() {
				return false
			}
		}
		return true
	})
	stop()
	consumers.Wait()
	mustClose(t, c)

	all := readReports(t, reports)
	reported.Want(t, "reports acknowledged", c.Stats().Acknowledged, uint64(len(all)))
	for topic, expected := range sent {
		t.Run("send "+topic, func(t *testing.T) {
			wantSent(t, reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: topic}), expected)
		})
	}
	for series, expected := range consumed {
		t.Run(fmt.Sprintf("consume %s in %s", series.Topic, series.Group), func(t *testing.T) { wantConsumed(t, reported.Sum(all, series), expected) })
	}
}

// sendCounting sends from two clients and eight goroutines in three waves, with a
// report between them.
func sendCounting(t *testing.T, c *report.Reporter, measured []string, sent map[string]*tally) {
	t.Helper()
	clients := []*kgo.Client{reported.Dial(t, measured, kgo.WithHooks(NewHooks(c))), reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)))}
	for wave := range 3 {
		before := c.Stats().Acknowledged
		var producers sync.WaitGroup
		for p := range 8 {
			producers.Go(func() {
				for i := range 100 {
					r := &kgo.Record{Topic: "orders", Key: fmt.Appendf(nil, "%d-%d", p, i), Value: make([]byte, (i*37+wave)%900)}
					if i%3 == 0 {
						r.Topic, r.Headers = "payments", []kgo.RecordHeader{{Key: "kind", Value: []byte("card")}, {Key: "empty"}}
					}
					sent[r.Topic].add(r)
					clients[p%2].Produce(t.Context(), r, func(_ *kgo.Record, err error) {
						if err != nil {
							t.Errorf("send: %v", err)
						}
					})
				}
			})
		}
		producers.Wait()
		reported.Eventually(t, "a report is acknowledged between waves", func() bool { return c.Stats().Acknowledged > before })
	}
	for _, client := range clients {
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
}

// consumeCounting handles messages until ctx ends; each seventh handler fails.
func consumeCounting(ctx context.Context, client *kgo.Client, hooks *Hooks, of func(topic string) *tally) {
	for i := 0; ctx.Err() == nil; {
		client.PollRecords(ctx, 100).EachRecord(func(r *kgo.Record) {
			series := of(r.Topic)
			series.add(r)
			handling := hooks.TimeHandler(r)
			var err error
			if i++; i%7 == 0 {
				err = errors.New("no such account")
				series.failed.Add(1)
			}
			series.handled.Add(1)
			handling.Done(err)
		})
	}
}

func wantSent(t *testing.T, got reported.Totals, expected *tally) {
	t.Helper()
	messages := expected.messages.Load()
	reported.Want(t, "messages", got.Messages, messages)
	reported.Want(t, "bytes", got.Bytes, expected.bytes.Load())
	reported.Want(t, "latencies", got.LatencyMicros.Count(), messages)
	reported.Want(t, "sizes", got.SizeBytes.Count(), messages)
	reported.Want(t, "sum of sizes", got.SizeBytes.Sum, expected.bytes.Load())
	reported.Want(t, "delays", got.DelayMicros.Count(), 0)
	reported.WantErrors(t, got, nil)
}

func wantConsumed(t *testing.T, got reported.Totals, expected *tally) {
	t.Helper()
	messages := expected.messages.Load()
	reported.Want(t, "messages", got.Messages, messages)
	reported.Want(t, "bytes", got.Bytes, expected.bytes.Load())
	reported.Want(t, "delays", got.DelayMicros.Count(), messages)
	reported.Want(t, "sizes", got.SizeBytes.Count(), messages)
	reported.Want(t, "sum of sizes", got.SizeBytes.Sum, expected.bytes.Load())
	reported.Want(t, "handler latencies", got.LatencyMicros.Count(), expected.handled.Load())
	expectedErrors := map[string]uint64{}
	if failed := expected.failed.Load(); failed > 0 {
		expectedErrors["handler"] = failed
	}
	reported.WantErrors(t, got, expectedErrors)
}
