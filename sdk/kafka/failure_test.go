package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// failures are sends that fail for real, each to a topic of its own.
var failures = []struct {
	topic, class string
	exists       bool // the topic and its broker
	options      []kgo.Opt
	send         func(context.Context, *kgo.Client, []*kgo.Record)
}{
	{"missing", "unknown_topic", false, []kgo.Opt{kgo.UnknownTopicRetries(0)}, produceAll},
	{"too-large", "too_large", true, nil, func(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
		for _, r := range records {
			r.Value = make([]byte, 2<<20)
		}
		produceAll(ctx, c, records)
	}},
	{"cancelled", "cancelled", false, []kgo.Opt{kgo.SeedBrokers(nowhere)}, func(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
		ctx, cancel := context.WithCancel(ctx)
		for _, r := range records {
			c.Produce(ctx, r, nil)
		}
		cancel()
		_ = c.Flush(context.Background())
	}},
	{"late", "timeout", false, []kgo.Opt{kgo.SeedBrokers(nowhere)}, func(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		produceAll(ctx, c, records)
	}},
	{"closed", "closed", false, []kgo.Opt{kgo.SeedBrokers(nowhere)}, func(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
		for _, r := range records {
			c.Produce(ctx, r, nil)
		}
		c.Close()
	}},
	{"full", "buffer_full", false, []kgo.Opt{kgo.SeedBrokers(nowhere), kgo.MaxBufferedRecords(1)}, func(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
		ctx, cancel := context.WithCancel(ctx)
		c.Produce(ctx, &kgo.Record{Topic: "first"}, nil)
		for _, r := range records {
			c.TryProduce(ctx, r, nil)
		}
		cancel()
		_ = c.Flush(context.Background())
	}},
	{"", "other", true, nil, produceAll}, // no topic at all
}

func produceAll(ctx context.Context, c *kgo.Client, records []*kgo.Record) {
	c.ProduceSync(ctx, records...)
}

// TestFailedSendsAreCountedByClass holds that each call that fails is counted once,
// under its class, and never as a message.
func TestFailedSendsAreCountedByClass(t *testing.T) {
	const calls = 20
	measured, reports := startClusters(t, "too-large")
	c := open(t, reports, report.Config{})
	for _, f := range failures {
		client := reported.Dial(t, measured, append([]kgo.Opt{kgo.WithHooks(NewHooks(c))}, f.options...)...)
		records := make([]*kgo.Record, calls)
		for i := range records {
			records[i] = &kgo.Record{Topic: f.topic, Value: []byte("1")}
		}
		f.send(t.Context(), client, records)
		client.Close()
	}
	mustClose(t, c)
	all := readReports(t, reports)
	for _, f := range failures {
		t.Run(f.class, func(t *testing.T) {
			got := reported.SumWhere(all, func(r *reported.Report) bool { return r.Labels.Topic == f.topic })
			reported.WantErrors(t, got, map[string]uint64{f.class: calls})
			reported.Want(t, "messages", got.Messages, 0)
			reported.Want(t, "bytes", got.Bytes, 0)
			reported.Want(t, "latencies", got.LatencyMicros.Count(), 0)
			reported.Want(t, "sizes", got.SizeBytes.Count(), 0)
		})
	}
}

// TestMessagesOfAClosingClientAreCounted closes a client with many messages in its
// buffer and the Reporter at once after it: franz-go fails them after its Close.
func TestMessagesOfAClosingClientAreCounted(t *testing.T) {
	const messages = 5000
	_, reports := startClusters(t)
	c := open(t, reports, report.Config{})
	client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(NewHooks(c)))
	for range messages {
		client.Produce(t.Context(), &kgo.Record{Topic: "orders"}, nil)
	}
	client.Close()
	mustClose(t, c)
	got := reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpSend, Topic: "orders"})
	reported.WantErrors(t, got, map[string]uint64{"closed": messages})
}

func TestClassOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "timeout"},
		{kgo.ErrRecordTimeout, "timeout"},
		{kgo.ErrRecordRetries, "timeout"},
		{kerr.RequestTimedOut, "timeout"},
		{context.Canceled, "cancelled"},
		{kgo.ErrAborting, "cancelled"},
		{kgo.ErrClientClosed, "closed"},
		{kgo.ErrMaxBuffered, "buffer_full"},
		{kerr.MessageTooLarge, "too_large"},
		{kerr.RecordListTooLarge, "too_large"},
		{kerr.TopicAuthorizationFailed, "auth"},
		{kerr.ClusterAuthorizationFailed, "auth"},
		{kerr.SaslAuthenticationFailed, "auth"},
		{kerr.TransactionalIDAuthorizationFailed, "auth"},
		{kerr.UnknownTopicOrPartition, "unknown_topic"},
		{kerr.UnknownTopicID, "unknown_topic"},
		{kerr.InvalidTopicException, "unknown_topic"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "network"},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, "network"},
		{io.EOF, "network"},
		{io.ErrUnexpectedEOF, "network"},
		{net.ErrClosed, "network"},
		{kerr.NotEnoughReplicas, "broker"},
		{kerr.InvalidProducerEpoch, "broker"},
		{errors.New("no idea"), "other"},
	} {
		for _, err := range []error{test.err, fmt.Errorf("send: %w", test.err), errors.Join(errors.New("first"), test.err)} {
			if got := classOf(err).String(); got != test.want {
				t.Errorf("%v: got class %s, want %s", err, got, test.want)
			}
		}
	}
}
