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
	brokers := func(ids ...int32) heartbeats {
		out := heartbeats{}
		for _, id := range ids {
			out[max(id, -id)] = &heartbeat{failed: int(max(0, -id))}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		known  []int32 // voters of the polls before
		polled quorum
		beats  heartbeats // of ids; those below 0 failed
		want   []int32    // besides brokers that answer; nil: not known
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

// TestHeartbeats counts failures in a row, and finds the median of the peers.
func TestHeartbeats(t *testing.T) {
	h := heartbeats{}
	now := time.Unix(1_795_626_000, 0)
	c := &cluster{topics: map[string]*topic{"a": {partitions: []partition{{0, 1, []int32{1, 2}, nil}}}}}
	answer := func(id int32, took time.Duration) answers {
		return answers{broker: broker{id: id, node: "n"}, answered: took > 0, roundTrip: took}
	}
	h.take(c, []answers{answer(1, 10*time.Millisecond), answer(2, 30*time.Millisecond), answer(3, 50*time.Millisecond)}, now)
	if got, ok := h.peers(1); !ok || got != 0.04 {
		t.Errorf("got %g, %v of 30 and 50 ms, want 0.04", got, ok)
	}
	now = now.Add(10 * time.Second)
	h.take(c, []answers{answer(1, 10*time.Millisecond), answer(2, 0)}, now)
	if h[1].failed != 0 || h[2].failed != 1 || h[3] != nil {
		t.Errorf("got %+v: one that does not answer failed, one that left with no partition is forgotten", h)
	}
	now = now.Add(10 * time.Second)
	h.take(c, []answers{answer(1, 10*time.Millisecond)}, now) // 2 left, and is a replica
	if h[2].failed != 2 {
		t.Errorf("got %+v: one that left and is a replica failed again", h[2])
	}
	now = now.Add(2 * time.Minute)
	h.take(c, []answers{answer(1, 10*time.Millisecond), answer(2, time.Millisecond)}, now)
	if got, ok := h.peers(1); !ok || got != 0.001 || h[2].failed != 0 {
		t.Errorf("got %g, %v and %+v, want what the last minute has, and no failure after an answer", got, ok, h[2])
	}
	delete(h, 2)
	if _, ok := h.peers(1); ok {
		t.Error("a broker without peers has a median of them")
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
	h := heartbeats{}
	now := time.Unix(1_795_626_000, 0)
	h.take(&cluster{}, []answers{{broker: b, answered: true}}, now)
	h.take(&cluster{}, []answers{{broker: b}}, now.Add(time.Second))
	h.take(&cluster{}, []answers{unasked}, now.Add(2*time.Second))
	if h[2].failures() != 1 {
		t.Errorf("got %d failures of one that failed, and was then not asked, want 1", h[2].failures())
	}
	r := (&Config{}).reporter(now)
	r.cluster(&snapshot{cluster: &cluster{}, answers: []answers{{answered: true}, unasked}}, quorum{active: 1, alive: []int32{}}, nil)
	if got := line(&r.All[0]); strings.Contains(got, "alive") {
		t.Errorf("got %s, want no counts of what is alive", got)
	}
}

// TestABrokerThatNeverAnsweredIsUnknownAtFirst has a new turn find a broker silent: one or two failures would end an alert that fires.
func TestABrokerThatNeverAnsweredIsUnknownAtFirst(t *testing.T) {
	h := heartbeats{}
	now := time.Unix(1_795_626_000, 0)
	for poll, want := range []string{"", "", " heartbeat_failures_in_a_row=3", " heartbeat_failures_in_a_row=0", " heartbeat_failures_in_a_row=1"} {
		h.take(&cluster{}, []answers{{broker: broker{id: 1, node: "b1"}, answered: poll == 3}}, now.Add(time.Duration(poll)*time.Second))
		r := (&Config{}).reporter(now)
		if got := line(r.probe(1, h)); got != "op=probe node=b1"+want {
			t.Errorf("poll %d: got %q, want %q", poll, got, want)
		}
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
