package rocketmq

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// writing is a broker of set a that says how long its log is; negative: it does not answer.
func writing(id int64, end int) answers {
	a := answers{broker: broker{set: "a", node: fmt.Sprint("a", id), id: id}, answered: end >= 0, demands: demands{100, 2}}
	if end >= 0 {
		a.info.Values = map[string]string{remoting.KeyLogMax: fmt.Sprint(end)}
	}
	return a
}

// TestReplicasOfASet has a set with two slaves, poll by poll, and one queue.
func TestReplicasOfASet(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	p.queues[remoting.Queue{Topic: "t", Broker: "a"}] = &queue{}
	mute := writing(2, 0)
	mute.info.Values = nil
	for _, step := range []struct {
		name  string
		after time.Duration
		all   []answers
		want  string // replicas in sync; queues without a master, with too few replicas, and of a master that refuses what is sent
		lags  string // of slaves
	}{
		{"all are there", 0, []answers{writing(0, 1000), writing(1, 1000), writing(2, 950)}, "3 0 0 0", "a1=0 a2=50"},
		{"as far behind as it may", 0, []answers{writing(0, 1000), writing(1, 1000), writing(2, 900)}, "3 0 0 0", "a1=0 a2=100"},
		{"too far behind", 0, []answers{writing(0, 1000), writing(1, 1000), writing(2, 899)}, "2 0 1 0", "a1=0 a2=101"},
		{"asked before its master", 0, []answers{writing(0, 1000), writing(1, 1010), writing(2, 1000)}, "3 0 0 0", "a1=0 a2=0"},
		{"one hangs", 0, []answers{writing(0, 1000), writing(1, 1000), writing(2, -1)}, "2 0 1 0", "a1=0"},
		{"one is not listed", 0, []answers{writing(0, 1000), writing(1, 1000)}, "2 0 1 0", "a1=0"},
		{"both hang", 0, []answers{writing(0, 1000), writing(1, -1), writing(2, -1)}, "1 0 1 1", ""},
		{"one does not say", 0, []answers{writing(0, 1000), writing(1, 1000), mute}, "- 0 - -", "a1=0"},
		{"the master hangs", 0, []answers{writing(0, -1), writing(1, 1000), writing(2, 1000)}, "- 0 - -", ""},
		{"the master is not listed", 0, []answers{writing(1, 1000), writing(2, 1000)}, "- 1 0 0", ""},
		{"one has not been listed for a day", brokerRemembered + time.Second, []answers{writing(0, 1000), writing(1, 1000)}, "2 0 0 0", "a1=0"},
	} {
		c := &cluster{}
		for i := range step.all {
			c.brokers = append(c.brokers, step.all[i].broker)
		}
		if c.brokers[0].id != remoting.MasterID {
			c.masterless = []string{"a"}
		}
		got := map[string]string{}
		p.replicas.take(c, began.Add(step.after))
		for _, gauge := range p.health(c, step.all, began.Add(step.after)) {
			got[gauge.Name] = fmt.Sprint(gauge.Value)
		}
		said := []string{"-", "-", "-", "-"}
		if set, known := p.sets["a"]; known {
			said[0] = fmt.Sprint(set.inSync)
		}
		for i, name := range []string{telemetry.GaugeLeaderless, telemetry.GaugeUnderReplicated, telemetry.GaugeUnderMinISR} {
			if got[name] != "" {
				said[i+1] = got[name]
			}
		}
		if text := strings.Join(said, " "); text != step.want {
			t.Errorf("%s: got %s, want %s", step.name, text, step.want)
		}
		var lags []string
		for node, f := range followers(step.all) {
			if f.known {
				lags = append(lags, fmt.Sprint(node, "=", f.behind))
			}
		}
		slices.Sort(lags)
		if text := strings.Join(lags, " "); text != step.lags {
			t.Errorf("%s: slaves are behind by %s, want %s", step.name, text, step.lags)
		}
	}
}

// TestBrokersThatAreAway are asked where they were listed last, as long as their set lacks as many.
func TestBrokersThatAreAway(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	for _, step := range []struct {
		name   string
		after  time.Duration
		listed string // of set a and b: id and address
		want   string // addresses
	}{
		{"all are there", 0, "a0=m a1=s b0=b", ""},
		{"a slave is killed", time.Second, "a0=m b0=b", "s"},
		{"and the only broker of another set", 2 * time.Second, "a0=m", "b s"},
		{"the slave is back, elsewhere", 3 * time.Second, "a0=m a1=s2", "b"},
		{"the master is killed", 4 * time.Second, "a1=s2", "m b"},
		{"and its slave takes its place", 5 * time.Second, "a0=s2", "m b"},
		{"it comes back as a slave", 6 * time.Second, "a0=s2 a1=m", "b"},
		{"at an address where another was", 7 * time.Second, "a0=s2 a1=b", ""}, // of which nobody knows now where it was
		{"all are there again", 8 * time.Second, "a0=s2 a1=m b0=b", ""},
		{"none is", 9 * time.Second, "", "b m s2"},
		{"for a day", 8*time.Second + brokerRemembered, "", "b m s2"},
		{"and longer", 9*time.Second + brokerRemembered, "", ""},
	} {
		if got := awayAfter(p, began.Add(step.after), step.listed); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
	if len(p.replicas.homes) > 0 || len(p.replicas.listed) > 0 {
		t.Errorf("got %v and %v a day later, want that all is forgotten", p.replicas.homes, p.replicas.listed)
	}
}

// awayAfter are the addresses of the brokers that are away once name servers listed these.
func awayAfter(p *Poller, at time.Time, listed string) string {
	c := &cluster{}
	for _, place := range strings.Fields(listed) {
		where, node, _ := strings.Cut(place, "=")
		c.brokers = append(c.brokers, broker{where[:1], node, int64(where[1] - '0')})
	}
	p.replicas.take(c, at)
	var out []string
	for _, b := range p.replicas.away(at) {
		out = append(out, b.node)
	}
	return strings.Join(out, " ")
}

// TestBrokersThatChangeTheirIds are those of a set whose controller makes a slave the master: it registers as 0, and leaves its own id to
// nobody. So many are missed as fewer are listed than were at once.
func TestBrokersThatChangeTheirIds(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	for i, step := range []struct {
		name, listed string
		want         string // addresses
		slaves       int    // that the set is to have
	}{
		{"all are there", "c0=A c2=B c3=C", "", 2},
		{"the master dies", "c2=B c3=C", "A", 2},
		{"a slave takes its place", "c0=B c3=C", "A", 2},
		{"it comes back as another's slave", "c0=B c1=A c3=C", "", 2},
		{"one name server knows the old ids still", "c0=B c1=A c2=B c3=C", "", 2},
		{"and has heard", "c0=B c1=A c3=C", "", 2},
		{"a slave gets another address", "c0=B c1=A c3=D", "", 2},
		{"and dies there", "c0=B c1=A", "D", 2},
	} {
		if got, slaves := awayAfter(p, began.Add(time.Duration(i)*time.Second), step.listed), p.replicas.slaves("c"); got != step.want || slaves != step.slaves {
			t.Errorf("%s: got %q and that there are to be %d slaves, want %q and %d", step.name, got, slaves, step.want, step.slaves)
		}
	}
}

// TestTheInventorySaysWhoIsExpected has a slave that is away, poll by poll, with the nodes that the inventory has, and those that answer.
func TestTheInventorySaysWhoIsExpected(t *testing.T) {
	nodes := -1.0 // not known
	p := Open(Config{Identity: collect.Identity{Inventory: func() (float64, bool) { return nodes, nodes >= 0 }}})
	defer p.Close()
	awayAfter(p, began, "a0=m a1=gone")
	answered, unasked := answers{broker: broker{"a", "m", 0}, answered: true}, answers{broker: broker{"a", "m", 0}, outOfTime: true}
	for i, step := range []struct {
		name        string
		nodes       float64
		says        answers
		nameServers int
		want        int // that are waited for, and then that are remembered
	}{
		{"nothing", -1, answered, 1, 1},
		{"two, as it did before there was a third", 2, answered, 1, 1},
		{"three", 3, answered, 1, 1},
		{"three, and one more name server answers", 3, answered, 2, 1},
		{"two, but not all were asked", 2, unasked, 1, 1},
		{"nothing any more", -1, answered, 1, 1},
		{"two, as it missed one and does not now", 2, answered, 1, 0},
	} {
		nodes = step.nodes
		at := began.Add(time.Duration(i+1) * time.Second)
		awayAfter(p, at, "a0=m")
		var away []answers
		for _, b := range p.replicas.away(at) {
			away = append(away, answers{broker: b})
		}
		got := p.expected(&cluster{nameServers: step.nameServers}, []answers{step.says}, away)
		if len(got) != step.want || len(p.replicas.homes) != 1+step.want || p.replicas.slaves("a") != step.want {
			t.Errorf("the inventory says %s: %d are waited for, %v remembered, and %d slaves wanted, want %d", step.name, len(got), p.replicas.homes, p.replicas.slaves("a"), step.want)
		}
	}
}

// TestAnInventoryThatIsLoweredByAndBy says who is expected also where some of the nodes that it missed came back meanwhile, and nothing of
// what is missed once all are there again.
func TestAnInventoryThatIsLoweredByAndBy(t *testing.T) {
	nodes := 0.0
	p := Open(Config{Identity: collect.Identity{Inventory: func() (float64, bool) { return nodes, true }}})
	defer p.Close()
	for i, step := range []struct {
		listed string // also the brokers that answer, with one name server
		nodes  float64
		want   int
	}{
		{"a0=m a1=s1 a2=s2", 4, 0},
		{"a0=m", 4, 2},
		{"a0=m", 3, 2},       // one of two is not wanted any more, and nobody knows which
		{"a0=m a1=s1", 3, 0}, // now it is known
		{"a0=m", 3, 1},       // missed again
		{"a0=m a1=s1", 3, 0}, // and back
		{"a0=m", 2, 1},       // lowered before it was missed
		{"a0=m", 2, 1},
	} {
		nodes = step.nodes
		at := began.Add(time.Duration(i) * time.Second)
		awayAfter(p, at, step.listed)
		all, away := make([]answers, len(strings.Fields(step.listed))), []answers{}
		for i := range all {
			all[i].answered = true
		}
		for _, b := range p.replicas.away(at) {
			away = append(away, answers{broker: b})
		}
		if got := p.expected(&cluster{nameServers: 1}, all, away); len(got) != step.want {
			t.Errorf("poll %d, with %s of %g nodes: %d are waited for, want %d", i, step.listed, nodes, len(got), step.want)
		}
	}
}

// TestWhatAMasterWantsOfItsSlaves has settings of brokers of both releases.
func TestWhatAMasterWantsOfItsSlaves(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]string
		want     demands
	}{
		"nothing":                       {nil, demands{mayFallBehind, 1}},
		"a gap":                         {map[string]string{"haMaxGapNotInSync": "5"}, demands{5, 1}},
		"a gap, of release 4":           {map[string]string{"haSlaveFallbehindMax": "7"}, demands{7, 1}},
		"what is no gap":                {map[string]string{"haMaxGapNotInSync": "all"}, demands{mayFallBehind, 1}},
		"two in sync":                   {map[string]string{"brokerRole": "SYNC_MASTER", "inSyncReplicas": "2", "minInSyncReplicas": "1"}, demands{mayFallBehind, 2}},
		"two, or fewer":                 {map[string]string{"brokerRole": "SYNC_MASTER", "inSyncReplicas": "3", "minInSyncReplicas": "2", "enableAutoInSyncReplicas": "true"}, demands{mayFallBehind, 2}},
		"it does not wait for them":     {map[string]string{"brokerRole": "ASYNC_MASTER", "inSyncReplicas": "2"}, demands{mayFallBehind, 1}},
		"it waits, and is of release 4": {map[string]string{"brokerRole": "SYNC_MASTER"}, demands{mayFallBehind, 1}},
	} {
		if got := demandsOf(test.settings); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// replicasAreFollowed kills the slave of one of two masters, and then that master, after which no name server lists their set. Its cluster has
// nothing to do after it.
func (f *fleet) replicasAreFollowed(t *testing.T) {
	slave := "broker " + f.slave.Addr() + " - - -"
	of := func(set string) (count float64) {
		for name := range f.poller.queues {
			if name.Broker == set {
				count++
			}
		}
		return count
	}
	holds := func(wants map[string]map[string]float64) {
		t.Helper()
		eventually(t, f.poller, func(s seen, _ error) error {
			for key, want := range wants {
				if err := s.has(key, want); err != nil {
					return err
				}
			}
			return nil
		})
	}
	holds(map[string]map[string]float64{
		"broker - - - -":               {"brokers_alive": 3, "nodes_alive": 4, "leaderless_partitions": 0, "under_replicated_partitions": 0, "under_min_isr_partitions": 0},
		slave:                          {"replication_lag_bytes": 0},
		"broker - - orders broker-a:0": {"in_sync_replicas": 2},
		"broker - - orders broker-b:0": {"in_sync_replicas": 1},
	})
	f.noneIsReportedTwice(t)
	before, err := poll(t, f.poller)
	if err != nil {
		t.Fatal(err)
	}
	unread := func(queue string) map[string]float64 {
		messages := before["group - idle orders "+queue][telemetry.GaugeLagMessages]
		if messages == 0 {
			t.Fatalf("nothing is unread of queue %s", queue)
		}
		return map[string]float64{telemetry.GaugeLagMessages: messages}
	}

	f.slave.Kill()
	f.isAway(t, f.slave.Addr())
	holds(map[string]map[string]float64{
		"broker - - - -":                 {"brokers_alive": 2, "nodes_alive": 3, "leaderless_partitions": 0, "under_replicated_partitions": of("broker-a")},
		"broker - - orders broker-a:0":   {"in_sync_replicas": 1},
		"group - idle orders broker-a:0": unread("broker-a:0"),
	})

	f.a.Kill()
	f.isAway(t, f.slave.Addr(), f.a.Addr())
	holds(map[string]map[string]float64{
		"broker - - - -":                 {"brokers_alive": 1, "nodes_alive": 2, "leaderless_partitions": of("broker-a")},
		"broker - - orders broker-b:0":   {"in_sync_replicas": 1},
		"group - idle orders broker-b:0": unread("broker-b:0"),
	})
	s, _ := poll(t, f.poller)
	for key, values := range s {
		if _, says := values[telemetry.GaugeLagMessages]; says && strings.Contains(key, "broker-a:") || strings.HasPrefix(key, "broker "+f.a.Addr()) {
			t.Errorf("%s is reported without its master: %v", key, values)
		}
	}
	where := remoting.Queue{Topic: "orders", Broker: "broker-a"}
	got := f.poller.lags(time.Now())["idle"]["orders"][where].Messages
	if why, unknown := got.Why(); !unknown || why.String() != "unreachable" {
		t.Errorf("got %v, %v of a queue without a master, want that it is unreachable", got, why)
	}
}

// isAway waits until three heartbeats of each of these brokers have failed, which no name server lists any more.
func (f *fleet) isAway(t *testing.T, addrs ...string) {
	t.Helper()
	eventually(t, f.poller, func(s seen, err error) error {
		if err != nil {
			return err // what is known to be away is no fault of the poll
		}
		for _, addr := range addrs {
			if probe := s["probe "+addr+" - - -"]; probe[telemetry.GaugeHeartbeatFailed] < collect.FailuresKnown || probe["heartbeats"] > 0 {
				return fmt.Errorf("%s has %v, want %d failures", addr, probe, collect.FailuresKnown)
			}
		}
		return nil
	})
}

// noneIsReportedTwice polls a cluster with a slave, which has all topics and groups of its master.
func (f *fleet) noneIsReportedTwice(t *testing.T) {
	t.Helper()
	reports, err := f.poller.Poll(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for i := range reports {
		key := fmt.Sprintf("%+v", reports[i].Labels)
		if known[key] {
			t.Errorf("a poll has two reports of %s", key)
		}
		known[key] = true
	}
}
