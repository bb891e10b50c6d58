package kafka

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// TestBrokersThatLeft fail their heartbeats while some partition has them as a replica, also where they had left before this collector's
// turn and somebody knows their names; where none has they have none.
func TestBrokersThatLeft(t *testing.T) {
	p := &Poller{}
	all := []answers{}
	for id, node := range []string{"b0", "b1", "b2"} {
		all = append(all, answers{broker: broker{id: int32(id), node: node}, answered: true, roundTrip: time.Millisecond})
	}
	c := &cluster{brokers: []broker{all[1].broker}, topics: map[string]*topic{"a": {partitions: []partition{{0, 1, []int32{1, 2, 7, 8}, nil}}}}}
	p.beats.Take(p.probed(&snapshot{cluster: c, answers: all}), time.Unix(1_795_626_000, 0))
	got := p.probed(&snapshot{cluster: c, answers: all[1:2], away: map[int32]string{2: "another", 7: "b7"}})
	slices.SortFunc(got, func(a, b collect.Probed[int32]) int { return cmp.Compare(a.ID, b.ID) })
	want := []collect.Probed[int32]{{ID: 1, Node: "b1", Answered: true, Took: time.Millisecond}, {ID: 2, Node: "b2"}, {ID: 7, Node: "b7"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestABrokerAtTheAddressOfOneThatIsAway is well: the one that was there before fails its heartbeats under its id, also where this turn has not
// seen it.
func TestABrokerAtTheAddressOfOneThatIsAway(t *testing.T) {
	p := &Poller{}
	took := answers{broker: broker{id: 9, node: "b2"}, answered: true, roundTrip: time.Millisecond}
	c := &cluster{brokers: []broker{took.broker}, topics: map[string]*topic{"a": {partitions: []partition{{0, 9, []int32{2, 7, 9}, nil}}}}}
	p.beats.Take([]collect.Probed[int32]{{ID: 2, Node: "b2", Answered: true}}, time.Unix(1_795_626_000, 0))
	want := []collect.Probed[int32]{{ID: 9, Node: "b2", Answered: true, Took: time.Millisecond}, {ID: 2, Node: "node-2"}, {ID: 7, Node: "node-7"}}
	for _, poll := range []string{"the first", "the next"} {
		got := p.probed(&snapshot{cluster: c, answers: []answers{took}, away: map[int32]string{7: "b2"}})
		if !slices.Equal(got, want) {
			t.Errorf("%s poll without it: got %+v, want %+v", poll, got, want)
		}
		p.beats.Take(got, time.Unix(1_795_626_005, 0))
	}
	out := collect.Reports{}
	p.beats.ReportAll(&out)
	var failures []float64
	for i := range out.All {
		for _, g := range out.All[i].Gauges {
			if out.All[i].Labels.Node == "b2" && g.Name == telemetry.GaugeHeartbeatFailed {
				failures = append(failures, g.Value)
			}
		}
	}
	if !slices.Equal(failures, []float64{0}) {
		t.Errorf("got %v failures of the broker that answers, want one report that there are none", failures)
	}
}

// TestBrokersThatAreAwayAreNamed asks for those that no poll has seen: by their addresses where the broker that is asked tells of fenced
// ones, and by their ids elsewhere.
func TestBrokersThatAreAwayAreNamed(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 1)
	asked, refuses := 0, false
	running.ControlKey(int16(kmsg.DescribeCluster), func(r kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		asked++
		out := r.ResponseKind().(*kmsg.DescribeClusterResponse)
		if refuses {
			out.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		}
		out.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 0, Host: "b0", Port: 9092}}
		if r.(*kmsg.DescribeClusterRequest).IncludeFencedBrokers {
			out.Brokers = append(out.Brokers, kmsg.DescribeClusterResponseBroker{NodeID: 7, Host: "b7", Port: 9092, IsFenced: true})
		}
		return out, nil, true
	})
	c := &cluster{brokers: []broker{{0, "b0:9092"}}, topics: map[string]*topic{"a": {partitions: []partition{{0, 0, []int32{0, 7, 8}, nil}}}}}
	for _, step := range []struct {
		name    string
		version int16
		refuses bool
		seen    []collect.Probed[int32]
		want    map[int32]string
		asked   int
	}{
		{"Kafka 4", 2, false, nil, map[int32]string{7: "b7:9092", 8: "node-8"}, 1},
		{"Kafka 3", 1, false, nil, map[int32]string{7: "node-7", 8: "node-8"}, 0},
		{"Kafka 4, which refuses", 2, true, nil, nil, 1},
		{"all were seen", 2, false, []collect.Probed[int32]{{ID: 7, Node: "b7:9092"}, {ID: 8, Node: "b8:9092"}}, map[int32]string{}, 0},
	} {
		asked, refuses = 0, step.refuses
		m.poller.beats.Take(step.seen, m.now)
		got, err := m.poller.nameAway(&question{ctx: t.Context(), broker: m.poller.client.Broker(0), cluster: c, knows: map[int16]int16{int16(kmsg.DescribeCluster): step.version}})
		if !maps.Equal(got, step.want) || (got == nil) != (step.want == nil) || asked != step.asked || step.refuses != (err != nil && strings.Contains(err.Error(), "CLUSTER_AUTHORIZATION_FAILED")) {
			t.Errorf("%s: got %v, %v after %d requests, want %v after %d", step.name, got, err, asked, step.want, step.asked)
		}
	}
}
