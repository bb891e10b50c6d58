package rocketmq

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

var began = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// master is what a master says of one group.
func master(known bool, clients ...string) answers {
	g := &group{known: known}
	for _, id := range clients {
		g.consumers.Connections = append(g.consumers.Connections, remoting.Connection{ClientID: id})
	}
	return answers{answered: true, groups: map[string]*group{"g": g}}
}

// TestMembersAreCountedOrUnknown has masters that say who is connected, and some that do not.
func TestMembersAreCountedOrUnknown(t *testing.T) {
	slave := answers{broker: broker{id: 1}, answered: true}
	for name, test := range map[string]struct {
		all  []answers
		want map[string]int
	}{
		"a client counts once":          {[]answers{master(true, "a", "b"), master(true, "b", "c"), slave}, map[string]int{"g": 3}},
		"nobody":                        {[]answers{master(true)}, map[string]int{"g": 0}},
		"a master that does not say":    {[]answers{master(true, "a"), master(false)}, map[string]int{}},
		"a master that does not answer": {[]answers{master(true, "a"), {}}, map[string]int{}},
	} {
		if got := membersOf(test.all); !maps.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// TestRates has the ends of a queue, poll by poll.
func TestRates(t *testing.T) {
	q := queue{}
	for _, step := range []struct {
		at    time.Duration
		end   int64
		rate  float64
		rated bool
	}{
		{0, 100, 0, false},
		{10 * time.Second, 150, 5, true},
		{20 * time.Second, 150, 0, true},
		{30 * time.Second, 40, 0, false}, // made again
		{40 * time.Second, 60, 2, true},
		{40 * time.Second, 70, 0, false}, // no time went by
	} {
		q.poll(lag.Ends{At: began.Add(step.at), End: step.end})
		if q.rated != step.rated || q.rated && q.rate != step.rate {
			t.Errorf("after %v: got %v, %v, want %v, %v", step.at, q.rate, q.rated, step.rate, step.rated)
		}
	}
}

// saying is a master that tells of one queue, and of groups that committed there.
func saying(at time.Time, set string, groups ...string) answers {
	where := remoting.Queue{Topic: "t", Broker: set}
	a := answers{broker: broker{set: set}, answered: true, topics: map[string]bool{"t": true}, groups: map[string]*group{},
		ends: map[remoting.Queue]lag.Ends{where: {At: at, End: 10}}}
	for _, name := range groups {
		a.groups[name] = &group{known: true, commits: map[remoting.Queue]lag.Commit{where: {At: at, Offset: 4}, {Topic: "gone", Broker: set}: {At: at}}}
	}
	return a
}

func feed(t *testing.T, p *Poller, all []answers) {
	t.Helper()
	if err := p.feed(all); err != nil {
		t.Fatal(err)
	}
}

// TestWhatAMasterDoesNotSayIsUnknown has the second answer of a master, after one that all was well.
func TestWhatAMasterDoesNotSayIsUnknown(t *testing.T) {
	later := began.Add(time.Second)
	refused := fmt.Errorf("ask: %w", remoting.ErrNoPermission)
	for name, test := range map[string]struct {
		change func(*answers)
		want   string // of group g: its lag, why it is unknown, or nothing where it is forgotten
	}{
		"all is well":             {func(*answers) {}, "6"},
		"it does not answer":      {func(a *answers) { *a = answers{broker: a.broker} }, "unreachable"},
		"it is not listed":        {func(a *answers) { *a = answers{broker: broker{set: "other"}} }, "unreachable"},
		"it may not be asked":     {func(a *answers) { *a = answers{broker: a.broker, errs: []error{refused}} }, "no permission"},
		"it does not tell ends":   {func(a *answers) { clear(a.ends) }, "unreachable"},
		"it tells of no topics":   {func(a *answers) { a.ends, a.topics = nil, nil }, "unreachable"},
		"the topic is gone":       {func(a *answers) { clear(a.ends); clear(a.topics) }, ""},
		"it tells of no groups":   {func(a *answers) { a.groups = nil }, "unreachable"},
		"the group is gone":       {func(a *answers) { delete(a.groups, "g") }, ""},
		"the commit is gone":      {func(a *answers) { clear(a.groups["g"].commits) }, ""},
		"the commit is not told":  {func(a *answers) { a.groups["g"] = &group{failed: refused} }, "no permission"},
		"some commit is not told": {func(a *answers) { a.groups["g"].failed = refused }, "6"},
	} {
		p := Open(Config{})
		feed(t, p, []answers{saying(began, "a", "g")})
		a := saying(later, "a", "g")
		test.change(&a)
		feed(t, p, []answers{a})
		got := ""
		if said, known := p.lags(later)["g"]["t"][remoting.Queue{Topic: "t", Broker: "a"}]; known {
			messages, ok := said.Messages.Get()
			got = fmt.Sprint(messages)
			if why, _ := said.Messages.Why(); !ok {
				got = why.String()
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		p.Close()
	}
}

// TestABrokerThatIsAwayIsNotHidden has a group that is well on one broker and far behind on another, which then does not answer: the first
// must not say that nothing is unread, or the alert on the second resolves.
func TestABrokerThatIsAwayIsNotHidden(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	well := func(at time.Time) answers {
		a := saying(at, "a", "g")
		a.groups["g"].commits[remoting.Queue{Topic: "t", Broker: "a"}] = lag.Commit{At: at, Offset: 10}
		return a
	}
	feed(t, p, []answers{well(began), saying(began, "b", "g")})
	for _, step := range []struct {
		all  []answers
		want []string
	}{
		{[]answers{well(began.Add(time.Second)), saying(began.Add(time.Second), "b", "g")}, []string{"a:0 0", "b:0 6"}},
		{[]answers{well(began.Add(2 * time.Second)), {broker: broker{set: "b"}}}, nil},
		{[]answers{well(began.Add(3 * time.Second)), saying(began.Add(3*time.Second), "b", "g")}, []string{"a:0 0", "b:0 6"}},
	} {
		feed(t, p, step.all)
		out := p.config.reporter(began)
		out.groups(nil, p.lags(step.all[0].ends[remoting.Queue{Topic: "t", Broker: "a"}].At), nil)
		var got []string
		for _, report := range out.All {
			for _, gauge := range report.Gauges {
				if gauge.Name == telemetry.GaugeLagMessages {
					got = append(got, fmt.Sprint(report.Labels.Partition, " ", gauge.Value))
				}
			}
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
}

// TestQueuesWithoutAMaster has sets of brokers, of a queue each, whose master is gone, or all of whose brokers are.
func TestQueuesWithoutAMaster(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	feed(t, p, []answers{saying(began, "a"), saying(began, "b")})
	master := func(set string) broker { return broker{set: set, id: remoting.MasterID} }
	slave := func(set string) broker { return broker{set: set, id: 1} }
	for name, test := range map[string]struct {
		c    cluster
		want int // -1: not known
	}{
		"all are there":              {cluster{brokers: []broker{master("a"), slave("a"), master("b")}}, 0},
		"a slave is left":            {cluster{brokers: []broker{slave("a"), master("b")}, masterless: []string{"a"}}, 1},
		"no broker is left":          {cluster{brokers: []broker{master("b")}}, 1},
		"none of both is":            {cluster{}, 2},
		"nobody has told its queues": {cluster{brokers: []broker{master("a"), master("b"), slave("new")}, masterless: []string{"new"}}, -1},
	} {
		clear(p.replicas.listed)
		p.replicas.take(&cluster{brokers: []broker{master("a"), master("b")}}, began)
		got, known := p.masterless(&test.c)
		if !known {
			got = -1
		}
		if got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
	clear(p.queues) // forgotten, after a while
	if got, known := p.masterless(&cluster{}); known {
		t.Errorf("got %d queues of sets that have been gone for long, want unknown", got)
	}
}

// TestStatesComeAsSoonAsTheirSpacing has a group whose live member commits nothing more.
func TestStatesComeAsSoonAsTheirSpacing(t *testing.T) {
	for spacing, want := range map[time.Duration]lag.State{2 * time.Second: lag.STALL, 0: lag.StateUnknown} {
		p := Open(Config{StateSpacing: spacing})
		where := remoting.Queue{Topic: "t", Broker: "a"}
		now := began
		for range lag.Window {
			a := saying(now, "a", "g")
			commit := a.groups["g"].commits[where]
			commit.Owner = lag.Owned
			a.groups["g"].commits[where] = commit
			p.feed([]answers{a})
			now = now.Add(2 * time.Second)
		}
		if got := p.lags(now)["g"]["t"][where]; got.State != want {
			t.Errorf("with a spacing of %s it is %s (%s), want %s", spacing, got.State, got.Explain(), want)
		}
		p.Close()
	}
}

// TestWhatIsNotSeenIsForgotten has a group, and then a broker, that do not answer for long.
func TestWhatIsNotSeenIsForgotten(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	feed(t, p, []answers{saying(began, "a", "g", "h")})
	partly := saying(began.Add(forgetAfter), "a", "g")
	partly.groups["h"] = &group{failed: errors.New("refused")}
	for _, step := range []struct {
		after          time.Duration
		sees           []answers
		queues, groups int
	}{
		{forgetAfter, []answers{partly}, 1, 2},
		{forgetAfter + time.Second, nil, 1, 1},
		{2 * forgetAfter, nil, 1, 1},
		{2*forgetAfter + time.Second, nil, 0, 0},
	} {
		feed(t, p, step.sees)
		p.forget(began.Add(step.after))
		groups := 0
		for _, q := range p.queues {
			groups += len(q.groups)
		}
		if len(p.queues) != step.queues || groups != step.groups {
			t.Errorf("after %v: %d queues and %d groups are remembered, want %d and %d", step.after, len(p.queues), groups, step.queues, step.groups)
		}
	}
}

func TestRocketMQsOwnAreNotReported(t *testing.T) {
	c := cluster{system: map[string]bool{"broker-a": true, "DemoCluster": true, "DemoCluster_REPLY_TOPIC": true}}
	for _, name := range []string{"TBW102", "broker-a", "DemoCluster", "DemoCluster_REPLY_TOPIC", "RMQ_SYS_TRANS_HALF_TOPIC", "rmq_sys_REVIVE_LOG_DemoCluster"} {
		if c.isTopic(name) {
			t.Errorf("topic %s is somebody's", name)
		}
	}
	for _, name := range []string{"CID_RMQ_SYS_TRANS", "CID_ONSAPI_PULL", "TOOLS_CONSUMER", "CID_ONS-HTTP-PROXY"} {
		if isGroup(name) {
			t.Errorf("group %s is somebody's", name)
		}
	}
	for _, name := range []string{"%RETRY%readers", "%DLQ%readers"} {
		if c.isTopic(name) || !isAside(name) {
			t.Errorf("topic %s is somebody's", name)
		}
	}
	if !c.isTopic("orders") || isAside("orders") || !isGroup("readers") {
		t.Error("what is somebody's is RocketMQ's own")
	}
}

// TestOwnerOfAQueue is known where the broker said who is connected.
func TestOwnerOfAQueue(t *testing.T) {
	reads := remoting.Consumers{Connections: []remoting.Connection{{ClientID: "a"}}, Subscriptions: map[string]remoting.Subscription{"t": {}}}
	for want, g := range map[lag.Owner]group{lag.OwnerUnknown: {consumers: reads}, lag.Owned: {known: true, consumers: reads}, lag.Unowned: {known: true}} {
		if got := g.owner("t"); got != want {
			t.Errorf("got owner %d of %+v, want %d", got, g, want)
		}
	}
	if got := (&group{known: true, consumers: reads}).owner("other"); got != lag.Unowned {
		t.Errorf("got owner %d of a topic that nobody reads, want none", got)
	}
}

// TestManyErrorsAreCounted has a broker that refuses each of a thousand questions.
func TestManyErrorsAreCounted(t *testing.T) {
	q := question{answers: answers{broker: broker{node: "a:1"}}}
	collect.AskEach(requestsAtOnce, 1000, func(int) { q.failed(errors.New("refused")) })
	want := "refused\nrefused\nrefused\n997 more errors of broker a:1"
	if got := errors.Join(q.answers.told()...).Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&answers{errs: []error{errors.New("refused")}}).told(); len(got) != 1 {
		t.Errorf("got %v of one error", got)
	}
}

// TestTiers has the tier of a topic with its queues, and that of a group with all that is said of the group.
func TestTiers(t *testing.T) {
	config := Config{Identity: collect.Identity{Tiers: collect.Tiers{{Name: "S1", Groups: []string{"bill*"}}, {Name: "S2", Topics: []string{"*"}}}}}
	out := config.reporter(began)
	name := remoting.Queue{Topic: "orders", Broker: "a"}
	out.queues([]answers{saying(began, "a")}, map[remoting.Queue]*queue{{Topic: "t", Broker: "a"}: {rated: true}}, nil)
	out.lag("billing", "orders", map[remoting.Queue]lag.Assessment{name: {Messages: lag.Known[int64](3)}})
	var got []string
	for _, report := range out.All {
		got = append(got, fmt.Sprint(report.Labels.Op, " ", report.Labels.Topic, " ", report.Labels.Partition, " ", report.Labels.Tier))
	}
	if want := []string{"broker t a:0 S2", "group orders a:0 S1", "group orders  S1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
