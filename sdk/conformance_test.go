package weir_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
)

// conformance is what holds on each system alike. Each case has a topic of its own, which is named after the case. What is true of all of them is that the
// program's reports add up to what it counted itself: see books.
var conformance = []struct {
	name  string
	topic string
	run   func(t *testing.T, g *ground)
}{
	{"a message comes as it was sent", "whole", comesAsSent},
	{"each key is in order", "ordered", eachKeyInOrder},
	{"some of a batch fail and are given again", "failing", someFail},
	{"what fails as often as it may is put away", "dead", putAway},
	{"nothing is lost when a consumer ends", "ending", endsWithoutLoss},
	{"what fails of a batch is given again alone", "batches", batchesFail},
	{"a delayed message is not given before its time", "delayed", delayed},
	{"what was handled is not given to the next consumer", "handed", handedOver},
	{"nothing is lost when a group changes", "rebalanced", rebalanced},
	{"many send and many consume", "crowded", crowded},
	{"a slow handler is thousands of messages behind", "behind", behind},
}

// TestOnKfake runs the table on a cluster within the process.
func TestOnKfake(t *testing.T) {
	t.Parallel()
	runConformance(t, newFake(t, "fake"))
}

func runConformance(t *testing.T, g *ground) {
	var topics []string
	for _, c := range conformance {
		topics = append(topics, c.topic)
	}
	g.create(t, topics...)
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, g)
		})
	}
}

// open opens a house with one resource, "r", in a topic.
func (g *ground) open(t *testing.T, topic string) *house {
	t.Helper()
	return newHouse(t, []weir.System{g.system}, g.route("r", topic))
}

func comesAsSent(t *testing.T, g *ground) {
	h := g.open(t, "whole")
	sent := []*weir.Message{
		{Key: []byte("k0"), Tag: "paid", Body: []byte("first"), Headers: []weir.Header{{Key: "content-type", Value: []byte("text/plain")}, {Key: "n", Value: []byte("1")}}},
		{Body: []byte("neither key nor tag")},
		{Key: []byte("k2"), Body: []byte{0, 255, 7}},
	}
	if err := h.producer(t, "r").Send(t.Context(), sent...); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[string]weir.Delivery{}
	h.consume(t, "r", "whole-readers", func(_ context.Context, batch []*weir.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range batch {
			got[string(d.Body)] = *d
		}
		return nil
	})
	reported.Eventually(t, "all messages", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == len(sent) })
	mu.Lock()
	defer mu.Unlock()
	for _, m := range sent {
		d := got[string(m.Body)]
		if string(d.Key) != string(m.Key) || d.Tag != m.Tag || d.Resource != "r" || d.Attempt != 1 || d.Native() == nil || time.Since(d.Time).Abs() > time.Hour {
			t.Errorf("sent %+v, got %+v", m, d)
		}
		for _, header := range m.Headers {
			if value, ok := d.Header(header.Key); !ok || string(value) != string(header.Value) {
				t.Errorf("header %s: got %q, %v, want %q", header.Key, value, ok, header.Value)
			}
		}
		if len(d.Headers) != len(m.Headers) {
			t.Errorf("sent %d headers, got %v", len(m.Headers), d.Headers)
		}
	}
}

func eachKeyInOrder(t *testing.T, g *ground) {
	h := g.open(t, "ordered")
	const keys, each = 20, 50
	got := newLedger()
	h.consume(t, "r", "ordered-readers", got.handle, weir.Ordered(), weir.Concurrency(3))
	sendAll(t, h.producer(t, "r"), numbered(keys, each))
	reported.Eventually(t, "all messages", func() bool { return got.different() == keys*each })
	got.inOrder(t)
	reported.Want(t, "handled", uint64(got.handled), keys*each)
}

// someFail has every seventh message of each batch fail twice.
func someFail(t *testing.T, g *ground) {
	h := g.open(t, "failing")
	const keys, each = 5, 20
	got := newLedger()
	var mu sync.Mutex
	failures := map[string]int{}
	failed := 0
	h.consume(t, "r", "failing-readers", weir.Each(func(_ context.Context, d *weir.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		var number int
		_, _ = fmt.Sscanf(string(d.Body[slices.Index(d.Body, ':')+1:]), "%d", &number)
		if number%7 == 3 && failures[string(d.Body)] < 2 {
			if failures[string(d.Body)]++; d.Attempt != failures[string(d.Body)] {
				t.Errorf("message %s: it is attempt %d, and is said to be %d", d.Body, failures[string(d.Body)], d.Attempt)
			}
			failed++
			return errors.New("the store is busy")
		}
		got.note(d)
		return nil
	}), weir.Ordered(), weir.Attempts(5, 10*time.Millisecond, 20*time.Millisecond))
	sendAll(t, h.producer(t, "r"), numbered(keys, each))
	reported.Eventually(t, "all messages", func() bool { return got.different() == keys*each })
	got.inOrder(t)
	for body, times := range got.bodies {
		if times != 1 {
			t.Errorf("%s was handled %d times", body, times)
		}
	}
	const failing = keys * 3 * 2 // numbers 3, 10 and 17
	reported.Want(t, "failures", uint64(failed), failing)
}

func putAway(t *testing.T, g *ground) {
	h := g.open(t, "dead")
	got, p := newLedger(), h.producer(t, "r")
	var mu sync.Mutex
	attempts := map[string]int{}
	h.consume(t, "r", "undertakers", weir.Each(func(_ context.Context, d *weir.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if string(d.Body) == "k1:2" {
			attempts[string(d.Body)]++
			return errors.New("nobody can")
		}
		got.note(d)
		return nil
	}), weir.Ordered(), weir.Attempts(3, 10*time.Millisecond, 20*time.Millisecond))
	sendAll(t, p, numbered(2, 5))
	reported.Eventually(t, "all others", func() bool { return got.different() == 2*5-1 })
	mu.Lock()
	reported.Want(t, "attempts", uint64(attempts["k1:2"]), 3)
	mu.Unlock()
	letters := g.deadLetters(t, "dead", "undertakers")
	if len(letters) != 1 || letters[0] != "k1:2" {
		t.Errorf("dead letters are %q", letters)
	}
}

// endsWithoutLoss has consumers of one group end amid messages, and others take over.
func endsWithoutLoss(t *testing.T, g *ground) {
	h := g.open(t, "ending")
	const keys, each, turns = 10, 60, 3
	got, p := newLedger(), h.producer(t, "r")
	messages := numbered(keys, each)
	part := len(messages) / turns
	for turn := range turns {
		c := h.consume(t, "r", "ending-readers", got.handle)
		sendAll(t, p, messages[turn*part:(turn+1)*part])
		before := turn * part
		reported.Eventually(t, "some messages", func() bool { return got.different() > before })
		c.end(t)
	}
	h.consume(t, "r", "ending-readers", got.handle)
	reported.Eventually(t, "all messages", func() bool { return got.different() == keys*each })
	t.Logf("%d messages were handled %d times", got.different(), got.handled)
}

// batchesFail has a handler that takes whole batches name those of its messages that failed. What failed comes again; on Kafka, with what is behind
// it of its key.
func batchesFail(t *testing.T, g *ground) {
	h := g.open(t, "batches")
	const keys, each = 4, 25
	got := newLedger()
	var mu sync.Mutex
	given, failed, largest := 0, 0, 0
	h.consume(t, "r", "batch-readers", func(_ context.Context, batch []*weir.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		given, largest = given+len(batch), max(largest, len(batch))
		var failures *weir.BatchError
		for i, d := range batch {
			if d.Attempt == 1 && len(d.Body)%2 == 0 { // k0:10 and the like, of two digits
				failures = failures.Fail(i, len(batch), errors.New("the store is busy"))
				failed++
				continue
			}
			got.note(d)
		}
		if failures == nil {
			return nil
		}
		return failures
	}, weir.Attempts(3, 10*time.Millisecond, 20*time.Millisecond), weir.MaxBatch(20))
	sendAll(t, h.producer(t, "r"), numbered(keys, each))
	eventually(t, "all messages", func() bool { return got.different() == keys*each }) // RocketMQ's library looks for what is given again every 30 s, the first time
	mu.Lock()
	defer mu.Unlock()
	if largest < 2 || largest > 20 {
		t.Errorf("the largest batch had %d messages: want 2 to 20", largest)
	}
	if failed < 1 {
		t.Error("none failed")
	}
	t.Logf("%d messages were given %d times, %d of which failed, at most %d at once", keys*each, given, failed, largest)
}

func delayed(t *testing.T, g *ground) {
	h := g.open(t, "delayed")
	const delay = 1500 * time.Millisecond // RocketMQ has 1 s and 5 s
	if g.system.Name() == kafka.SystemName {
		if _, err := h.Producer("r", weir.MaxDelay(delay)); !errors.Is(err, weir.ErrLacks) {
			t.Errorf("got %v", err)
		}
		return
	}
	p := h.producer(t, "r", weir.MaxDelay(delay))
	type came struct {
		d  weir.Delivery
		at time.Time
	}
	got := make(chan came, 10)
	h.consume(t, "r", "patient-readers", weir.Each(func(_ context.Context, d *weir.Delivery) error {
		got <- came{*d, time.Now()}
		return nil
	}))
	began := time.Now()
	if err := p.Send(t.Context(), &weir.Message{Key: []byte("k"), Body: []byte("later"), Delay: delay}, &weir.Message{Key: []byte("k"), Body: []byte("now")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"now", "later"} {
		select {
		case c := <-got:
			waited := c.at.Sub(began)
			if string(c.d.Body) != want || want == "later" && waited < delay {
				t.Errorf("got %s after %s, want %s", c.d.Body, waited, want)
			}
			t.Logf("%s came after %s", c.d.Body, waited)
		case <-time.After(reported.Patience):
			t.Fatalf("waited in vain for %s", want)
		}
	}
}

// rebalanced has members join and leave a group amid messages.
func rebalanced(t *testing.T, g *ground) {
	h := g.open(t, "rebalanced")
	const keys, each, parts = 10, 90, 6
	got, p := newLedger(), h.producer(t, "r")
	messages := numbered(keys, each)
	var members []*consumer
	for i, part := range slices.Collect(slices.Chunk(messages, len(messages)/parts)) {
		if i < parts/2 {
			members = append(members, h.consume(t, "r", "changing-readers", got.handle))
		} else {
			members[0].end(t)
			members = members[1:]
		}
		if i == parts-1 {
			members = append(members, h.consume(t, "r", "changing-readers", got.handle))
		}
		sendAll(t, p, part)
		sent := (i + 1) * len(part)
		eventually(t, "half of what was sent", func() bool { return got.different() >= sent/2 })
	}
	eventually(t, "all messages", func() bool { return got.different() == keys*each })
	t.Logf("%d messages were handled %d times", got.different(), got.handled)
}

// crowded has producers and consumers of one program send and consume at once.
func crowded(t *testing.T, g *ground) {
	h := g.open(t, "crowded")
	const producers, consumers, each = 5, 2, 40
	got := newLedger()
	for range consumers {
		h.consume(t, "r", "crowd", got.handle, weir.Concurrency(2))
	}
	var sending sync.WaitGroup
	for i := range producers {
		p := h.producer(t, "r")
		sending.Go(func() {
			for j := range each {
				if err := p.Send(t.Context(), &weir.Message{Key: fmt.Append(nil, i), Body: fmt.Appendf(nil, "%d:%d", i, j)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	eventually(t, "all messages", func() bool { return got.different() == producers*each })
}

// behind has a handler be slow, with thousands of messages of each partition before it: more than the library of either system holds at once. A
// consumer ends amid them, and another goes on.
func behind(t *testing.T, g *ground) {
	h := g.open(t, "behind")
	got, sent := newLedger(), numbered(30, 200)
	sendAll(t, h.producer(t, "r"), sent)
	slow := weir.Each(func(_ context.Context, d *weir.Delivery) error {
		got.note(d)
		<-time.After(time.Millisecond) // its work
		return nil
	})
	first := h.consume(t, "r", "slow", slow, weir.Concurrency(1))
	eventually(t, "some messages", func() bool { return got.different() > 500 })
	first.end(t)
	h.consume(t, "r", "slow", slow, weir.Concurrency(1))
	eventually(t, "all messages", func() bool { return got.different() == len(sent) })
}

// handedOver has a consumer end right after all is handled, before any offset is told of by itself: the next of the group is given what comes then, and nothing else.
func handedOver(t *testing.T, g *ground) {
	h := g.open(t, "handed")
	got, p := newLedger(), h.producer(t, "r")
	first, then := numbered(30, 4), numbered(30, 8)[30*4:]
	c := h.consume(t, "r", "handed", got.handle)
	sendAll(t, p, first)
	eventually(t, "the first messages", func() bool { return got.different() == len(first) })
	c.end(t)
	h.consume(t, "r", "handed", got.handle)
	sendAll(t, p, then)
	eventually(t, "all messages", func() bool { return got.different() == len(first)+len(then) })
	got.mu.Lock()
	defer got.mu.Unlock()
	for body, times := range got.bodies {
		if times > 1 {
			t.Errorf("message %s was handled %d times", body, times)
		}
	}
}
