package rocketmq

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/rocketmq/remoting"
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
		{"one has not been listed for a day", slaveRemembered + time.Second, []answers{writing(0, 1000), writing(1, 1000)}, "2 0 0 0", "a1=0"},
	} {
		c := &cluster{}
		for i := range step.all {
			c.brokers = append(c.brokers, step.all[i].broker)
		}
		if c.brokers[0].id != remoting.MasterID {
			c.masterless = []string{"a"}
		}
		got := map[string]string{}
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
	holds(map[string]map[string]float64{
		"broker - - - -":                 {"brokers_alive": 2, "nodes_alive": 3, "leaderless_partitions": 0, "under_replicated_partitions": of("broker-a")},
		"broker - - orders broker-a:0":   {"in_sync_replicas": 1},
		"group - idle orders broker-a:0": unread("broker-a:0"),
	})

	f.a.Kill()
	holds(map[string]map[string]float64{
		"broker - - - -":                 {"brokers_alive": 1, "nodes_alive": 2, "leaderless_partitions": of("broker-a")},
		"broker - - orders broker-b:0":   {"in_sync_replicas": 1},
		"group - idle orders broker-b:0": unread("broker-b:0"),
	})
	s, _ := poll(t, f.poller)
	for key, values := range s {
		if _, says := values[telemetry.GaugeLagMessages]; says && strings.Contains(key, "broker-a:") || strings.Contains(key, f.a.Addr()) {
			t.Errorf("%s is reported without its master: %v", key, values)
		}
	}
	where := remoting.Queue{Topic: "orders", Broker: "broker-a"}
	got := f.poller.lags(time.Now())["idle"]["orders"][where].Messages
	if why, unknown := got.Why(); !unknown || why.String() != "unreachable" {
		t.Errorf("got %v, %v of a queue without a master, want that it is unreachable", got, why)
	}
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
