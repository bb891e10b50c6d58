package rocketmq

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/lag"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// reading is what a client subscribes to of topic t; empty: it does not answer.
func reading(expression string, tags ...string) *said {
	s := &said{asked: began, known: expression != ""}
	s.reads = subscriptionsOf([]remoting.ClientSubscription{{Topic: "%RETRY%g", Subscription: remoting.Subscription{Type: "TAG", Expression: "*"}},
		{Topic: "t", Subscription: remoting.Subscription{Type: "TAG", Expression: expression}, Tags: tags}})
	return s
}

// TestMembersWhoDifferAreCounted has groups of clients by what they subscribe to; nil was not asked yet.
func TestMembersWhoDifferAreCounted(t *testing.T) {
	old := reading("*")
	old.asked = began.Add(-saidCounts - time.Second)
	for name, test := range map[string]struct {
		says []*said
		want string // the gauge
	}{
		"nobody":                         {nil, "0"},
		"one, who was not asked":         {[]*said{nil}, "0"},
		"all alike":                      {[]*said{reading("*"), reading("*"), reading("*")}, "0"},
		"one differs":                    {[]*said{reading("*"), reading("*"), reading("a", "a")}, "1"},
		"two and two":                    {[]*said{reading("*"), reading("*"), reading("a", "a"), reading("a", "a")}, "2"},
		"all differ":                     {[]*said{reading("*"), reading("b", "b"), reading("a", "a")}, "2"},
		"tags in another order":          {[]*said{reading("a || b", "a", "b"), reading("b||a", "b", "a")}, "0"},
		"one was not asked":              {[]*said{reading("*"), reading("*"), nil}, ""},
		"one does not answer":            {[]*said{reading("*"), reading("*"), reading("")}, ""},
		"one answered long ago":          {[]*said{reading("*"), reading("*"), old}, ""},
		"one differs, one was not asked": {[]*said{reading("*"), reading("a", "a"), nil}, "1"},
	} {
		q := newInquiries()
		ids := make([]string, len(test.says))
		for i, s := range test.says {
			ids[i] = fmt.Sprint("c", i)
			if s != nil {
				q.said[client{"g", ids[i]}] = s
			}
		}
		out := (&Config{}).reporter(began)
		out.mismatches([]answers{master(true, ids...)}, q, began)
		got := ""
		for _, report := range out.All {
			got = fmt.Sprint(report.Gauges[0].Value)
			if report.Gauges[0].Name != telemetry.GaugeMismatches || report.Labels.Group != "g" {
				t.Errorf("%s: got %+v", name, report)
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestFewClientsAreAsked has more clients than are asked after a poll, one of whom leaves.
func TestFewClientsAreAsked(t *testing.T) {
	q := newInquiries()
	var ids []string
	for i := range 2*inquiriesPerPoll + 2 {
		ids = append(ids, fmt.Sprintf("c%02d", i))
	}
	all := []answers{master(true, ids...)}
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{
		{0, ids[:inquiriesPerPoll]},
		{time.Second, ids[inquiriesPerPoll : 2*inquiriesPerPoll]},
		{2 * time.Second, ids[2*inquiriesPerPoll:]},
		{3 * time.Second, nil},
		{inquireAgain, ids[:inquiriesPerPoll]},
	} {
		var got []string
		for _, inquiry := range q.turn(all, began.Add(step.after)) {
			got = append(got, inquiry.id)
			s := reading("*")
			s.asked = began.Add(step.after)
			q.said[inquiry.client] = s
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("after %v: got %v, want %v", step.after, got, step.want)
		}
	}
	if got := q.turn([]answers{master(true, "alone")}, began.Add(inquireAgain)); len(got) > 0 {
		t.Errorf("got %v, want nobody of a group of one", got)
	}
	if q.turn(nil, began.Add(2*inquireAgain)); len(q.said) != inquiriesPerPoll {
		t.Errorf("%d clients that have left are remembered, want the %d that were asked last", len(q.said), inquiriesPerPoll)
	}
}

// TestWhoAsksForNothingIsSuspended has what a client says of a queue, twice, 15 s apart.
func TestWhoAsksForNothingIsSuspended(t *testing.T) {
	where := remoting.Queue{Topic: "t", Broker: "a"}
	const base = int64(1_000_000)
	first := status{remoting.QueueStatus{PulledMillis: base, ConsumedMillis: base - 60_000}, 4}
	for name, test := range map[string]struct {
		change func(*status)
		after  time.Duration
		want   bool
	}{
		"it went round":                {func(*status) {}, 15 * time.Second, true},
		"it waits at the broker":       {func(s *status) { s.PulledMillis = base + 9_000 }, 15 * time.Second, false},
		"it hangs":                     {func(s *status) { s.PulledMillis = base }, 15 * time.Second, false},
		"it holds messages":            {func(s *status) { s.Cached = 1 }, 15 * time.Second, false},
		"it consumed":                  {func(s *status) { s.ConsumedMillis = base + 5_000 }, 15 * time.Second, false},
		"the commit moved":             {func(s *status) { s.offset = 5 }, 15 * time.Second, false},
		"another has the queue now":    {func(s *status) { s.Dropped = true }, 15 * time.Second, false},
		"it was asked too soon to say": {func(s *status) { s.PulledMillis = base + 5_000 }, 5 * time.Second, false},
	} {
		q, who := newInquiries(), client{"g", "c"}
		second := first
		second.PulledMillis += 15_000
		test.change(&second)
		q.compare(who, &said{known: true, answered: began.Add(test.after), queues: map[remoting.Queue]status{where: second},
			before: map[remoting.Queue]status{where: first}, beforeAt: began}, began.Add(test.after))
		if _, got := q.suspensions(began.Add(test.after))["g"][where]; got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
		if got := q.suspensions(began.Add(test.after + saidCounts + time.Second))["g"]; len(got) > 0 {
			t.Errorf("%s: got %v long after it was said", name, got)
		}
	}
}

// TestASuspensionEndsWithACommit has a queue of which nothing is read for two polls, and then something is.
func TestASuspensionEndsWithACommit(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	q, where := p.inquiries, remoting.Queue{Topic: "t", Broker: "a"}
	for i, step := range []struct {
		offset       int64
		stuck, known bool  // after this poll
		then         int64 // the commit at which an answer says, after it, that the client is suspended
	}{
		{4, false, false, 4},
		{4, true, true, 4},
		{4, true, true, 4},
		{5, false, false, 4}, // it came late
		{5, true, false, 5},
		{5, true, true, 5},
		{10, false, false, 10},
		{lag.NoOffset, false, false, 10},
	} {
		a := saying(began.Add(time.Duration(i)*time.Second), "a", "g")
		a.groups["g"].commits[where] = lag.Commit{At: began, Offset: step.offset}
		if err := p.feed([]answers{a}); err != nil {
			t.Fatal(err)
		}
		q.see([]answers{a}, p.queues)
		if offset, got := q.stuck["g"][where]; got != step.stuck || got && offset != step.offset {
			t.Errorf("poll %d: got %v", i, q.stuck)
		}
		if _, known := q.suspended["g"]; known != step.known {
			t.Errorf("poll %d: got %v", i, q.suspended)
		}
		q.suspended["g"] = map[remoting.Queue]suspension{where: {"c", step.then, began, began}}
	}
}

// TestWhoHasPausedIsReported has a group of which one client is suspended, and one that may not consume.
func TestWhoHasPausedIsReported(t *testing.T) {
	where := remoting.Queue{Topic: "t", Broker: "a"}
	on := func(enabled bool, clients ...string) answers {
		a := master(true, clients...)
		g := a.groups["g"]
		g.enabled, g.commits = enabled, map[remoting.Queue]lag.Commit{where: {Offset: 4}}
		g.suspended = map[remoting.Queue]suspension{where: {"c1", 4, began.Add(-time.Minute), began}}
		return a
	}
	lags := map[string]map[string]map[remoting.Queue]lag.Assessment{"g": {"t": {}}}
	for name, test := range map[string]struct {
		all  []answers
		want string
	}{
		"suspended":                {[]answers{on(true, "c1", "c2")}, "t paused 1 for 60"},
		"suspended, and gone":      {[]answers{on(true, "c2")}, ""},
		"may not consume":          {[]answers{on(false, "c1", "c2"), on(false, "c1", "c2")}, "t paused 2 for 300"},
		"may, and nobody is there": {[]answers{on(true)}, ""},
		"may not, nor is there":    {[]answers{on(false)}, "t paused 1 for 300"},
		"may on one of two":        {[]answers{on(false, "c2"), on(true, "c2")}, ""},
	} {
		off := disabled{"gone": began}
		off.take(test.all, began.Add(-5*time.Minute))
		off.take(test.all, began)
		out := (&Config{}).reporter(began)
		out.paused(test.all, lags, off)
		got := ""
		for _, r := range out.All {
			got += fmt.Sprintf("%s %s %v for %v", r.Labels.Topic, r.Gauges[0].Name, r.Gauges[0].Value, r.Gauges[1].Value)
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// membersAreAsked has a group of two minds, one whose consumer is suspended, one whose consumer is not, and one that may not consume.
func (f *fleet) membersAreAsked(t *testing.T) {
	members, err := parties.StartMembers(t.Context(), f.config("members"), f.nameServer.Addr(),
		parties.Member{Group: "two-minds", Topic: "orders", Expression: "*"}, parties.Member{Group: "two-minds", Topic: "orders", Expression: "*"},
		parties.Member{Group: "two-minds", Topic: "orders", Expression: "a||b"},
		parties.Member{Group: "awake", Topic: "orders", Expression: "*"}, parties.Member{Group: "awake", Topic: "orders", Expression: "*"},
		parties.Member{Group: "asleep", Topic: "orders", Expression: "*", Suspended: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(members.Kill)
	f.awaitRead(t, "awake")
	for i := range 8 {
		f.send(t, []string{f.a.Addr(), f.b.Addr()}[i%2], "orders", i/2)
	}
	for _, broker := range []*parties.Server{f.a, f.b} {
		const updateGroup = 200
		ask(t, f.poller, broker.Addr(), remoting.Request{Code: updateGroup, Body: []byte(`{"groupName":"off","consumeEnable":false,"retryQueueNums":1,"retryMaxTimes":16}`)})
		commit(t, f.poller, broker.Addr(), "off", 0, 1)
	}
	eventually(t, f.poller, func(s seen, err error) error {
		if err != nil {
			return err
		}
		for key, want := range map[string]map[string]float64{
			"group - two-minds - -":            {"subscription_mismatches": 1},
			"group - awake - -":                {"subscription_mismatches": 0},
			"group - asleep - -":               {"subscription_mismatches": 0, "members": 1},
			"group - asleep orders broker-a:0": {"stopped_partitions": 0, "stalled_partitions": 0},
			"group - asleep orders -":          {"paused": 1},
			"group - off orders -":             {"paused": 1},
		} {
			if err := s.has(key, want); err != nil {
				return err
			}
		}
		if _, paused := s["group - awake orders -"]["paused"]; paused {
			t.Fatalf("group awake has paused: %v", s["group - awake orders -"])
		}
		return nil
	})
}
