package rocketmq

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

func named(count int) []string {
	var out []string
	for i := range count {
		out = append(out, fmt.Sprintf("orders-%05d", i))
	}
	return out
}

// TestEachHasItsTurn has names of which each is asked for at least once in so many polls, and so many of them in a poll.
func TestEachHasItsTurn(t *testing.T) {
	known := func(string) bool { return true }
	for _, test := range []struct{ names, perPoll, most, within, atMost int }{
		{500, 500, 12, 1, 500},
		{501, 500, 12, 2, 300},
		{5_000, 500, 12, 10, 600},
		{12_000, 500, 12, 12, 1_200}, // more in a poll, and no later
	} {
		names, m, asked := named(test.names), newMemory(), map[string]bool{}
		for range test.within {
			m.poll++
			turn, later := m.turns(test.names, test.perPoll, test.most).whose(names, known)
			if len(turn) > test.atMost || later != 0 {
				t.Errorf("%d of %d have their turn, want at most %d", len(turn), test.names, test.atMost)
			}
			for _, name := range turn {
				asked[name] = true
			}
		}
		if len(asked) != test.names {
			t.Errorf("in %d polls %d of %d had their turn", test.within, len(asked), test.names)
		}
	}
}

// TestWhoWasNeverAskedIsFirst has a cluster that was never polled: so many are asked in a poll, whoever has the turn.
func TestWhoWasNeverAskedIsFirst(t *testing.T) {
	names, m, asked := named(2*firstsPerPoll), newMemory(), map[string]bool{}
	for poll, says := range []string{
		fmt.Sprintf("[%d topics of broker a:1 are left to the next polls: %d in each are asked for that never were]", firstsPerPoll, firstsPerPoll), "[]",
	} {
		want := (poll + 1) * firstsPerPoll
		m.poll++
		q := question{memory: m, answers: answers{broker: broker{node: "a:1"}}}
		turn, later := m.turns(len(names), startsPerPoll, startTurns).whose(names, func(name string) bool { return asked[name] })
		q.leave("topics", later)
		for _, name := range turn {
			asked[name] = true
		}
		if said := fmt.Sprint(q.answers.errs); len(asked) != want || said != says {
			t.Errorf("after a poll %d were asked, want %d, and it says %s, want %s", len(asked), want, said, says)
		}
	}
}

// TestWhoseTurnItIsNotStaysAsItWas has a group, and then a topic, that a poll did not ask for.
func TestWhoseTurnItIsNotStaysAsItWas(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	where := remoting.Queue{Topic: "t", Broker: "a"}
	feed(t, p, []answers{saying(began, "a", "g")})
	group := saying(began.Add(time.Second), "a", "g")
	group.groups["g"].commits, group.groups["g"].unasked = nil, true
	topic := saying(began.Add(2*time.Second), "a", "g")
	topic.ends, topic.unasked = nil, map[string]bool{"t": true}
	for _, step := range []answers{group, topic} {
		feed(t, p, []answers{step})
		if messages, known := p.lags(began.Add(3 * time.Second))["g"]["t"][where].Messages.Get(); !known || messages != 6 {
			t.Errorf("got a lag of %d, %v, want that of before, 6", messages, known)
		}
	}
}

// TestSoManyQueuesOfGroupsAreFollowed has one more than a collector follows, and room for it when others are gone.
func TestSoManyQueuesOfGroupsAreFollowed(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	crowd := func(groups int) answers {
		a := answers{broker: broker{set: "a"}, answered: true, topics: map[string]bool{"t": true}, groups: map[string]*group{}, ends: map[remoting.Queue]lag.Ends{}}
		for _, name := range named(groups) {
			a.groups[name] = &group{commits: map[remoting.Queue]lag.Commit{}}
			for id := range 100 {
				where := remoting.Queue{Topic: "t", Broker: "a", ID: id}
				a.ends[where] = lag.Ends{At: began, End: 1}
				a.groups[name].commits[where] = lag.Commit{At: began, Offset: 1}
			}
		}
		return a
	}
	err := p.feed([]answers{crowd(maxFollowed/100 + 1)})
	if want := "100 queues of groups are not followed: a collector follows at most 100000 in a cluster"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	feed(t, p, []answers{crowd(1)})
	if p.followed != 100 || len(p.lags(began)) != 1 {
		t.Errorf("%d queues of %d groups are followed, want 100 of one", p.followed, len(p.lags(began)))
	}
	if feed(t, p, []answers{{broker: broker{set: "a"}, topics: map[string]bool{}}}); p.followed != 0 || len(p.queues) != 0 {
		t.Errorf("%d are followed where the topic is gone", p.followed)
	}
}

// TestWhatAGroupDoesNotReadAnyMoreIsLeft has what a group committed of topics, by who is there.
func TestWhatAGroupDoesNotReadAnyMoreIsLeft(t *testing.T) {
	reads := remoting.Consumers{Subscriptions: map[string]remoting.Subscription{"t": {}}}
	for name, test := range map[string]struct {
		group group
		left  []string
	}{
		"members read a topic":  {group{known: true, consumers: reads}, []string{"other"}},
		"nobody is there":       {group{known: true}, nil},
		"it is not said who is": {group{consumers: reads}, nil},
	} {
		var left []string
		for _, topic := range []string{"t", "other"} {
			if test.group.left(topic) {
				left = append(left, topic)
			}
		}
		if !slices.Equal(left, test.left) {
			t.Errorf("%s: got %v left, want %v", name, left, test.left)
		}
	}
}

// TestRequestsForEndsAreBounded has topics by their queues, and how many are asked for in each request.
func TestRequestsForEndsAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		topics, queues int
		want           []int
	}{
		"none":                     {0, 1, nil},
		"few":                      {3, 8, []int{3}},
		"many":                     {topicsAtOnce + 1, 8, []int{topicsAtOnce, 1}},
		"many of many queues":      {250, 200, []int{100, 100, 50}},
		"more queues than allowed": {2, queuesAtOnce + 1, []int{1, 1}},
	} {
		m, names := newMemory(), named(test.topics)
		for _, topic := range names {
			m.starts[topic] = map[remoting.QueueID]int64{}
			for id := range test.queues {
				m.starts[topic][remoting.QueueID(id)] = 0
			}
		}
		var got []int
		var all []string
		for _, request := range m.requests(names) {
			got, all = append(got, len(request)), append(all, request...)
		}
		if !slices.Equal(got, test.want) || !slices.Equal(all, names) {
			t.Errorf("%s: got requests for %v topics, want %v", name, got, test.want)
		}
	}
}
