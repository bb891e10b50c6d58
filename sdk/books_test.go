package weir_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/telemetry"
)

// books are what a program counts itself of what it sends and is given. What its client reports adds up to exactly that, whatever happens meanwhile:
//
//   - sent: messages, and their bytes, of which Send said that they are acknowledged;
//   - failed: those of which it said that they failed, also where a command withholds them. Nobody may know whether such a message is in the
//     topic: what its sender was told counts. Only what a producer refuses before any client has it (it is closed, or the call's context is over) was no send;
//   - received: messages, and their bytes, each time that they come from the broker and the handler is given them. What is given again in place, since
//     the handler failed, was received once; what was fetched and not given, since the consumer ended or lost the partition, was not;
//   - handled: each time that the handler was given a message and returned, unless it says by weir.Each that it did not come to it;
//   - failed of a handler: those of them that it named;
//   - dead: those of them that it had tried as often as it may.
type books struct {
	system string
	mu     sync.Mutex
	sent   map[string]*sentBook           // by topic
	given  map[reported.Series]*givenBook // by topic and group
	seen   map[*weir.Delivery]bool        // kept, so that no other has its address
}

// sentBook is what was sent to a topic.
type sentBook struct {
	messages, bytes, failed uint64
	withheld                uint64 // of those that failed, by commands
	refused                 uint64 // not sent at all
}

// givenBook is what a group was given of a topic.
type givenBook struct{ messages, bytes, handled, failed, dead uint64 }

func newBooks(system string) *books {
	return &books{system: system, sent: map[string]*sentBook{}, given: map[reported.Series]*givenBook{}, seen: map[*weir.Delivery]bool{}}
}

// size is what counts of a message: see docs/sdk.md.
func (b *books) size(m *weir.Message) uint64 {
	size := len(m.Key) + len(m.Body)
	if b.system != kafka.SystemName {
		return uint64(size + len(m.Tag))
	}
	if m.Tag != "" {
		size += len(weir.TagHeader) + len(m.Tag)
	}
	for _, h := range m.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return uint64(size)
}

// producer is a producer whose sends are in its program's books.
type producer struct {
	*weir.Producer
	books *books
}

// Send sends, and books what it is told.
func (p *producer) Send(ctx context.Context, messages ...*weir.Message) error {
	topic := p.State().Route.Topic
	err := p.Producer.Send(ctx, messages...)
	p.books.send(topic, messages, err)
	return err
}

func (b *books) send(topic string, messages []*weir.Message, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	book := b.sent[topic]
	if book == nil {
		book = &sentBook{}
		b.sent[topic] = book
	}
	var failed *weir.BatchError
	if err != nil && !errors.As(err, &failed) {
		book.refused += uint64(len(messages))
		return
	}
	for i, m := range messages {
		if failed != nil && failed.Failed[i] != nil {
			book.failed++
			if errors.Is(failed.Failed[i], agent.ErrSendLimited) || errors.Is(failed.Failed[i], agent.ErrTooLarge) {
				book.withheld++
			}
			continue
		}
		book.messages++
		book.bytes += b.size(m)
	}
}

// handler is a handler that books what it is given, and what it says.
func (b *books) handler(group string, handle weir.Handler, options []weir.ConsumerOption) weir.Handler {
	how := weir.Consumption{Attempts: weir.DefaultAttempts}
	for _, option := range options {
		option(&how)
	}
	return func(ctx context.Context, batch []*weir.Delivery) error {
		b.receive(group, batch)
		err := handle(ctx, batch)
		b.mu.Lock()
		defer b.mu.Unlock()
		failures := weir.FailuresOf(err, len(batch))
		for i, d := range batch {
			book, cause := b.of(d, group), failures.Of(i)
			if weir.IsBehind(cause) {
				continue
			}
			book.handled++
			if cause != nil {
				book.failed++
				if how.IsLast(d.Attempt) {
					book.dead++
				}
			}
		}
		return err
	}
}

func (b *books) receive(group string, batch []*weir.Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range batch {
		if !b.seen[d] {
			b.seen[d] = true
			book := b.of(d, group)
			book.messages++
			book.bytes += b.size(&d.Message)
		}
	}
}

// of is the book of what a group is given of a delivery's topic; mu is held.
func (b *books) of(d *weir.Delivery, group string) *givenBook {
	series := reported.Series{Op: "consume", Topic: d.Topic, Group: group}
	if b.given[series] == nil {
		b.given[series] = &givenBook{}
	}
	return b.given[series]
}

// balance closes the program, and holds that its books are what its client reported: series by series, and nothing besides.
func (h *house) balance(t testing.TB) {
	t.Helper()
	reports := h.reports(t)
	stats := h.reporter.Stats()
	reported.Want(t, "reports that arrived", uint64(len(reports)), stats.Acknowledged)
	reported.Want(t, "reports that are lost", stats.Dropped, 0)
	reported.Want(t, "panics of the SDK", stats.Recovered, 0)
	h.books.mu.Lock()
	defer h.books.mu.Unlock()
	if h.unmeasured { // only what commands do is told of
		h.books.given = nil
		for topic, book := range h.books.sent {
			h.books.sent[topic] = &sentBook{failed: book.withheld}
		}
	}
	booked := map[reported.Series]bool{}
	for topic, book := range h.books.sent {
		series := reported.Series{Op: "send", Topic: topic}
		booked[series] = true
		book.balance(t, series, reported.Sum(reports, series))
	}
	for series, book := range h.books.given {
		booked[series] = true
		book.balance(t, series, reported.Sum(reports, series))
		if h.books.system == kafka.SystemName && book.dead > 0 {
			letters := reported.Series{Op: "send", Topic: series.Topic + "." + series.Group + ".dead-letter"}
			booked[letters] = true
			reported.Want(t, "dead letters that are reported as sent", reported.Sum(reports, letters).Messages, book.dead)
		}
	}
	h.books.empty(t, reports, booked)
}

// empty holds that nothing was measured but what is booked.
func (b *books) empty(t testing.TB, reports []reported.Report, booked map[reported.Series]bool) {
	t.Helper()
	for i := range reports {
		r := &reports[i]
		series := reported.Series{Op: r.Labels.Op, Topic: r.Labels.Topic}
		if r.Labels.Op == "consume" {
			series.Group = r.Labels.Group
		}
		if !booked[series] && r.Messages+uint64(len(r.Errors))+r.LatencyMicros.Count() > 0 {
			t.Errorf("%+v: nobody sent or was given anything, and reported are %d messages, errors %v, %d latencies", series, r.Messages, r.Errors, r.LatencyMicros.Count())
		}
	}
}

func (b *sentBook) balance(t testing.TB, of reported.Series, got reported.Totals) {
	t.Helper()
	of1 := fmt.Sprintf("%s %s: ", of.Op, of.Topic)
	reported.Want(t, of1+"messages", got.Messages, b.messages)
	reported.Want(t, of1+"bytes", got.Bytes, b.bytes)
	reported.Want(t, of1+"latencies", got.LatencyMicros.Count(), b.messages)
	reported.Want(t, of1+"sizes", got.SizeBytes.Count(), b.messages)
	reported.Want(t, of1+"sum of sizes", got.SizeBytes.Sum, b.bytes)
	failed := uint64(0)
	for _, count := range got.ErrorsByClass {
		failed += count
	}
	reported.Want(t, of1+"failures", failed, b.failed)
	t.Logf("%s%+v", of1, *b)
}

func (b *givenBook) balance(t testing.TB, of reported.Series, got reported.Totals) {
	t.Helper()
	of1 := fmt.Sprintf("%s %s by %s: ", of.Op, of.Topic, of.Group)
	reported.Want(t, of1+"messages", got.Messages, b.messages)
	reported.Want(t, of1+"bytes", got.Bytes, b.bytes)
	reported.Want(t, of1+"delays", got.DelayMicros.Count(), b.messages)
	reported.Want(t, of1+"sizes", got.SizeBytes.Count(), b.messages)
	reported.Want(t, of1+"sum of sizes", got.SizeBytes.Sum, b.bytes)
	reported.Want(t, of1+"latencies", got.LatencyMicros.Count(), b.handled)
	if b.failed > 0 {
		reported.WantErrors(t, got, map[string]uint64{"handler": b.failed})
	} else {
		reported.WantErrors(t, got, nil)
	}
	dead := uint64(0)
	for i := range got.Exemplars {
		if got.Exemplars[i].Step == telemetry.StepDeadLettered {
			dead++
		}
	}
	reported.Want(t, of1+"messages that are told of as dead letters", dead, b.dead)
	t.Logf("%s%+v", of1, *b)
}

// inPlaces closes the program, and holds what it reports of each place in which a resource was against what the brokers there have: everything that is in a topic
// was received at least once, and as much was sent as is in it. Where a broker or its answers may have been away, or a system's own client asks again
// for what it has no answer to, there may be more in it than was acknowledged: at most extra.
func (h *house) inPlaces(t testing.TB, extra uint64, routes ...weir.Route) {
	t.Helper()
	reports := h.reports(t)
	for i := range routes {
		in := func(op string) reported.Totals {
			return reported.SumWhere(reports, func(r *reported.Report) bool {
				return r.Labels.Op == op && r.Labels.Topic == routes[i].Topic && r.Labels.Cluster == routes[i].Cluster
			})
		}
		there, sent, received := stored(t, &routes[i]), in("send").Messages, in("consume").Messages
		if there < sent || there > sent+extra {
			t.Errorf("%s has %d messages, and reported as sent there are %d: want %d more at most", routes[i].Cluster, there, sent, extra)
		}
		if received < sent {
			t.Errorf("of %d messages that were acknowledged by %s %d are reported as received", sent, routes[i].Cluster, received)
		}
		t.Logf("%s has %d messages; reported are %d as sent there, and %d as received", routes[i].Cluster, there, sent, received)
	}
}

// stored is how many messages a broker has taken into a topic since it was created.
func stored(t testing.TB, at *weir.Route) (count uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), reported.Patience)
	defer cancel()
	if at.System == kafka.SystemName {
		ends, err := kadm.NewClient(reported.Dial(t, at.Endpoints)).ListEndOffsets(ctx, at.Topic)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(end kadm.ListedOffset) { count += uint64(end.Offset) })
		return count
	}
	client := remoting.NewClient(remoting.Config{})
	defer client.Close()
	route, err := client.NameServer(at.Endpoints[0]).TopicRoute(ctx, at.Topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range route.Brokers {
		queues, err := client.Broker(set.Addrs[remoting.MasterID]).TopicStats(ctx, at.Topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, queue := range queues {
			count += uint64(queue.Max)
		}
	}
	return count
}
