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
)

// conformance is what holds on each system alike. Each case has a topic of its own, which is named after the case.
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
	reports := h.reports(t)
	reported.Want(t, "sent", reported.Sum(reports, reported.Series{Op: "send", Topic: "ordered"}).Messages, keys*each)
	reported.Want(t, "consumed", reported.Sum(reports, reported.Series{Op: "consume", Topic: "ordered"}).Messages, uint64(got.handled))
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
