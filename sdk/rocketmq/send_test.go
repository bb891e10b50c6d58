package rocketmq

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// message is one of a size of its own.
func message(topic string, number int) *primitive.Message {
	return primitive.NewMessage(topic, make([]byte, 10+number)).WithTag("card").WithKeys([]string{"order", fmt.Sprint(number)})
}

func messages(topic string, count int) []*primitive.Message {
	out := make([]*primitive.Message, count)
	for i := range out {
		out[i] = message(topic, i)
	}
	return out
}

// bytesOf is the size of messages as it is documented.
func bytesOf(messages []*primitive.Message) (sum uint64) {
	for _, m := range messages {
		sum += uint64(len(m.Body) + len(m.GetKeys()) + len(m.GetTags()))
	}
	return sum
}

// ways are all ways to send; each topic is one's own.
var ways = []struct {
	topic string
	send  func(context.Context, rmq.Producer, []*primitive.Message, func(error)) error
}{
	{"sync", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, _ func(error)) error {
		for _, m := range messages {
			if _, err := p.SendSync(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}},
	{"batch", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, _ func(error)) error {
		_, err := p.SendSync(ctx, messages...)
		return err
	}},
	{"async", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, done func(error)) error {
		for _, m := range messages {
			if err := p.SendAsync(ctx, func(_ context.Context, _ *primitive.SendResult, err error) { done(err) }, m); err != nil {
				return err
			}
		}
		return nil
	}},
	{"async-batch", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, done func(error)) error {
		return p.SendAsync(ctx, func(_ context.Context, _ *primitive.SendResult, err error) {
			for range messages {
				done(err)
			}
		}, messages...)
	}},
	{"oneway", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, _ func(error)) error {
		for _, m := range messages {
			if err := p.SendOneWay(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}},
	{"oneway-batch", func(ctx context.Context, p rmq.Producer, messages []*primitive.Message, _ func(error)) error {
		return p.SendOneWay(ctx, messages...)
	}},
}

func everyWayToSend(t *testing.T, s *shop) {
	const count = 20
	r, reports := newReporter(t, report.Config{})
	p := s.producer(t, r, "every-way")
	sent := map[string][]*primitive.Message{}
	var back atomic.Int64
	for _, way := range ways {
		sent[way.topic] = messages(way.topic, count)
		err := way.send(t.Context(), p, sent[way.topic], func(err error) {
			if err != nil {
				t.Errorf("%s: %v", way.topic, err)
			}
			back.Add(1)
		})
		if err != nil {
			t.Errorf("%s: %v", way.topic, err)
		}
	}
	reported.Eventually(t, "all that is sent asynchronously is acknowledged", func() bool { return back.Load() == 2*count })
	shutdown(t, p)
	all := closeAndRead(t, r, reports)
	for _, way := range ways {
		got := reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: way.topic})
		reported.Want(t, way.topic+": messages", got.Messages, count)
		reported.Want(t, way.topic+": bytes", got.Bytes, bytesOf(sent[way.topic]))
		reported.Want(t, way.topic+": latencies", got.LatencyMicros.Count(), count)
		reported.Want(t, way.topic+": sizes", got.SizeBytes.Count(), count)
		reported.WantErrors(t, got, nil)
		if got.EventsByKind[telemetry.EventStarted] != 1 || got.EventsByKind[telemetry.EventStopped] != 1 {
			t.Errorf("%s: got events %v, want started and stopped once", way.topic, got.EventsByKind)
		}
	}
	for _, of := range all {
		l := of.Labels
		if l.System != "rocketmq" || l.Cluster != "shop" || l.Group != "" || !strings.HasPrefix(l.Client, "every-way@") ||
			!strings.HasPrefix(l.Get("client_library"), "rocketmq-client-go") {
			t.Errorf("got labels %+v", l)
		}
	}
}

func failedSends(t *testing.T, s *shop) {
	r, reports := newReporter(t, report.Config{})
	p := s.producer(t, r, "failing")
	for range 3 {
		if _, err := p.SendSync(t.Context(), message("missing", 1)); err == nil {
			t.Error("a topic that is not there takes a message")
		}
	}
	if err := p.SendAsync(t.Context(), func(context.Context, *primitive.SendResult, error) { t.Error("it calls back") }, message("missing", 1)); err == nil {
		t.Error("a topic that is not there takes a message")
	}
	if err := p.SendOneWay(t.Context(), messages("missing", 2)...); err == nil {
		t.Error("a topic that is not there takes a batch")
	}
	large := primitive.NewMessage("too-large", make([]byte, 5<<20))
	large.Compress = true // as if it were: what does not compress
	large.CompressedBody = large.Body
	if _, err := p.SendSync(t.Context(), large); err == nil {
		t.Error("a message of 5 MiB is taken")
	}
	shutdown(t, p)
	if _, err := p.SendSync(t.Context(), message("late", 1)); err == nil {
		t.Error("a closed producer sends")
	}
	all := closeAndRead(t, r, reports)
	for topic, expected := range map[string]map[string]uint64{"missing": {"unknown_topic": 6}, "too-large": {"too_large": 1}, "late": {"closed": 1}} {
		got := reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: topic})
		reported.WantErrors(t, got, expected)
		reported.Want(t, topic+": messages", got.Messages, 0)
	}
}

// requests sends one that a consumer replies to, and one that nobody does.
func requests(t *testing.T, s *shop) {
	r, reports := newReporter(t, report.Config{})
	p := s.producer(t, r, "asking")
	replies := s.producer(t, r, "replying")
	c := s.pushConsumer(t, r, "repliers", nil)
	consume(t, c, "asked", func(ctx context.Context, got ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		reply, err := rmqconsumer.CreateReplyMessage(got[0], nil)
		if err == nil {
			reply.Body = []byte("yes") // the library takes one, and forgets it
			_, err = replies.SendSync(ctx, reply)
		}
		if err != nil {
			t.Log(err) // the producer is not known to the broker yet: it asks again
		}
		return rmqconsumer.ConsumeSuccess, nil
	})
	asked := 0
	reported.Eventually(t, "a reply", func() bool {
		asked++
		reply, err := p.Request(t.Context(), 2*time.Second, message("asked", 1))
		return err == nil && string(reply.Body) == "yes"
	})
	back := make(chan error, 8)
	if err := p.RequestAsync(t.Context(), reported.Patience, func(_ context.Context, _ *primitive.Message, err error) { back <- err }, message("asked", 2)); err != nil {
		t.Error(err)
	}
	if err := <-back; err != nil {
		t.Error(err)
	}
	if _, err := p.Request(t.Context(), 100*time.Millisecond, message("stale", 1)); err == nil {
		t.Error("a request that nobody replies to has a reply")
	}
	if err := p.RequestAsync(t.Context(), time.Second, func(context.Context, *primitive.Message, error) {}, message("missing", 1)); err == nil {
		t.Error("a topic that is not there takes a request")
	}
	shutdown(t, c, p, replies)
	all := closeAndRead(t, r, reports)
	got := reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: "asked"})
	reported.Want(t, "requests with a reply", got.Messages, 2)
	reported.Want(t, "requests without", got.ErrorsByClass["timeout"], uint64(asked-1))
	reported.WantErrors(t, reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: "stale"}), map[string]uint64{"timeout": 1})
	reported.WantErrors(t, reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: "missing"}), map[string]uint64{"unknown_topic": 1})
}

// deciding commits each second transaction, and takes its time.
type deciding struct{ count atomic.Int64 }

func (d *deciding) ExecuteLocalTransaction(*primitive.Message) primitive.LocalTransactionState {
	<-time.NewTimer(300 * time.Millisecond).C
	if d.count.Add(1)%2 == 0 {
		return primitive.RollbackMessageState
	}
	return primitive.CommitMessageState
}

func (d *deciding) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	return primitive.CommitMessageState
}

func transactions(t *testing.T, s *shop) {
	r, reports := newReporter(t, report.Config{SampleOneIn: 1})
	p, err := NewTransactionProducer(r, &deciding{}, []rmqproducer.Option{rmqproducer.WithNsResolver(s.resolver),
		rmqproducer.WithGroupName("tellers"), rmqproducer.WithInstanceName(instanceOf("tellers"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if _, err := p.SendMessageInTransaction(t.Context(), message("transfers", i)); err != nil {
			t.Error(err)
		}
	}
	shutdown(t, p)
	got := reported.Sum(closeAndRead(t, r, reports), reported.Series{Op: meter.OpSend, Topic: "transfers"})
	reported.Want(t, "messages", got.Messages, 4)
	reported.Want(t, "bytes", got.Bytes, bytesOf(messages("transfers", 4)))
	if least := got.LatencyMicros.Quantile(0); least >= 300_000 {
		t.Errorf("each latency is %v us at least: want that of the send, without the transaction's", least)
	}
	for _, e := range got.Exemplars {
		if e.MessageID == "" {
			t.Errorf("exemplar %+v has no id", e)
		}
	}
}
