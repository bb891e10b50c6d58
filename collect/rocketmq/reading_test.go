package rocketmq

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/collect/rocketmq/remoting"
	"github.com/weirmq/weir/telemetry"
)

// agesOfARealBroker begins to poll when messages have been there for a while, which were stored between two times.
func agesOfARealBroker(t *testing.T, nameServer string, started, ready time.Time) {
	t.Helper()
	p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{nameServer}})
	t.Cleanup(p.Close)
	eventually(t, p, func(s seen, err error) error {
		if err != nil {
			return err
		}
		const clocks = 0.01 // of the broker, which counts milliseconds
		least, most := time.Since(ready).Seconds()-patience.Seconds(), time.Since(started).Seconds()+clocks
		age, known := s["group - idle orders broker-a:0"][telemetry.GaugeLagSeconds]
		if !known {
			return fmt.Errorf("the age is not known: %v", s["group - idle orders broker-a:0"])
		}
		if age < least || age > most {
			t.Errorf("the age is %v s, want %v to %v", age, least, most)
		}
		return nil
	})
	p.config.OffsetsOnly = true // what is known of a message stays known
	if s, err := poll(t, p); err != nil || s["group - idle orders broker-a:0"][telemetry.GaugeLagSeconds] <= 0 {
		t.Errorf("%v, %v", err, s["group - idle orders broker-a:0"])
	}
}

// waiting is a poller that was told of a queue of ten messages, of which a group has read four.
func waiting(t *testing.T, groups ...string) (*Poller, []answers, assessments) {
	t.Helper()
	p := Open(Config{})
	t.Cleanup(p.Close)
	all := []answers{saying(began, "a", groups...)}
	if err := p.feed(all); err != nil {
		t.Fatal(err)
	}
	return p, all, p.lags(began)
}

// TestWhatABrokerSaysOfWaiting has what it says of a queue: of the commit, and of its start.
func TestWhatABrokerSaysOfWaiting(t *testing.T) {
	where := remoting.Queue{Topic: "t", Broker: "a"}
	sinceEver := began.UnixMilli() + 1
	for name, test := range map[string]struct {
		start int64
		waits remoting.Waits
		want  string
	}{
		"the next message":                     {0, remoting.Waits{NextMillis: 90_000, EarliestMillis: 1}, "90"},
		"none: it was consumed meanwhile":      {0, remoting.Waits{EarliestMillis: 1}, "before the first poll"},
		"none: it is kept no more":             {0, remoting.Waits{NextMillis: sinceEver, EarliestMillis: 1}, "before the first poll"},
		"a commit below the start":             {7, remoting.Waits{NextMillis: sinceEver, EarliestMillis: began.UnixMilli() - 30_000}, "30"},
		"a commit below the start, no message": {7, remoting.Waits{EarliestMillis: -1}, "log start passed"},
	} {
		p, all, _ := waiting(t)
		a := saying(began, "a", "g")
		a.ends[where] = lag.Ends{At: began, Start: test.start, End: 10}
		all[0] = a
		if err := p.feed(all); err != nil {
			t.Fatal(err)
		}
		known := p.lags(began)
		looks := p.looks(all, began, known)
		if len(looks) != 1 || looks[0].asked[where] != max(4, test.start) {
			t.Fatalf("%s: it asks for %+v", name, looks)
		}
		looks[0].at, looks[0].waits = began, map[remoting.Queue]remoting.Waits{where: test.waits}
		p.found(looks[0], began, known)
		assessed := known["g"]["t"][where]
		got := ""
		if seconds, ok := assessed.Seconds.Get(); ok {
			got = fmt.Sprint(seconds)
		} else {
			why, _ := assessed.Seconds.Why()
			got = why.String()
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
		if again := len(p.looks(all, began, known)); again != 0 && assessed.Seconds == lag.Known(90.0) {
			t.Errorf("%s: it asks again", name)
		}
	}
}

// TestAgesThatMayNotBeAsked are left alone for a while, and named.
func TestAgesThatMayNotBeAsked(t *testing.T) {
	p, all, known := waiting(t, "g", "h")
	looks := p.looks(all, began, known)
	if len(looks) != 2 {
		t.Fatalf("it asks %d times, want once for each group", len(looks))
	}
	looks[0].at, looks[0].err = began, fmt.Errorf("ask: %w", remoting.ErrNoPermission)
	p.leave(looks[0])
	if err := p.refusal(); err == nil || !errors.Is(err, remoting.ErrNoPermission) {
		t.Errorf("got %v", err)
	}
	for after, want := range map[time.Duration]int{0: 1, readAgain - time.Second: 1, readAgain: 2} {
		if got := len(p.looks(all, began.Add(after), known)); got != want {
			t.Errorf("after %v it asks %d times, want %d", after, got, want)
		}
	}
	p.found(looks[0], began, known)
	if err := p.refusal(); err != nil {
		t.Errorf("got %v once it was answered", err)
	}
}

// TestManyWait in turns.
func TestManyWaitInTurns(t *testing.T) {
	var groups []string
	for i := range readsPerPoll + 20 {
		groups = append(groups, fmt.Sprintf("g%03d", i))
	}
	p, all, known := waiting(t, groups...)
	first := p.looks(all, began, known)
	for _, l := range first {
		l.at, l.waits = began, map[remoting.Queue]remoting.Waits{}
		p.found(l, began, known) // nothing is said, so that it asks again
	}
	second := p.looks(all, began, known)
	if len(first) != readsPerPoll || len(second) != readsPerPoll || first[0].group != "g000" || second[0].group != fmt.Sprintf("g%03d", readsPerPoll) || second[20].group != "g000" {
		t.Errorf("it asks %d times and then %d", len(first), len(second))
	}
	if len(p.looks(nil, began, known)) != 0 {
		t.Error("it asks a master that does not answer")
	}
}
