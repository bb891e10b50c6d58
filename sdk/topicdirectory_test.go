package weir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
)

// writer writes records of weir.control, as role control does.
type writer struct{ *kgo.Client }

func newWriter(t *testing.T, addrs []string) writer {
	t.Helper()
	w := writer{reported.Dial(t, addrs)}
	compact := "compact"
	if _, err := kadm.NewClient(w.Client).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, control.Topic); err != nil {
		t.Fatal(err)
	}
	return w
}

// put writes a route at a revision; one of no system takes it away.
func (w writer) put(t *testing.T, r weir.Route, revision uint64) {
	t.Helper()
	r.Schema, r.Revision = control.Schema, revision
	record := &kgo.Record{Topic: control.Topic, Key: []byte(r.Key())}
	if r.System != "" {
		var err error
		if record.Value, err = r.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	w.raw(t, record)
}

func (w writer) raw(t *testing.T, record *kgo.Record) {
	t.Helper()
	if err := w.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// TestRoutesOfTheTopic follows routes as they are written, and refuses what is none.
func TestRoutesOfTheTopic(t *testing.T) {
	t.Parallel()
	addrs := startBroker(t)
	w := newWriter(t, addrs)
	q := weir.Query{ID: "orders.created"}
	first := ordersRoute()
	w.put(t, first, 1)
	d, err := weir.OpenTopic(t.Context(), weir.TopicConfig{Brokers: addrs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	resolved := func() weir.Route { r, _, _ := d.Resolve(q); return r }
	if r := resolved(); r.Topic != "orders" || r.Revision != 1 {
		t.Errorf("got %+v", r)
	}
	next := first
	next.Cluster = "next"
	w.put(t, next, 2)
	reported.Eventually(t, "the next route", func() bool { return resolved().Cluster == "next" })
	if former := resolved().Former; len(former) != 1 || former[0].Cluster != "orders-kafka" {
		t.Errorf("the former place is %+v", former)
	}
	w.raw(t, &kgo.Record{Topic: control.Topic, Key: []byte(first.Key()), Value: []byte(`{"schema":99}`)})
	w.put(t, first, 1) // a replay
	w.put(t, weir.Route{ID: "others", System: "kafka", Cluster: "c", Endpoints: []string{"k:1"}, Topic: "t"}, 1)
	reported.Eventually(t, "what comes behind", func() bool { _, _, err := d.Resolve(weir.Query{ID: "others"}); return err == nil })
	if r := resolved(); r.Cluster != "next" || r.Revision != 2 {
		t.Errorf("a refused record or a replay changes the route to %+v", r)
	}
	w.put(t, weir.Route{ID: "orders.created"}, 0)
	reported.Eventually(t, "the route is taken away", func() bool { _, _, err := d.Resolve(q); return errors.Is(err, weir.ErrUnknownResource) })
}

// TestRoutesOutliveTheTopic has the cluster with weir.control go away, while a program runs and before it starts.
func TestRoutesOutliveTheTopic(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, b.Addrs())
	g := newFake(t, "a")
	g.create(t, "orders")
	w.put(t, g.route("r", "orders"), 1)
	cache := filepath.Join(t.TempDir(), "routes.cache")
	config := weir.TopicConfig{Brokers: b.Addrs(), Cache: cache}
	d, err := weir.OpenTopic(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	sends := func(d weir.Directory) {
		t.Helper()
		c, err := weir.Open(t.Context(), weir.Config{Directory: d, Systems: []weir.System{kafka.System()}, Unmeasured: true})
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Producer("r")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Send(t.Context(), &weir.Message{Body: []byte("b")}); err != nil {
			t.Error(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	b.Close()
	sends(d)
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	again, err := weir.OpenTopic(soon, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	sends(again)
	for what, path := range map[string]string{"no cache": "", "a missing cache": cache + ".missing", "a broken cache": broken(t)} {
		config.Cache = path
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := weir.OpenTopic(soon, config)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "weir.control was not read") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func broken(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command writes a command that ends in an hour.
func (w writer) command(t *testing.T, name, what string) {
	t.Helper()
	now := time.Now()
	value := fmt.Sprintf(`{"schema":1,"name":%q,"revision":1,"author":"li@example.com","reason":"a test","created_at":%q,"expires_at":%q,%s}`,
		name, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339), what)
	w.raw(t, &kgo.Record{Topic: control.Topic, Key: []byte(control.CommandKey(name)), Value: []byte(value)})
}

// transact writes a route in a transaction, as a mirror of weir.control does.
func transact(t *testing.T, addrs []string, r weir.Route) {
	t.Helper()
	r.Schema, r.Revision = control.Schema, 1
	value, err := r.Encode()
	must(t, err)
	client := reported.Dial(t, addrs, kgo.TransactionalID("mirror"))
	must(t, client.BeginTransaction())
	must(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(r.Key()), Value: value}).FirstErr())
	must(t, client.EndTransaction(t.Context(), kgo.TryCommit))
}

// TestRoutesOfATopicThatIsMadeAnew has weir.control end with the end of a transaction, and be deleted and made anew: a directory that was open for long has the new
// one's routes, and the former one's until then. Its log says what happens.
func TestRoutesOfATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	addrs := startBroker(t)
	w := newWriter(t, addrs)
	transact(t, addrs, ordersRoute())
	log := &child.Output{}
	soon, cancel := context.WithTimeout(t.Context(), reported.Patience)
	defer cancel()
	d, err := weir.OpenTopic(soon, weir.TopicConfig{Brokers: addrs, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	known := func(id string) bool { _, _, err := d.Resolve(weir.Query{ID: id}); return err == nil }
	if !known("orders.created") {
		t.Error("the route is not there")
	}
	_, err = kadm.NewClient(w.Client).DeleteTopic(t.Context(), control.Topic)
	must(t, err)
	reported.Eventually(t, "that the topic is gone is logged", func() bool { return strings.Contains(log.String(), "cannot be read") })
	if !known("orders.created") {
		t.Error("the route goes with its topic")
	}
	again := newWriter(t, addrs)
	reported.Eventually(t, "that the topic is new is logged", func() bool { return strings.Contains(log.String(), "was deleted and made anew") })
	if !known("orders.created") {
		t.Error("the route goes though the new topic says nothing")
	}
	again.put(t, weir.Route{ID: "others", System: "kafka", Cluster: "c", Endpoints: []string{"k:1"}, Topic: "t"}, 1)
	reported.Eventually(t, "the new topic's routes", func() bool { return known("others") && !known("orders.created") })
	for _, says := range []string{"was deleted and made anew", "is read again"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q: %s", says, log)
		}
	}
}
