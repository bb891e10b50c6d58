package weir_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/sdk/rocketmq"
)

func ordersRoute() weir.Route {
	return weir.Route{ID: "orders.created", System: "kafka", Cluster: "orders-kafka", Endpoints: []string{"127.0.0.1:1"}, Topic: "orders"}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	directory := weir.Routes()
	systems := []weir.System{kafka.System()}
	for name, c := range map[string]struct {
		config weir.Config
		want   string
	}{
		"nothing":             {weir.Config{Unmeasured: true}, "Config.Directory is nil: open one with OpenFile or OpenTopic\nConfig.Systems is empty: name kafka.System(), rocketmq.System() or both"},
		"not measured":        {weir.Config{Directory: directory, Systems: systems}, "Config.Telemetry names no TelemetryBrokers: name those of the cluster with weir.telemetry, give a Reporter, or say Unmeasured"},
		"measured twice":      {weir.Config{Directory: directory, Systems: systems, Unmeasured: true, Reporter: &report.Reporter{}}, "Config.Unmeasured is true beside Telemetry or Reporter: leave one out"},
		"a file that is nil":  {weir.Config{Directory: (*weir.File)(nil), Systems: systems, Unmeasured: true}, "Config.Directory is nil: open one with OpenFile or OpenTopic"},
		"a topic that is nil": {weir.Config{Directory: (*weir.Topic)(nil), Systems: systems, Unmeasured: true}, "Config.Directory is nil: open one with OpenFile or OpenTopic"},
		"a system that is nil": {weir.Config{Directory: directory, Systems: append(systems, nil), Unmeasured: true},
			"system 2 of Config.Systems is nil: name kafka.System(), rocketmq.System() or both"},
		"a system twice":    {weir.Config{Directory: directory, Systems: append(systems, systems...), Unmeasured: true}, "Config.Systems has kafka twice"},
		"telemetry's error": {weir.Config{Directory: directory, Systems: systems, Telemetry: report.Config{TelemetryBrokers: []string{"a:1"}, Interval: time.Hour}}, "Config.Interval is 1h0m0s: allowed are 100ms to 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := weir.Open(t.Context(), c.config); err == nil || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestAFailedOpenLeavesNothing has Open fail for another reason than its telemetry, which is fine: nothing reports then. It runs beside no other test, which may report.
func TestAFailedOpenLeavesNothing(t *testing.T) {
	telemetry := report.Config{TelemetryBrokers: []string{"127.0.0.1:1"}}
	before := reporting()
	if _, err := weir.Open(t.Context(), weir.Config{Systems: []weir.System{kafka.System()}, Telemetry: telemetry}); err == nil {
		t.Fatal("a client without a directory is opened")
	}
	if now := reporting(); now > before {
		t.Errorf("%d goroutines report, and %d did before", now, before)
	}
}

// reporting counts goroutines of reporters.
func reporting() int {
	all := make([]byte, 16<<20)
	all = all[:runtime.Stack(all, true)]
	return strings.Count(string(all), "weir/sdk/report.Open")
}

func TestWhatASystemLacksFailsWhenOpened(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []weir.System{kafka.System()}, ordersRoute(), weir.Route{ID: "bills", System: "rocketmq", Cluster: "r", Endpoints: []string{"n:9876"}, Topic: "bills"})
	_, err := h.Producer("orders.created", weir.MaxDelay(time.Minute))
	if !errors.Is(err, weir.ErrLacks) || !strings.Contains(err.Error(), "have a topic for each delay whose consumer waits, keep what is due later in a database, or route the resource to RocketMQ") {
		t.Errorf("got %v", err)
	}
	if _, err := h.Producer("bills"); err == nil || !strings.Contains(err.Error(), `it is in a system "rocketmq": Config.Systems has kafka; add it`) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Producer("nothing"); !errors.Is(err, weir.ErrUnknownResource) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Consumer("nothing", "readers"); !errors.Is(err, weir.ErrUnknownResource) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Consumer("orders.created", ""); err == nil || !strings.Contains(err.Error(), "the group has no name") {
		t.Errorf("got %v", err)
	}
	_, err = h.Consumer("orders.created", "readers", weir.MaxBatch(5000), weir.Concurrency(0), weir.Attempts(0, 0, 0))
	for _, want := range []string{"MaxBatch is 5000: 1 to 1024 are allowed", "Concurrency is 0: 1 to 10000 are allowed", "Attempts is 0: at least 1 is allowed", "the backoff is 0s to 0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := h.Consumer("orders.created", "readers", weir.Concurrency(math.MaxInt)); err == nil || !strings.Contains(err.Error(), "1 to 10000 are allowed") {
		t.Errorf("got %v", err)
	}
	p := h.producer(t, "orders.created").Producer // what none of is sent is not booked
	err = p.Send(t.Context(), &weir.Message{}, nil, &weir.Message{Delay: time.Second})
	var failed *weir.BatchError
	if !errors.As(err, &failed) || len(failed.Failed) != 2 || !strings.Contains(failed.Failed[2].Error(), "the producer was opened for at most 0s; open it with weir.MaxDelay") {
		t.Errorf("got %v", err)
	}
}

// TestATopicOfDeadLettersThatCannotBeIsRefused: a consumer would wait for it without end. A group may have any name where there are none.
func TestATopicOfDeadLettersThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []weir.System{kafka.System()}, ordersRoute())
	most := strings.Repeat("g", 249-len("orders..dead-letter"))
	for _, c := range []struct {
		group   string
		options []weir.ConsumerOption
		names   string // the topic, where it is refused
	}{
		{most, nil, ""},
		{most + "g", nil, "orders." + most + "g.dead-letter"},
		{"a:b", nil, "orders.a:b.dead-letter"},
		{"a b", []weir.ConsumerOption{weir.DeadLetter("orders-dead")}, ""},
		{"a", []weir.ConsumerOption{weir.DeadLetter("orders/dead")}, "orders/dead"},
		{"a", []weir.ConsumerOption{weir.DeadLetter("..")}, ".."},
		{"a:b", []weir.ConsumerOption{weir.When(weir.KeepTrying)}, ""},
		{"a:b", []weir.ConsumerOption{weir.When(weir.Discard)}, ""},
	} {
		_, err := h.Consumer("orders.created", c.group, c.options...)
		if c.names == "" && err != nil {
			t.Errorf("group %q is refused: %v", c.group, err)
		}
		if c.names == "" {
			continue
		}
		if !errors.Is(err, weir.ErrLacks) || !strings.Contains(err.Error(), `would be in "`+c.names+`"`) || !strings.Contains(err.Error(), "weir.DeadLetter") {
			t.Errorf("group %q: got %v, want that topic %s is refused", c.group, err, c.names)
		}
	}
}

// TestWhatIsNilIsRefused: it would be called where nobody expects it, and a nil handler would make dead letters of all that comes.
func TestWhatIsNilIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []weir.System{kafka.System()}, ordersRoute())
	if _, err := h.Producer("orders.created", weir.MaxDelay(0), nil); err == nil || !strings.Contains(err.Error(), "option 2 is nil: leave it out") {
		t.Errorf("got %v", err)
	}
	if _, err := h.Consumer("orders.created", "readers", nil, weir.MaxBatch(0)); err == nil || !strings.Contains(err.Error(), "option 1 is nil: leave it out\nMaxBatch is 0") {
		t.Errorf("got %v", err)
	}
	c, err := h.Consumer("orders.created", "readers")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(reported.Patience, cancel)
	if err := c.Run(ctx, nil); err == nil || !strings.Contains(err.Error(), "the handler is nil: give it one") {
		t.Errorf("got %v", err)
	}
}

// TestAGroupOfRocketMQHasOneTopicOfACluster: its queues would go to members that do not consume it.
func TestAGroupOfRocketMQHasOneTopicOfACluster(t *testing.T) {
	t.Parallel()
	bills := weir.Route{ID: "bills", System: "rocketmq", Cluster: "mail", Endpoints: []string{"n:9876"}, Topic: "bills"}
	reminders, elsewhere, other := bills, bills, bills
	reminders.ID, reminders.Topic = "reminders", "reminders"
	elsewhere.ID, elsewhere.Topic, elsewhere.Cluster = "elsewhere", "reminders", "other"
	other.ID, other.Topic, other.Namespace = "other", "reminders", "of-its-own"
	h := newHouse(t, []weir.System{kafka.System(), rocketmq.System()}, bills, reminders, elsewhere, other, ordersRoute())
	for _, id := range []string{"bills", "bills", "elsewhere", "other", "orders.created"} {
		if _, err := h.Consumer(id, "billing"); err != nil {
			t.Error(err)
		}
	}
	_, err := h.Consumer("reminders", "billing")
	if !errors.Is(err, weir.ErrLacks) || !strings.Contains(err.Error(), `beside the consumer of "bills"`) || !strings.Contains(err.Error(), "consume one of them by a group of its own") {
		t.Errorf("got %v", err)
	}
	mailer, err := h.Consumer("reminders", "mailer")
	if err != nil {
		t.Error(err)
	}
	_ = mailer.Close(t.Context())
	if _, err := h.Consumer("bills", "mailer"); err != nil {
		t.Errorf("the other one is closed, and still: %v", err)
	}
}

func TestWhatIsClosedRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []weir.System{kafka.System()}, ordersRoute())
	p := h.producer(t, "orders.created")
	c, err := h.Consumer("orders.created", "readers")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := p.Send(t.Context(), &weir.Message{}); !errors.Is(err, weir.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := c.Run(t.Context(), nil); !errors.Is(err, weir.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Producer("orders.created"); !errors.Is(err, weir.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestTheClosestRouteWins(t *testing.T) {
	t.Parallel()
	in := func(env, lane, topic string) weir.Route {
		r := ordersRoute()
		r.Env, r.Lane, r.Topic = env, lane, topic
		return r
	}
	d := weir.Routes(in("", "", "neither"), in("production", "", "env"), in("production", "stable", "both"))
	for q, want := range map[weir.Query]string{
		{ID: "orders.created", Env: "production", Lane: "stable"}: "both",
		{ID: "orders.created", Env: "production", Lane: "grey"}:   "env",
		{ID: "orders.created", Env: "staging", Lane: "stable"}:    "neither",
		{ID: "orders.created"}: "neither",
	} {
		if r, _, err := d.Resolve(q); err != nil || r.Topic != want {
			t.Errorf("%v: got %s, %v, want %s", q, r.Topic, err, want)
		}
	}
}

func TestAFileIsReadAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []weir.System{kafka.System()}, ordersRoute())
	q := weir.Query{ID: "orders.created"}
	topic := func() string { r, _, _ := h.directory.Resolve(q); return r.Topic }
	_, changed, _ := h.directory.Resolve(q)
	next := ordersRoute()
	next.Topic = "orders-2"
	h.write(t, next)
	<-changed
	reported.Want(t, "is the new topic", uint64(strings.Compare(topic(), "orders-2")), 0)
	for _, broken := range []string{`{"routes": [`, `{"ways": []}`, `{"routes": [{"id": "orders.created"}]}`, `{"routes": []} {}`} {
		if err := os.WriteFile(h.path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		reported.Eventually(t, "the file is refused", func() bool { return h.directory.Err() != nil })
		reported.Want(t, "is the topic of before", uint64(strings.Compare(topic(), "orders-2")), 0)
		h.write(t, next)
		reported.Eventually(t, "the file is taken", func() bool { return h.directory.Err() == nil })
	}
	if _, err := weir.OpenFile(filepath.Join(t.TempDir(), "missing.json")); err == nil {
		t.Error("a file that is missing is opened")
	}
}
