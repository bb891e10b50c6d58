package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	rmqerrors "github.com/apache/rocketmq-client-go/v2/errors"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// openOffline opens a Reporter without a telemetry cluster: nothing is reported while it is asked.
func openOffline(t testing.TB, config report.Config) *report.Reporter {
	t.Helper()
	config.TelemetryBrokers, config.Interval = []string{"127.0.0.1:1"}, time.Minute
	r, err := report.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Close(ctx)
	})
	return r
}

// taken are the reports of what a client has counted since it was asked last, by op and topic.
func taken(c *client) map[reported.Series]telemetry.Report {
	out := map[reported.Series]telemetry.Report{}
	for m := range c.measured.All {
		var t meter.Taken // of its own: the report shares its memory
		m.Take(&t, c.measured, c.measured.WallMillis())
		out[reported.Series{Op: t.Report.Labels.Op, Topic: t.Report.Labels.Topic}] = t.Report
	}
	return out
}

// answering is a producer whose answers a test makes up: what no real broker can be made to say.
type answering struct {
	rmq.Producer
	status    primitive.SendStatus
	callbacks int
	err       error
	result    primitive.SendResult
}

func (a *answering) SendSync(_ context.Context, messages ...*primitive.Message) (*primitive.SendResult, error) {
	a.result.Status, a.result.QueueOffset = a.status, 41
	return &a.result, a.err
}

func (a *answering) requestAsync(_ context.Context, _ time.Duration, back func(context.Context, *primitive.Message, error), _ *primitive.Message) error {
	for range a.callbacks {
		back(context.Background(), &primitive.Message{}, a.err)
	}
	return nil
}

// TestWhatIsNotAsSafeAsAskedForFailed holds what a broker's answers count as.
func TestWhatIsNotAsSafeAsAskedForFailed(t *testing.T) {
	for status, errors := range map[primitive.SendStatus]int{primitive.SendOK: 0, primitive.SendFlushDiskTimeout: 1,
		primitive.SendFlushSlaveTimeout: 1, primitive.SendSlaveNotAvailable: 1} {
		c := newClient(openOffline(t, report.Config{}), "", nil, nil)
		a := &answering{status: status}
		p := wrapProducer(c, a, a.requestAsync)
		if _, err := p.SendSync(t.Context(), message("orders", 1)); err != nil {
			t.Error(err)
		}
		got := taken(c)[reported.Series{Op: meter.OpSend, Topic: "orders"}]
		if len(got.Errors) != errors || got.Messages != uint64(1-errors) || errors > 0 && got.Errors[0].Class != "broker" {
			t.Errorf("status %v: got %d messages and errors %v", status, got.Messages, got.Errors)
		}
	}
}

// measuredSends is a producer of the library's type that sends by a measured one.
type measuredSends struct {
	rmq.Producer
	by *producer[func(context.Context, *primitive.Message, error)]
}

func (m *measuredSends) SendSync(ctx context.Context, messages ...*primitive.Message) (*primitive.SendResult, error) {
	return m.by.SendSync(ctx, messages...)
}

// TestWhatIsToldAsFailedIsReportedSo has a broker refuse the first of some messages of a key, of which one cannot be sent at all. Each that its sender is told of as
// failed is counted once, and what a command withholds not at all.
func TestWhatIsToldAsFailedIsReportedSo(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		class string
	}{
		"the broker does not answer":              {rmqerrors.ErrRequestTimeout, "timeout"},
		"a command finds the first one too large": {fmt.Errorf("send: %w", agent.ErrTooLarge), "too_large"},
	} {
		c := newClient(openOffline(t, report.Config{}), "", nil, nil)
		a := &answering{err: test.err}
		s := &sender{topic: "orders", producer: &measuredSends{a, wrapProducer(c, a, a.requestAsync)}, queues: &keyedQueues{}, measured: c}
		var messages []*weir.Message
		for i := range 3 {
			messages = append(messages, &weir.Message{Key: []byte("k"), Body: fmt.Append(nil, i), Delay: time.Second}) // each goes alone
		}
		failed := s.Send(t.Context(), append(messages, &weir.Message{}))
		if failed == nil || len(failed.Failed) != 4 || !errors.Is(failed.Failed[2], errNotSent) || !errors.Is(failed.Failed[2], test.err) {
			t.Errorf("%s: got %v", name, failed)
		}
		got := reported.Totals{ErrorsByClass: map[string]uint64{}}
		for _, e := range taken(c)[reported.Series{Op: meter.OpSend, Topic: "orders"}].Errors {
			got.ErrorsByClass[e.Class] += e.Count
		}
		reported.WantErrors(t, got, map[string]uint64{test.class: 3, "other": 1}) // one has no body
		if c.measured.Unsettled() != 0 {
			t.Errorf("%s: messages are in flight", name)
		}
	}
}

// TestARequestCountsOnce has the library call back more than once, as it does when the time of a request is over that had
// its reply, or not at all.
func TestARequestCountsOnce(t *testing.T) {
	for _, callbacks := range []int{0, 1, 2, 3} {
		c := newClient(openOffline(t, report.Config{}), "", nil, nil)
		a := &answering{callbacks: callbacks}
		p := wrapProducer(c, a, a.requestAsync)
		passed := 0
		if err := p.RequestAsync(t.Context(), time.Second, func(context.Context, *primitive.Message, error) { passed++ }, message("orders", 1)); err != nil {
			t.Error(err)
		}
		got := taken(c)[reported.Series{Op: meter.OpSend, Topic: "orders"}]
		reported.Want(t, fmt.Sprint("messages after callbacks: ", callbacks), got.Messages, uint64(min(callbacks, 1)))
		reported.Want(t, "callbacks of the application", uint64(passed), uint64(callbacks))
		if (c.measured.Unsettled() == 0) != (callbacks > 0) {
			t.Errorf("after %d callbacks a message is in flight: %t", callbacks, c.measured.Unsettled() != 0)
		}
	}
}

// TestTheHostIsNotHarmed has the library be given what it panics at or refuses: what happens is what would happen without the SDK.
func TestTheHostIsNotHarmed(t *testing.T) {
	r := openOffline(t, report.Config{InjectTraceparent: true})
	c := newClient(r, "", nil, nil)
	a := &answering{err: rmqerrors.ErrMessageEmpty}
	p := wrapProducer(c, a, a.requestAsync)
	for _, messages := range [][]*primitive.Message{nil, {nil}, {message("orders", 1), nil}} {
		if _, err := p.SendSync(t.Context(), messages...); !errors.Is(err, rmqerrors.ErrMessageEmpty) {
			t.Errorf("%v: got error %v, want the library's", messages, err)
		}
	}
	of := newConsumer(r, nil, "ledger", nil)
	handle := of.measure(func(_ context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeRetryLater, nil
	})
	for _, messages := range [][]*primitive.MessageExt{nil, {nil}, {{}}} {
		if result, err := handle(t.Context(), messages...); result != rmqconsumer.ConsumeRetryLater || err != nil {
			t.Errorf("%v: got %v and %v, want the handler's", messages, result, err)
		}
	}
	func() {
		defer func() {
			if got := recover(); got != "no account" {
				t.Errorf("a handler's panic arrives as %v", got)
			}
		}()
		_, _ = of.measure(func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			panic("no account")
		})(t.Context(), &primitive.MessageExt{})
	}()
	reported.Want(t, "panics of the SDK's own", r.Stats().Recovered, 0)
	func() {
		defer c.measured.Recover()
		panic("a fault of the SDK")
	}()
	reported.Want(t, "panics of the SDK's own", r.Stats().Recovered, 1)
}

// TestJudge holds what becomes of a message whose handler failed.
func TestJudge(t *testing.T) {
	concurrent := primitive.WithConcurrentlyCtx(context.Background(), primitive.NewConsumeConcurrentlyContext())
	atOnce := primitive.NewConsumeConcurrentlyContext()
	atOnce.DelayLevelWhenNextConsume = -1
	ordered := primitive.WithOrderlyCtx(context.Background(), primitive.NewConsumeOrderlyContext())
	for _, test := range []struct {
		what       string
		ctx        context.Context
		result     rmqconsumer.ConsumeResult
		err        error
		broadcasts bool
		maximum    int32
		want       verdict
	}{
		{"success", concurrent, rmqconsumer.ConsumeSuccess, nil, false, -1, verdict{}},
		{"success with an error", concurrent, rmqconsumer.ConsumeSuccess, io.EOF, false, -1, verdict{failed: true}},
		{"later", concurrent, rmqconsumer.ConsumeRetryLater, nil, false, -1, verdict{true, 17}},
		{"later, twice at most", concurrent, rmqconsumer.ConsumeRetryLater, nil, false, 2, verdict{true, 3}},
		{"never again", primitive.WithConcurrentlyCtx(concurrent, atOnce), rmqconsumer.ConsumeRetryLater, nil, false, -1, verdict{true, 1}},
		{"to all", concurrent, rmqconsumer.ConsumeRetryLater, nil, true, -1, verdict{true, 1}},
		{"in order", ordered, rmqconsumer.SuspendCurrentQueueAMoment, nil, false, -1, verdict{failed: true}},
		{"in order, twice at most", ordered, rmqconsumer.SuspendCurrentQueueAMoment, nil, false, 2, verdict{true, 4}},
		{"in order, rolled back", ordered, rmqconsumer.Rollback, nil, false, 2, verdict{failed: true}},
	} {
		c := &consumer{client: &client{options: options{maxReconsumeTimes: test.maximum}}, broadcasts: test.broadcasts}
		if got := c.judge(test.ctx, test.result, test.err, true); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.what, got, test.want)
		}
	}
}

// TestLabelsAndNames holds what one client may say of itself.
func TestLabelsAndNames(t *testing.T) {
	r := openOffline(t, report.Config{Cluster: "shop", Node: "till-7"})
	c := newConsumer(r, nil, "ledger", []Option{Cluster("returns"), Instance("books"), Namespace("eu")})
	c.subscribed("orders")
	c.started()
	c.look(1000)
	l := c.measured.Labels()
	if l.Cluster != "returns" || l.Group != "eu%ledger" || l.System != "rocketmq" || !strings.HasPrefix(l.Client, "books@till-7-") {
		t.Errorf("got labels %+v", l)
	}
	if _, ok := taken(c.client)[reported.Series{Op: meter.OpConsume, Topic: "eu%orders"}]; !ok {
		t.Error("the topic is not reported with its namespace")
	}
	named := newConsumer(r, nil, "ledger", []Option{Group("all-ledgers")})
	named.started()
	if got := named.measured.Labels().Group; got != "all-ledgers" {
		t.Errorf("got group %q, want that of the option", got)
	}
}

// TestInjectTraceparent gives a message a trace, and leaves one that has some as it is.
func TestInjectTraceparent(t *testing.T) {
	c := newClient(openOffline(t, report.Config{InjectTraceparent: true, SlowAfter: 1}), "", nil, nil)
	a := &answering{}
	p := wrapProducer(c, a, a.requestAsync)
	traced := message("traced", 1)
	traced.WithProperty(meter.TraceparentHeader, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")
	for _, m := range []*primitive.Message{message("orders", 1), traced} {
		if _, err := p.SendSync(t.Context(), m); err != nil {
			t.Error(err)
		}
		value := m.GetProperty(meter.TraceparentHeader)
		got := taken(c)[reported.Series{Op: meter.OpSend, Topic: m.Topic}].Exemplars
		if len(got) == 0 || got[0].TraceID == "" || got[0].TraceID != meter.TraceOf(value) {
			t.Errorf("%s: got exemplars %+v of header %q", m.Topic, got, value)
		}
	}
	if !strings.Contains(traced.GetProperty(meter.TraceparentHeader), "0af7651916cd43dd8448eb211c80319c") {
		t.Error("a message's own trace is replaced")
	}
}

// closing counts what reaches the library's own client.
type closing struct {
	rmq.PushConsumer
	calls []string
}

func (c *closing) Start() error    { c.calls = append(c.calls, "start"); return nil }
func (c *closing) Shutdown() error { c.calls = append(c.calls, "shutdown"); return nil }
func (c *closing) Suspend()        { c.calls = append(c.calls, "suspend") }
func (c *closing) Resume()         { c.calls = append(c.calls, "resume") }

// TestCallsReachTheLibrary holds that a wrapped consumer does what it is told.
func TestCallsReachTheLibrary(t *testing.T) {
	inner := &closing{}
	c := WrapPushConsumer(openOffline(t, report.Config{}), inner, "ledger")
	if err := errors.Join(c.Start(), c.Shutdown()); err != nil {
		t.Error(err)
	}
	c.Suspend()
	c.Resume()
	if got := strings.Join(inner.calls, " "); got != "start shutdown suspend resume" {
		t.Errorf("the library was told: %s", got)
	}
}
