package kafka

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// taker is a cluster with topic orders of 3 partitions that may take nothing new: it refuses it in a way that clients try again, or does not answer.
type taker struct {
	*kfake.Cluster
	refuses, silent atomic.Bool
	asked           atomic.Uint64
	answers         chan struct{} // closed when it answers again
}

func startTaker(t *testing.T) *taker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(reported.Partitions, "orders", "orders.billing.dead-letter"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	out := &taker{Cluster: cluster, answers: make(chan struct{})}
	cluster.ControlKey(kmsg.Produce.Int16(), out.answer)
	return out
}

func (c *taker) answer(request kmsg.Request) (kmsg.Response, error, bool) {
	c.KeepControl()
	if c.silent.Load() {
		c.asked.Add(1)
		c.SleepControl(func() { <-c.answers })
		return nil, nil, false
	}
	if !c.refuses.Load() {
		return nil, nil, false
	}
	c.asked.Add(1)
	produce := request.(*kmsg.ProduceRequest)
	response := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range produce.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.NotEnoughReplicas.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response, nil, true
}

// fill sends so many messages to each partition, the first of which nobody can handle in partition 0.
func (c *taker) fill(t *testing.T, each int) {
	t.Helper()
	client := reported.Dial(t, c.ListenAddrs(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range each {
		for partition := range int32(reported.Partitions) {
			r := &kgo.Record{Topic: "orders", Partition: partition, Value: []byte("well")}
			if i == 0 && partition == 0 {
				r.Value = []byte("poison")
			}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// handled counts, by partition, what was handled of messages, each once.
type handled struct {
	mu    sync.Mutex
	which [reported.Partitions]map[int64]bool
}

func (h *handled) handle(_ context.Context, batch []*weir.Delivery) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var failed *weir.BatchError
	for i, d := range batch {
		if string(d.Body) == "poison" {
			failed = failed.Fail(i, len(batch), errors.New("nobody can"))
			continue
		}
		if h.which[d.Partition] == nil {
			h.which[d.Partition] = map[int64]bool{}
		}
		h.which[d.Partition][d.Offset] = true
	}
	if failed == nil {
		return nil
	}
	return failed
}

func (h *handled) in(partitions ...int) (messages int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range partitions {
		messages += len(h.which[p])
	}
	return messages
}

// TestOnlyThePartitionOfADeadLetterWaits holds that a dead letter which is not taken holds up its partition, and no other of the member; that the partition goes on when it
// is taken; and that nothing of it is committed before.
func TestOnlyThePartitionOfADeadLetterWaits(t *testing.T) {
	t.Parallel()
	const each = 60
	for name, c := range map[string]struct {
		silent      bool
		concurrency int
	}{"refused": {concurrency: 1}, "not answered": {silent: true, concurrency: 1}, "refused, of several batches at once": {concurrency: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startTaker(t)
			cluster.fill(t, each)
			cluster.silent.Store(c.silent)
			cluster.refuses.Store(true)
			var h handled
			r, end := openReceiver(t, cluster.ListenAddrs(), h.handle, func(config *weir.ReceiverConfig) { config.Concurrency = c.concurrency })
			reported.Eventually(t, "the other partitions are handled to their ends", func() bool { return h.in(1, 2) == 2*each })
			if got := h.in(0); got == each-1 {
				t.Error("the partition of the dead letter did not wait")
			}
			if caughtUp, err := r.CaughtUp(t.Context()); err != nil || caughtUp {
				t.Errorf("a dead letter is not safe, and the group is caught up: %v, %v", caughtUp, err)
			}
			if at := committedOf(t, cluster.ListenAddrs(), 0); at > 0 {
				t.Errorf("its partition is committed at %d: want nothing", at)
			}
			cluster.refuses.Store(false)
			if c.silent {
				cluster.silent.Store(false)
				close(cluster.answers)
			}
			reported.Eventually(t, "its partition goes on", func() bool { return h.in(0) == each-1 })
			reported.Eventually(t, "all is committed", func() bool {
				caughtUp, err := r.CaughtUp(t.Context())
				return err == nil && caughtUp
			})
			end()
			if letters := lettersOf(t, cluster.ListenAddrs(), 1); string(letters[0].Value) != "poison" {
				t.Errorf("the dead letter is %q", letters[0].Value)
			}
		})
	}
}

// committedOf is what the group has committed of a partition.
func committedOf(t *testing.T, addrs []string, partition int32) int64 {
	t.Helper()
	committed, err := kadm.NewClient(reported.Dial(t, addrs)).FetchOffsets(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	at, _ := committed.Lookup("orders", partition)
	return at.At
}

// TestOnlyThePartitionOfWhatIsTriedForEverWaits holds the same of a message that is tried for ever.
func TestOnlyThePartitionOfWhatIsTriedForEverWaits(t *testing.T) {
	t.Parallel()
	const each = 60
	cluster := startTaker(t)
	cluster.fill(t, each)
	var h handled
	openReceiver(t, cluster.ListenAddrs(), h.handle, func(config *weir.ReceiverConfig) { config.Attempts, config.Exhausted = 2, weir.KeepTrying })
	reported.Eventually(t, "the other partitions are handled to their ends", func() bool { return h.in(1, 2) == 2*each })
	if got := h.in(0); got == each-1 {
		t.Error("the partition of what is tried did not wait")
	}
}

// TestAMemberEndsWhileADeadLetterIsNotTaken holds that the end of a consumer waits for no dead letter, whatever the broker does.
func TestAMemberEndsWhileADeadLetterIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"refused": false, "not answered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startTaker(t)
			cluster.fill(t, 1)
			cluster.silent.Store(silent)
			cluster.refuses.Store(true)
			t.Cleanup(func() { close(cluster.answers) })
			var h handled
			_, end := openReceiver(t, cluster.ListenAddrs(), h.handle, nil)
			reported.Eventually(t, "the dead letter is sent", func() bool { return cluster.asked.Load() > 0 })
			began := time.Now()
			end()
			t.Logf("the member has ended after %s", time.Since(began))
		})
	}
}

// TestAPartitionThatWaitsIsLost has a second member join while a partition waits. Nobody waits for what the former owner waited for, and when dead letters are
// taken all is handled.
func TestAPartitionThatWaitsIsLost(t *testing.T) {
	t.Parallel()
	const each = 60
	cluster := startTaker(t)
	cluster.fill(t, each)
	cluster.refuses.Store(true)
	var h handled
	r, _ := openReceiver(t, cluster.ListenAddrs(), h.handle, nil)
	reported.Eventually(t, "the other partitions are handled to their ends", func() bool { return h.in(1, 2) == 2*each })
	_, endSecond := openReceiver(t, cluster.ListenAddrs(), h.handle, nil)
	of := r.(*receiver)
	reported.Eventually(t, "the second has some", func() bool {
		of.lostMu.Lock()
		defer of.lostMu.Unlock()
		return of.lostLast > 0
	})
	endSecond()
	cluster.refuses.Store(false)
	reported.Eventually(t, "its partition goes on", func() bool { return h.in(0) == each-1 })
	reported.Eventually(t, "all is committed", func() bool {
		caughtUp, err := r.CaughtUp(t.Context())
		return err == nil && caughtUp
	})
	if paused := of.client.PauseFetchPartitions(nil)["orders"]; len(paused) > 0 {
		t.Errorf("partitions %v are still paused", paused)
	}
}

// standing is a log that stands still at lines of partitions that wait, until it may take them.
type standing struct {
	slog.Handler
	asked atomic.Int32
	may   chan struct{} // holds one for each line
}

func (h *standing) Enabled(context.Context, slog.Level) bool { return true }

func (h *standing) Handle(_ context.Context, of slog.Record) error {
	if strings.HasPrefix(of.Message, "a partition ") {
		h.asked.Add(1)
		<-h.may
	}
	return nil
}

// TestALogThatStandsStillHoldsUpOnePartition has the log take no line of a partition that waits, and none of that it goes on. The member handles its other partitions.
func TestALogThatStandsStillHoldsUpOnePartition(t *testing.T) {
	t.Parallel()
	const each = 20
	cluster := startTaker(t)
	cluster.fill(t, each)
	cluster.refuses.Store(true)
	log := &standing{may: make(chan struct{})}
	var h handled
	openReceiver(t, cluster.ListenAddrs(), h.handle, func(config *weir.ReceiverConfig) { config.Log = slog.New(log) })
	free := sync.OnceFunc(func() { close(log.may) })
	t.Cleanup(free) // before the member ends
	reported.Eventually(t, "the log is told that a partition waits", func() bool { return log.asked.Load() == 1 })
	reported.Eventually(t, "the other partitions are handled to their ends", func() bool { return h.in(1, 2) == 2*each })
	log.may <- struct{}{}
	cluster.refuses.Store(false)
	reported.Eventually(t, "the log is told that the partition goes on", func() bool { return log.asked.Load() == 2 })
	cluster.fill(t, each)
	reported.Eventually(t, "the other partitions are handled to their new ends", func() bool { return h.in(1, 2) == 4*each })
	free()
	reported.Eventually(t, "all is handled", func() bool { return h.in(0) == 2*each-2 })
}
