package kafka

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
)

// TestReplicaHealth counts partitions by what is wrong with them.
func TestReplicaHealth(t *testing.T) {
	three, two := []int32{1, 2, 3}, []int32{1, 2}
	c := &cluster{topics: map[string]*topic{
		"fine":    {partitions: []partition{{0, 1, three, three}, {1, 2, three, three}}},
		"lagging": {partitions: []partition{{0, 1, three, two}, {1, 1, three, two[:1]}}},
		"dead":    {partitions: []partition{{0, -1, three, two[:1]}}},
	}}
	settings := map[string]topicSettings{"fine": {minISR: 2}, "lagging": {minISR: 2}, "dead": {minISR: 1}}
	if got, want := healthOf(c, settings), (replicaHealth{underReplicated: 3, underMinISR: 1, leaderless: 1, preferredMisses: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	delete(settings, "fine")
	if got := healthOf(c, settings); !got.minISRUnknown || got.underMinISR != 1 {
		t.Errorf("got %+v without the configuration of a topic", got)
	}
}

// TestShares counts what brokers have of the partitions, and those that lead in the place of the one that should.
func TestShares(t *testing.T) {
	c := &cluster{topics: map[string]*topic{
		"a": {partitions: []partition{{0, 1, []int32{1, 2}, []int32{1, 2}}, {1, 1, []int32{2, 1}, []int32{1}}}},
		"b": {partitions: []partition{{0, -1, []int32{2}, nil}, {1, 3, []int32{3}, []int32{3}}}},
	}}
	want := map[int32]share{1: {leaders: 2, partitions: 2}, 2: {partitions: 3, misses: 1}, 3: {leaders: 1, partitions: 1}}
	if got := c.shares(); !maps.Equal(got, want) {
		t.Errorf("got %+v, want %+v: what nobody leads is missed by nobody", got, want)
	}
}

// TestNodesAlive counts nodes that are brokers, controllers or both.
func TestNodesAlive(t *testing.T) {
	brokers := func(ids ...int32) *collect.Heartbeats[int32] {
		var all []collect.Probed[int32]
		for _, id := range ids {
			all = append(all, collect.Probed[int32]{ID: max(id, -id), Answered: id > 0})
		}
		out := &collect.Heartbeats[int32]{}
		out.Take(all, time.Unix(1_795_626_000, 0))
		return out
	}
	for _, c := range []struct {
		name   string
		known  []int32 // voters of the polls before
		polled quorum
		beats  *collect.Heartbeats[int32] // of ids; those below 0 failed
		want   []int32                    // besides brokers that answer; nil: not known
	}{
		{"controllers that are no brokers", nil, quorum{active: 1, alive: []int32{11, 12}, voters: []int32{11, 12, 13}}, brokers(1, -2), []int32{11, 12}},
		{"a node that fetched a moment ago, and does not answer as a broker", nil, quorum{active: 1, alive: []int32{1, 2, 3}, voters: []int32{1, 2, 3}}, brokers(1, -2, 3), []int32{1, 3}},
		{"no controller, and all are brokers", []int32{1, 2, 3}, quorum{active: 0}, brokers(1, -2, -3), []int32{}},
		{"no controller, and some are no brokers", []int32{1, 2, 11}, quorum{active: 0}, brokers(1, -2), nil},
		{"no controller, and nobody knows who votes", nil, quorum{active: 0}, brokers(1, -2), nil},
		{"nobody could be asked", []int32{1, 2, 3}, quorum{active: -1}, brokers(1), nil},
	} {
		q := quorums{voters: c.known}
		got := q.alive(&snapshot{controllers: c.polled}, c.beats).alive
		if !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestABrokerThatWasNotAskedDidNotFail ends a poll before the turn of a broker: how many failed, and how many are alive, stays unknown.
func TestABrokerThatWasNotAskedDidNotFail(t *testing.T) {
	t.Parallel()
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	b := broker{id: 2, node: "b2"}
	unasked := (&question{ctx: over, broker: client.SeedBrokers()[0]}).ask(b)
	if unasked.answered || !unasked.outOfTime {
		t.Errorf("got %+v of a poll that is over, want a broker that was not asked", unasked)
	}
	p := &Poller{}
	if got := p.probed(&snapshot{cluster: &cluster{}, answers: []answers{unasked}}); len(got) != 1 || !got[0].OutOfTime {
		t.Errorf("got %+v, want a heartbeat of which nothing is known", got)
	}
	now := time.Unix(1_795_626_000, 0)
	r := (&Config{}).reporter(now)
	r.cluster(&snapshot{cluster: &cluster{}, answers: []answers{{answered: true}, unasked}}, quorum{active: 1, alive: []int32{}}, nil)
	if got := line(&r.All[0]); strings.Contains(got, "alive") {
		t.Errorf("got %s, want no counts of what is alive", got)
	}
}

// TestQuorums reads who is the controller, and which voters are alive.
func TestQuorums(t *testing.T) {
	voter := func(id int32, fetched int64) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		return kmsg.DescribeQuorumResponseTopicPartitionReplicaState{ReplicaID: id, LastFetchTimestamp: fetched}
	}
	answer := func(leader int32, voters ...kmsg.DescribeQuorumResponseTopicPartitionReplicaState) *kmsg.DescribeQuorumResponse {
		return &kmsg.DescribeQuorumResponse{Topics: []kmsg.DescribeQuorumResponseTopic{{Partitions: []kmsg.DescribeQuorumResponseTopicPartition{
			{LeaderID: leader, CurrentVoters: voters}}}}}
	}
	refused := answer(1)
	refused.ErrorCode = 31
	for _, c := range []struct {
		name   string
		answer *kmsg.DescribeQuorumResponse
		active int
		alive  []int32
		fails  bool
	}{
		{"one of three is silent", answer(1, voter(1, 100_000), voter(2, 99_000), voter(3, 80_000)), 1, []int32{1, 2}, false},
		{"no leader", answer(-1, voter(1, -1)), 0, nil, false},
		{"times are not said", answer(1, voter(1, -1), voter(2, -1)), 1, nil, false},
		{"refused", refused, -1, nil, true},
		{"of nothing", &kmsg.DescribeQuorumResponse{}, -1, nil, true},
	} {
		got, err := readQuorum(c.answer)
		if got.active != c.active || len(got.alive) != len(c.alive) || (got.alive == nil) != (c.alive == nil) || (err != nil) != c.fails {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

// TestALoginThatTakesLongIsNoMissingController asks on a connection that is never made: nothing is known of controllers then.
func TestALoginThatTakesLongIsNoMissingController(t *testing.T) {
	t.Parallel()
	c := &quorums{options: []kgo.Opt{kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})}}
	t.Cleanup(c.close)
	got, err := c.ask(&question{ctx: t.Context(), node: "127.0.0.1:9092", knows: map[int16]int16{int16(kmsg.DescribeQuorum): 0}})
	if got.active != -1 || err == nil {
		t.Errorf("got %d active controllers, %v, want that they are not known", got.active, err)
	}
}

// TestTopicSettings reads what counts of a topic's configuration.
func TestTopicSettings(t *testing.T) {
	for _, c := range []struct {
		policy, retention, minISR string
		want                      topicSettings
	}{
		{"delete", "60000", "2", topicSettings{2, time.Minute, 1000, "delete"}},
		{"compact,delete", "60000", "1", topicSettings{1, time.Minute, 1000, "compact,delete"}},
		{"compact", "60000", "1", topicSettings{1, lag.Forever, 1000, "compact"}},
		{"delete", "-1", "1", topicSettings{1, lag.Forever, 1000, "delete"}},
		{"delete", "9223372036854775807", "1", topicSettings{1, time.Duration(maxRetentionMillis) * time.Millisecond, 1000, "delete"}},
		{"", "", "", topicSettings{maxMessageBytes: 1000}},
	} {
		var r kmsg.DescribeConfigsResponseResource
		for name, value := range map[string]string{"cleanup.policy": c.policy, "retention.ms": c.retention, "min.insync.replicas": c.minISR, "max.message.bytes": "1000"} {
			if value != "" {
				r.Configs = append(r.Configs, kmsg.DescribeConfigsResponseResourceConfig{Name: name, Value: &value})
			}
		}
		if got := settingsOf(&r); got != c.want {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}
