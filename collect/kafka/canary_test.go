package kafka

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// withCanaries is the same cluster, polled by a poller that sends canaries.
func (m *measured) withCanaries(options ...kgo.Opt) *measured {
	m.Helper()
	config := m.poller.config
	config.Canary.Enabled = true
	config.Options = append(slices.Clone(config.Options), options...)
	poller, err := Open(config)
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(poller.Close)
	out := *m
	out.poller = poller
	return &out
}

// canaries sends one to each broker.
func (m *measured) canaries() {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	if err := m.poller.ProbeAll(ctx); err != nil {
		m.Fatal(err)
	}
}

// probe sends one to a broker as a runner does, and returns what is reported.
func (m *measured) probe(id string) (lines []string, ok bool) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	reports, ok := m.poller.Probe(ctx, id)
	for i := range reports {
		lines = append(lines, line(&reports[i]))
	}
	return lines, ok
}

// TestCanaries sends canaries: they are the heartbeats, and their topic is in no report.
func TestCanaries(t *testing.T) {
	t.Parallel()
	_, plain := fake(t, 1)
	plain.topic("orders", 1)
	m := plain.withCanaries()
	m.canaries()
	const heartbeat = " client=weir-1 heartbeat_failures_in_a_row=0 heartbeat_is_canary=1"
	lines := m.poll(0)
	if sent := m.values(of(lines, "op=probe"), telemetry.GaugeHeartbeatSend); len(sent) != 1 || sent[0] <= 0 {
		t.Errorf("got %v, want the seconds that the send took", sent)
	}
	node := "op=probe node=" + m.addrs[0]
	m.expect(without(of(lines, "op=probe"), "heartbeat_send_seconds"), node+heartbeat+" heartbeats=1")
	m.expect(without(of(m.poll(5*time.Second), "op=probe"), "heartbeat_send_seconds"), node+heartbeat) // requests are no heartbeats now
	lines, ok := m.probe("0")
	m.expect(without(lines, "heartbeat_send_seconds"), node+heartbeat+" heartbeats=1")
	if !ok || !slices.Equal(m.poller.Brokers(), []string{"0"}) {
		t.Errorf("got %v of brokers %v, want a canary that came back from broker 0", ok, m.poller.Brokers())
	}
	if topics, err := m.admin.ListTopics(m.Context(), "weir-canary-0"); err != nil || len(topics["weir-canary-0"].Partitions) != 1 {
		t.Errorf("got %v, %v, want the topic that was made", topics, err)
	}
	for _, polled := range []*measured{m, plain} { // whether it sends canaries itself or not
		for _, line := range polled.poll(5 * time.Second) {
			if strings.Contains(line, "weir-canary") {
				t.Errorf("a report is of a topic of canaries: %s", line)
			}
		}
	}
	if _, ok := m.probe("7"); !ok {
		t.Error("a broker that is not there has failed")
	}
}

// TestABrokerThatHearsLateOfItsTopic has just been given it, as others know: it is sent a canary all the same, when it has heard.
func TestABrokerThatHearsLateOfItsTopic(t *testing.T) {
	t.Parallel()
	running, plain := fake(t, 1)
	m := plain.withCanaries()
	var refused atomic.Int32
	running.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		if refused.Add(1) > 3 {
			return nil, nil, false
		}
		out := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range r.(*kmsg.ProduceRequest).Topics {
			answer := kmsg.NewProduceResponseTopic()
			answer.Topic, answer.TopicID = t.Topic, t.TopicID
			p := kmsg.NewProduceResponseTopicPartition()
			p.ErrorCode = kerr.NotLeaderForPartition.Code
			answer.Partitions = append(answer.Partitions, p)
			out.Topics = append(out.Topics, answer)
		}
		return out, nil, true
	})
	m.canaries()
	if got := of(m.poll(0), "op=probe", "heartbeat_is_canary=1", "heartbeats=1"); len(got) != 1 || refused.Load() != 4 {
		t.Errorf("got %v after %d sends, want a canary after 4", got, refused.Load())
	}
}

// writing is what canaries take, besides leastPrivilege.
var writing = []kfake.ACL{
	allowPrefixed("weir-canary-", kmsg.ACLOperationCreate),
	allowPrefixed("weir-canary-", kmsg.ACLOperationWrite),
	allowPrefixed("weir-canary-", kmsg.ACLOperationRead),
}

func allowPrefixed(prefix string, operation kmsg.ACLOperation) kfake.ACL {
	acl := allow(kmsg.ACLResourceTypeTopic, prefix, operation)
	acl.Pattern = kmsg.ACLResourcePatternTypePrefixed
	return acl
}

// TestCanariesThatAreNotPermitted takes permissions away: heartbeats are round trips then, and it says so.
func TestCanariesThatAreNotPermitted(t *testing.T) {
	t.Parallel()
	const roundTrips = "broker 0 at ADDR can be sent no canaries, so that its heartbeats are round trips: "
	for _, c := range []struct {
		name string
		made bool // somebody else has made the topic
		acls []kfake.ACL
		want string // of the error; empty: canaries are sent
	}{
		{"nothing", false, nil, roundTrips + "create topic weir-canary-0: TOPIC_AUTHORIZATION_FAILED"},
		{"nothing, of a topic that is there", true, nil, roundTrips + "no canary can be sent: send to topic weir-canary-0: TOPIC_AUTHORIZATION_FAILED"},
		{"to write and not to read", true, writing[:2], roundTrips + "no canary can be sent: read from topic weir-canary-0: TOPIC_AUTHORIZATION_FAILED"},
		{"not to create, where it is there", true, writing[1:], ""},
		{"all", false, writing, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			guarded := guarded(t, slices.Concat(leastPrivilege, c.acls)...)
			if c.made {
				guarded.topic("weir-canary-0", 1)
			}
			m := guarded.withCanaries()
			m.canaries()
			lines, err := m.pollWith(0)
			said := ""
			if err != nil {
				said = strings.TrimPrefix(err.Error(), "poll cluster eu: ")
			}
			want := strings.Replace(c.want, "ADDR", m.addrs[0], 1)
			if got, _, _ := strings.Cut(said, "\n"); want == "" && got != "" || want != "" && !strings.HasPrefix(got, want) {
				t.Errorf("got the error %q, want %q", said, want)
			}
			is := "heartbeat_is_canary=1"
			if want != "" {
				is = "heartbeat_is_canary=0"
			}
			m.expect(without(of(lines, "op=probe"), "heartbeat_send_seconds"), "op=probe node="+m.addrs[0]+" client=weir-1 heartbeat_failures_in_a_row=0 "+is+" heartbeats=1")
		})
	}
}

// TestABrokerWithADiskThatHangs answers requests and takes no messages: its canaries fail, those of others do not, and what they waited
// counts.
func TestABrokerWithADiskThatHangs(t *testing.T) {
	t.Parallel()
	running, plain := fake(t, 2)
	for id, name := range []string{"weir-canary-0", "weir-canary-1"} {
		plain.topic(name, 1)
		if err := running.MoveTopicPartition(name, 0, int32(id)); err != nil {
			t.Fatal(err)
		}
	}
	m := plain.withCanaries()
	m.canaries()
	m.poll(0)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	running.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		if running.CurrentNode() == 1 {
			running.SleepControl(func() { <-ended })
		}
		return nil, nil, false
	})
	m.canaries()
	lines, err := m.pollWith(5 * time.Second)
	if want := "broker 1 at " + m.addrs[1] + " failed its canary: it was not back within 5.5s"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	m.expect(without(of(lines, "op=probe"), "heartbeat_send_seconds", "heartbeat_peers_p50_seconds"),
		"op=probe node="+m.addrs[0]+" client=weir-1 heartbeat_failures_in_a_row=0 heartbeat_is_canary=1 heartbeats=1",
		"op=probe node="+m.addrs[1]+" client=weir-1 heartbeat_failures_in_a_row=1 heartbeat_is_canary=1 heartbeats=1")
	reports, ok := m.poller.Probe(t.Context(), "1")
	if ok || len(reports) != 1 || reports[0].Gauges[0].Value != 2 || reports[0].HeartbeatMicros.Quantile(0.99) <= float64(collect.CanaryFails.Microseconds()) {
		t.Errorf("got %v and %v, want that it failed a second time, and a round trip above %s", ok, reports, collect.CanaryFails)
	}
}

// TestATopicOfCanariesThatMovedAway is moved back, and where that is not permitted it says so.
func TestATopicOfCanariesThatMovedAway(t *testing.T) {
	t.Parallel()
	running, plain := fake(t, 2)
	move := func(name string, id int32) {
		if err := running.MoveTopicPartition(name, 0, id); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"weir-canary-0", "weir-canary-1"} {
		plain.topic(name, 1)
		move(name, 0)
	}
	m := plain.withCanaries()
	var asked atomic.Int32
	moved := make(chan struct{})
	running.ControlKey(int16(kmsg.AlterPartitionAssignments), func(r kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		out := r.ResponseKind().(*kmsg.AlterPartitionAssignmentsResponse)
		if asked.Add(1) == 1 {
			out.ErrorCode = kerr.ClusterAuthorizationFailed.Code
			return out, nil, true
		}
		go func() {
			defer close(moved)
			to := r.(*kmsg.AlterPartitionAssignmentsRequest).Topics[0]
			move(to.Topic, to.Partitions[0].Replicas[0])
		}()
		return out, nil, true
	})
	m.canaries()
	lines, err := m.pollWith(0)
	want := "broker 1 at " + m.addrs[1] + " can be sent no canaries, so that its heartbeats are round trips: move topic weir-canary-1 to its broker: CLUSTER_AUTHORIZATION_FAILED"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	for id, is := range []string{"heartbeat_is_canary=1", "heartbeat_is_canary=0"} {
		if got := of(lines, "op=probe", "node="+m.addrs[id], is, "heartbeats=1"); len(got) != 1 {
			t.Errorf("got %v of broker %d, want %s", of(lines, "op=probe"), id, is)
		}
	}
	m.canaries() // refused a moment ago
	if got := asked.Load(); got != 1 {
		t.Errorf("to move it was asked for %d times within a minute, want once", got)
	}
	m = plain.withCanaries() // to which nobody refused anything
	m.canaries()
	<-moved
	if got := of(m.poll(5*time.Second), "op=probe", "node="+m.addrs[1], "heartbeat_is_canary=1", "heartbeats=1"); len(got) != 1 {
		t.Errorf("got %v once it moved back, want a canary", got)
	}
}
