package weir_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// ground is a system that tests run on.
type ground struct {
	system  weir.System
	cluster string
	seeds   []string
	create  func(t *testing.T, topics ...string)
	// deadLetters are the bodies of a group's dead letters of a topic, as soon as there is one.
	deadLetters func(t *testing.T, topic, group string) []string
	// restart kills the broker, and starts it again on what it has on its disk.
	restart func(t *testing.T)
}

// newFake is a cluster of Kafka within the process.
func newFake(t *testing.T, cluster string) *ground {
	t.Helper()
	addrs := startBroker(t)
	return &ground{system: kafka.System(), cluster: cluster, seeds: addrs,
		create: func(t *testing.T, topics ...string) { reported.CreateTopics(t, addrs, topics...) },
		deadLetters: func(t *testing.T, topic, group string) []string {
			return readTopic(t, addrs, topic+"."+group+".dead-letter")
		}}
}

// readTopic waits for a topic's first messages, and returns their bodies.
func readTopic(t *testing.T, addrs []string, topic string) (bodies []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reported.Patience)
	defer cancel()
	reader := reported.Dial(t, addrs, kgo.ConsumeTopics(topic))
	defer reader.Close()
	fetches := reader.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	fetches.EachRecord(func(r *kgo.Record) { bodies = append(bodies, string(r.Value)) })
	return bodies
}

func startBroker(t testing.TB) []string {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addrs()
}

// route leads to a topic of the ground.
func (g *ground) route(id, topic string) weir.Route {
	return weir.Route{ID: id, System: g.system.Name(), Cluster: g.cluster, Endpoints: g.seeds, Topic: topic}
}

// house is a program: a directory of its own, a client, the telemetry that it reports to, and books of its own to hold that against.
type house struct {
	*weir.Client
	path       string
	directory  *weir.File
	reporter   *report.Reporter
	telemetry  []string
	unmeasured bool // the client is not to report anything
	books      *books
	reported   []reported.Report // when it is closed
}

// newHouse opens a client of resources that are where routes say. At the test's end it is closed, and must have reported exactly what is in the books.
func newHouse(t testing.TB, systems []weir.System, routes ...weir.Route) *house {
	t.Helper()
	h := &house{path: filepath.Join(t.TempDir(), "routes.json"), telemetry: startBroker(t), books: newBooks(systems[0].Name())}
	reported.CreateTopic(t, h.telemetry)
	h.write(t, routes...)
	var err error
	if h.directory, err = weir.OpenFile(h.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.directory.Close)
	h.reporter, err = report.Open(report.Config{TelemetryBrokers: h.telemetry, Env: "test", Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	h.Client, err = weir.Open(t.Context(), weir.Config{Env: "test", Directory: h.directory, Systems: systems, Reporter: h.reporter,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.balance(t) })
	return h
}

// write has the directory's file hold routes.
func (h *house) write(t testing.TB, routes ...weir.Route) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"routes": append([]weir.Route{}, routes...)}) // none is an empty list
	if err != nil {
		t.Fatal(err)
	}
	next := h.path + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, h.path); err != nil {
		t.Fatal(err)
	}
}

// reports closes the client and its reporter, and returns what was reported.
func (h *house) reports(t testing.TB) []reported.Report {
	t.Helper()
	if h.reported != nil {
		return h.reported
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), reported.Patience)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := h.reporter.Close(ctx); err != nil {
		t.Fatal(err)
	}
	h.reported = append([]reported.Report{}, reported.Read(t, h.telemetry, func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
		return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis)
	})...)
	return h.reported
}

// producer opens a producer.
func (h *house) producer(t testing.TB, id string, options ...weir.ProducerOption) *producer {
	t.Helper()
	p, err := h.Producer(id, options...)
	if err != nil {
		t.Fatal(err)
	}
	return &producer{p, h.books}
}

// consumer is a consumer that runs.
type consumer struct {
	*weir.Consumer
	stop  context.CancelFunc
	ended chan error
}

// consume runs a consumer until the test ends, or end.
func (h *house) consume(t testing.TB, id, group string, handle weir.Handler, options ...weir.ConsumerOption) *consumer {
	t.Helper()
	c, err := h.Consumer(id, group, options...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	out := &consumer{c, stop, make(chan error, 1)}
	handle = h.books.handler(group, handle, options)
	go func() { out.ended <- c.Run(ctx, handle) }()
	t.Cleanup(func() { out.end(t) })
	return out
}

// end has the consumer end, and waits.
func (c *consumer) end(t testing.TB) {
	t.Helper()
	c.stop()
	select {
	case err := <-c.ended:
		c.ended <- nil
		if err != nil {
			t.Error(err)
		}
	case <-time.After(reported.Patience):
		t.Errorf("waited %s in vain for the consumer's end", reported.Patience)
	}
}

// ledger notes what handlers were given.
type ledger struct {
	mu      sync.Mutex
	bodies  map[string]int      // how often each was handled
	byKey   map[string][]string // bodies in order
	handled int
}

func newLedger() *ledger { return &ledger{bodies: map[string]int{}, byKey: map[string][]string{}} }

// note is a handler's part for one message.
func (l *ledger) note(d *weir.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handled++
	l.bodies[string(d.Body)]++
	l.byKey[string(d.Key)] = append(l.byKey[string(d.Key)], string(d.Body))
}

// handle is a handler that notes and succeeds.
func (l *ledger) handle(_ context.Context, batch []*weir.Delivery) error {
	for _, d := range batch {
		l.note(d)
	}
	return nil
}

// different is how many different messages were handled.
func (l *ledger) different() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.bodies)
}

// inOrder holds that each key's messages, which are numbered, came in order the first time that each came.
func (l *ledger) inOrder(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, bodies := range l.byKey {
		next := 0
		for _, body := range bodies {
			var number int
			if _, err := fmt.Sscanf(body, key+":%d", &number); err != nil {
				t.Fatalf("message %q of key %q: %v", body, key, err)
			}
			switch {
			case number > next:
				t.Fatalf("key %s: message %d came before message %d", key, number, next)
			case number == next:
				next++
			}
		}
	}
}

// numbered are messages: so many of each of so many keys, in turn.
func numbered(keys, each int) []*weir.Message {
	var out []*weir.Message
	for i := range each {
		for k := range keys {
			key := fmt.Sprintf("k%d", k)
			out = append(out, &weir.Message{Key: []byte(key), Body: fmt.Appendf(nil, "%s:%d", key, i)})
		}
	}
	return out
}

// sendAll sends messages, some at once.
func sendAll(t testing.TB, p *producer, messages []*weir.Message) {
	t.Helper()
	for some := range slices.Chunk(messages, 50) {
		if err := p.Send(t.Context(), some...); err != nil {
			t.Fatal(err)
		}
	}
}

// testWriter writes a log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}
