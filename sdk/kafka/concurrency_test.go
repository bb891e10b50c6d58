package kafka

import (
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

// TestManyGoroutines has many goroutines send, consume and handle at once while
// reports are taken, topics appear and clients come and go. Every count arrives.
func TestManyGoroutines(t *testing.T) {
	_, reports := startClusters(t)
	c := open(t, reports, report.Config{})
	var rounds atomic.Uint64
	var working sync.WaitGroup
	for g := range 8 {
		working.Go(func() {
			for i := 0; c.Stats().Acknowledged < 60; i++ {
				h := NewHooks(c)
				client, err := kgo.NewClient(kgo.SeedBrokers(nowhere), kgo.WithHooks(h))
				if err != nil {
					t.Error(err)
					return
				}
				measure(h, fmt.Sprintf("topic-%d", (g+i)%5))
				client.Close()
				rounds.Add(1)
			}
		})
	}
	shared := NewHooks(c)
	client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(shared))
	for g := range 8 {
		working.Go(func() {
			for i := 0; c.Stats().Acknowledged < 60; i++ {
				measure(shared, fmt.Sprintf("topic-%d", (g+i)%5))
				rounds.Add(1)
			}
		})
	}
	working.Wait()
	client.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	sent, consumed := reported.Sum(all, reported.Series{Op: meter.OpSend}), reported.Sum(all, reported.Series{Op: meter.OpConsume})
	reported.Want(t, "messages sent", sent.Messages, 10*rounds.Load())
	reported.Want(t, "messages failed", sent.ErrorsByClass["buffer_full"], 10*rounds.Load())
	reported.Want(t, "messages consumed", consumed.Messages, 10*rounds.Load())
	reported.Want(t, "messages handled", consumed.LatencyMicros.Count(), 10*rounds.Load())
	reported.Want(t, "handlers failed", consumed.ErrorsByClass["handler"], 10*rounds.Load())
}

// measure sends, consumes and handles ten messages, and fails to send ten.
func measure(h *Hooks, topic string) {
	err := errors.New("no such account")
	for range 10 {
		r := &kgo.Record{Topic: topic, Value: []byte("1")}
		h.OnProduceRecordBuffered(r)
		h.OnProduceRecordUnbuffered(r, nil)
		h.OnProduceRecordBuffered(r)
		h.OnProduceRecordUnbuffered(r, kgo.ErrMaxBuffered)
		h.OnFetchRecordUnbuffered(r, true)
		h.OnFetchRecordUnbuffered(r, false)
		h.TimeHandler(r).Done(err)
	}
}

// TestConsumersComeAndGo asks clients what they consume while they are opened,
// connected and closed.
func TestConsumersComeAndGo(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, report.Config{})
	var churning sync.WaitGroup
	for g := range 4 {
		churning.Go(func() {
			for range 5 {
				client, err := kgo.NewClient(kgo.SeedBrokers(measured...), kgo.WithHooks(NewHooks(c)), kgo.ConsumeTopics("orders"),
					kgo.ConsumerGroup(fmt.Sprint("group-", g%2)))
				if err != nil {
					t.Error(err)
					return
				}
				if err := client.Ping(t.Context()); err != nil {
					t.Error(err)
				}
				for range 20 {
					for _, client := range c.Registry().Clients() {
						client.Look(1000)
					}
				}
				client.Close()
			}
		})
	}
	churning.Wait()
	mustClose(t, c)
}

// TestHooksOutliveTheirClient uses hooks after their client and the Reporter are closed,
// as late handlers do: nothing is counted, and nothing fails.
func TestHooksOutliveTheirClient(t *testing.T) {
	_, reports := startClusters(t)
	c := open(t, reports, report.Config{})
	h := NewHooks(c)
	client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h))
	measure(h, "orders")
	client.Close()
	measure(h, "orders")
	mustClose(t, c)
	for i := range 1000 {
		measure(h, fmt.Sprint("topic-", i))
	}
	h.OnClientClosed(client)
	h.look(1000)
	if got, want := len(taken(h)), 2*(report.DefaultMaxTopics+1); got != want {
		t.Errorf("%d topics and directions are kept after the end: want %d", got, want)
	}
	Handling{}.Done(nil)
	reported.Want(t, "messages", reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpSend}).Messages, 20)
}
