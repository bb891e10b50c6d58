package rocketmq

import (
	"context"
	"iter"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestOnRocketMQ measures clients of a real RocketMQ, which all parts share. Messages in order are not among
// them: the library's consumer of those has races of its own; what the SDK adds to it is the handler that all have.
func TestOnRocketMQ(t *testing.T) {
	s := startShop(t)
	s.createTopics(t, "sync", "batch", "async", "async-batch", "oneway", "oneway-batch", "late", "too-large", "asked", "stale", "transfers",
		"ids", "orders", "doomed", "pulled", "many", "paused",
		"%RETRY%ledger", "%RETRY%undertakers") // which consumers look for every 30 s alone, where they are not there
	t.Run("together", func(t *testing.T) {
		for name, part := range map[string]func(*testing.T, *shop){
			"every way to send is counted exactly": everyWayToSend, "failed sends are counted by class": failedSends,
			"requests": requests, "transactions": transactions, "sender and consumer tell of the same ids": sameIDs,
			"a handler that fails and panics": failingHandler, "dead letters": deadLetters,
			"pulled messages": pulledMessages, "many producers": manyProducers, "paused": pausedConsumer,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); part(t, s) })
		}
	})
	t.Run("no goroutines of its own", func(t *testing.T) { withoutGoroutines(t, s) })
	t.Run("without its broker", func(t *testing.T) { withoutBroker(t, s) })
}

// refuses says that nobody listens at an address any more.
func refuses(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err != nil
}

// withoutGoroutines holds that the SDK has none of its own, at work and afterwards.
func withoutGoroutines(t *testing.T, s *shop) {
	r, _ := newReporter(t, report.Config{})
	c := s.pushConsumer(t, r, "leaving", nil)
	var given atomic.Int64
	hold := make(chan struct{})
	consume(t, c, "sync", func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		given.Add(1)
		<-hold
		return rmqconsumer.ConsumeSuccess, nil
	})
	reported.Eventually(t, "a message", func() bool { return given.Load() > 0 })
	for stack := range goroutines(sdkPackages...) {
		if !strings.Contains(stack, "rocketmq-client-go/v2") { // which calls the handler
			t.Errorf("the SDK has a goroutine:\n%s", stack)
		}
	}
	close(hold)
	shutdown(t, c)
	reported.Eventually(t, "no goroutine is in the SDK", func() bool {
		for range goroutines(sdkPackages...) {
			return false
		}
		return true
	})
}

var sdkPackages = []string{"weir/sdk/rocketmq.", "weir/sdk/internal/meter."}

// goroutines are the stacks of those that are in packages, without the tests themselves.
func goroutines(packages ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			in := func(name string) bool { return strings.Contains(stack, name) }
			if slices.ContainsFunc(packages, in) && !in("testing.tRunner") && !yield(stack) {
				return
			}
		}
	}
}

// withoutBroker kills the broker under a producer.
func withoutBroker(t *testing.T, s *shop) {
	r, reports := newReporter(t, report.Config{})
	p := s.producer(t, r, "stranded", rmqproducer.WithRetry(0), rmqproducer.WithSendMsgTimeout(10*time.Second)) // the first send is made on a busy machine, too
	if _, err := p.SendSync(t.Context(), message("sync", 1)); err != nil {
		t.Fatal(err)
	}
	s.broker.Kill()
	reported.Eventually(t, "the broker is gone", func() bool { return refuses(s.broker.Addr()) })
	const failing = 3
	for range failing {
		if _, err := p.SendSync(t.Context(), message("sync", 1)); err == nil {
			t.Error("a broker that is gone takes a message")
		} else {
			t.Log(err)
		}
	}
	back := make(chan error, 1)
	if err := p.SendAsync(t.Context(), func(_ context.Context, _ *primitive.SendResult, err error) { back <- err }, message("sync", 1)); err != nil {
		back <- err
	}
	if err := <-back; err == nil {
		t.Error("a broker that is gone takes a message")
	}
	shutdown(t, p)
	got := reported.Sum(closeAndRead(t, r, reports), reported.Series{Op: meter.OpSend, Topic: "sync"})
	reported.Want(t, "messages", got.Messages, 1)
	sum := uint64(0)
	for _, count := range got.ErrorsByClass {
		sum += count
	}
	reported.Want(t, "errors", sum, failing+1)
	if got.ErrorsByClass["other"] > 0 {
		t.Errorf("got errors %v: want none of class other", got.ErrorsByClass)
	}
}
