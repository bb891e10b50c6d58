package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
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
		_, told := assessed.Seconds.Get()
		for after, want := range map[time.Duration]bool{0: false, unsaidAgain - time.Second: false, unsaidAgain: !told} {
			if again := len(p.looks(all, began.Add(after), known)) > 0; again != want {
				t.Errorf("%s: after %v it asks again: %v, want %v", name, after, again, want)
			}
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

// TestACommitThatMovedIsAskedFor though nothing was said of the one before.
func TestACommitThatMovedIsAskedFor(t *testing.T) {
	p, all, known := waiting(t, "g", "h")
	for _, l := range p.looks(all, began, known) {
		l.at = began
		p.found(l, began, known)
	}
	where, later := remoting.Queue{Topic: "t", Broker: "a"}, began.Add(time.Second)
	a := saying(later, "a", "g", "h")
	a.groups["g"].commits[where] = lag.Commit{At: later, Offset: 5}
	feed(t, p, []answers{a})
	looks := p.looks([]answers{a}, later, p.lags(later))
	if len(looks) != 1 || looks[0].group != "g" || looks[0].asked[where] != 5 {
		t.Errorf("it asks for %+v, want group g at offset 5 alone", looks)
	}
}

// TestWhatIsNeverAnsweredTakesNoTurn has a master that takes the question and says nothing, at one of two commits for longer than it may.
func TestWhatIsNeverAnsweredTakesNoTurn(t *testing.T) {
	t.Parallel()
	p, all, known := waiting(t, "g")
	all[0].node = listens(t).Addr().String()
	now := func() time.Time { return began }
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := p.readAsked(short, all, now, known); len(errs) > 0 || len(p.looks(all, began, known)) != 1 {
		t.Errorf("got %v, and what it had no time for is not asked for again", errs)
	}
	start := time.Now()
	now = func() time.Time { return began.Add(time.Since(start)) }
	if errs := p.readAsked(t.Context(), all, now, known); len(errs) > 0 || len(p.looks(all, now(), known)) != 0 {
		t.Errorf("got %v, and what is never answered is asked for again at once", errs)
	}
	if got := len(p.looks(all, now().Add(unsaidAgain), known)); got != 1 {
		t.Errorf("after %v it asks %d times, want once", unsaidAgain, got)
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
	second := p.looks(all, began.Add(unsaidAgain), known)
	if len(first) != readsPerPoll || len(second) != readsPerPoll || first[0].group != "g000" || second[0].group != fmt.Sprintf("g%03d", readsPerPoll) || second[20].group != "g000" {
		t.Errorf("it asks %d times and then %d", len(first), len(second))
	}
	if len(p.looks(nil, began, known)) != 0 {
		t.Error("it asks a master that does not answer")
	}
}
