package topic_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/topic"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
)

// patience is how long a test waits for what must come. Not shorter: machines that run other tests take five times as long; not longer: a
// test that fails should say so.
const patience = 20 * time.Second

// cluster is an embedded broker, and who writes to it.
type cluster struct {
	t     *testing.T
	addrs []string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return &cluster{t, b.Addrs()}
}

func (c *cluster) dial(options ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.addrs...)}, options...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// create creates weir.control, as soon as the broker lets it be made again.
func (c *cluster) create() {
	c.t.Helper()
	admin := kadm.NewClient(c.dial())
	c.eventually("the topic can be made", func() bool {
		_, err := admin.CreateTopic(c.t.Context(), 1, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, control.Topic)
		return err == nil
	})
}

func (c *cluster) remove() {
	c.t.Helper()
	_, err := kadm.NewClient(c.dial()).DeleteTopic(c.t.Context(), control.Topic)
	c.must(err)
}

// put writes records whose values are their keys, by a client that has not seen the topic before.
func (c *cluster) put(keys ...string) {
	c.t.Helper()
	client := c.dial()
	for _, key := range keys {
		c.must(client.ProduceSync(c.t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(key), Value: []byte(key)}).FirstErr())
	}
}

// transact writes a record in a transaction.
func (c *cluster) transact(key string, end kgo.TransactionEndTry) {
	c.t.Helper()
	client := c.dial(kgo.TransactionalID("mirror"))
	c.must(client.BeginTransaction())
	c.must(client.ProduceSync(c.t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(key), Value: []byte(key)}).FirstErr())
	c.must(client.EndTransaction(c.t.Context(), end))
}

func (c *cluster) eventually(what string, holds func() bool) {
	c.t.Helper()
	deadline, tick := time.Now().Add(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited %s in vain: %s", patience, what)
		}
		<-tick.C
	}
}

// reading is a reader, and what it has read.
type reading struct {
	*topic.Reader
	keys []string
	anew int
	log  *child.Output
}

func (c *cluster) open() *reading {
	c.t.Helper()
	log := &child.Output{}
	r, err := topic.Open(topic.Config{Options: []kgo.Opt{kgo.SeedBrokers(c.addrs...)}, Log: slog.New(slog.NewTextHandler(log, nil))})
	c.must(err)
	c.t.Cleanup(r.Close)
	return &reading{Reader: r, log: log}
}

// logged is how often the log says something.
func (r *reading) logged(what string) int { return strings.Count(r.log.String(), what) }

func (r *reading) take(b topic.Batch) {
	if b.Anew {
		r.keys = nil
		r.anew++
	}
	for _, record := range b.Records {
		r.keys = append(r.keys, string(record.Key))
	}
}

// catchUp reads to the end, in time.
func (c *cluster) catchUp(r *reading) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	c.must(r.CatchUp(ctx, r.take))
}

// TestATopicIsReadToItsEnd holds that whoever reads is through, whatever is at the end of the topic, and reads on from there.
func TestATopicIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		write func(*cluster)
		keys  []string
	}{
		"nothing":                  {func(*cluster) {}, nil},
		"records":                  {func(c *cluster) { c.put("a", "b") }, []string{"a", "b"}},
		"a committed transaction":  {func(c *cluster) { c.put("a"); c.transact("b", kgo.TryCommit) }, []string{"a", "b"}},
		"one that was taken back":  {func(c *cluster) { c.put("a"); c.transact("b", kgo.TryAbort) }, []string{"a", "b"}},
		"what an operator deleted": {func(c *cluster) { c.put("a", "b"); c.deleteRecords() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.create()
			of.write(c)
			r := c.open()
			c.catchUp(r)
			if !slices.Equal(r.keys, of.keys) {
				t.Errorf("read %v, want %v", r.keys, of.keys)
			}
			c.put("later")
			c.catchUp(r)
			c.transact("last", kgo.TryCommit)
			c.catchUp(r)
			if want := append(of.keys, "later", "last"); !slices.Equal(r.keys, want) || r.anew > 0 {
				t.Errorf("read %v, and that the topic was made anew %d times: want %v", r.keys, r.anew, want)
			}
		})
	}
}

// deleteRecords deletes all records.
func (c *cluster) deleteRecords() {
	c.t.Helper()
	admin := kadm.NewClient(c.dial())
	ends, err := admin.ListEndOffsets(c.t.Context(), control.Topic)
	c.must(err)
	answers, err := admin.DeleteRecords(c.t.Context(), ends.Offsets())
	c.must(err)
	c.must(answers.Error())
}

// TestATopicThatIsMadeAnewIsReadFromItsStart holds it of readers that look now and then, and of those that wait, whether it has
// fewer records than the former one, as many, or more; and that they can write to it.
func TestATopicThatIsMadeAnewIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"fewer": {"x"}, "as many": {"x", "y", "z"}, "more": {"x", "y", "z", "u", "v"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.create()
			c.put("a", "b", "c")
			looks, waits := c.open(), c.open()
			c.catchUp(looks)
			for len(waits.keys) < 3 {
				waits.take(waits.Poll(t.Context()))
			}
			c.remove()
			c.create()
			c.put(keys...)
			c.eventually("who looks reads the new topic", func() bool { c.catchUp(looks); return slices.Equal(looks.keys, keys) })
			c.eventually("who waits reads the new topic", func() bool { waits.take(waits.Poll(t.Context())); return slices.Equal(waits.keys, keys) })
			for _, r := range []*reading{looks, waits} {
				if r.anew < 1 || r.logged("was deleted and made anew") < 1 {
					t.Errorf("that it was made anew is told %d times, and logged %d times", r.anew, r.logged("was deleted and made anew"))
				}
				c.must(r.Client().ProduceSync(t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte("own")}).FirstErr())
			}
			c.catchUp(looks)
			if want := append(keys, "own", "own"); !slices.Equal(looks.keys, want) {
				t.Errorf("read %v, want %v", looks.keys, want)
			}
		})
	}
}

// TestFaultsAreTold holds that a log says why the topic is not read, once for each reason, and that it is again.
func TestFaultsAreTold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	r := c.open()
	for range 3 {
		if err := r.CatchUp(t.Context(), r.take); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Fatalf("without a topic: %v", err)
		}
	}
	if n := r.logged("cannot be read"); n != 1 {
		t.Errorf("that there is no topic is told %d times, want 1", n)
	}
	c.create()
	c.put("a")
	c.eventually("the topic is read", func() bool { return r.CatchUp(t.Context(), r.take) == nil && len(r.keys) == 1 })
	if n := r.logged("is read again"); n < 1 {
		t.Error("that the topic is read again is not told")
	}
	away := (&cluster{t, []string{"127.0.0.1:1"}}).open()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	polled := make(chan topic.Batch, 1)
	go func() { polled <- away.Poll(ctx) }()
	c.eventually("that the cluster is away is told", func() bool { return away.logged("refused") == 1 })
	cancel()
	if b := <-polled; b.Err != nil || b.Anew {
		t.Errorf("a poll that is stopped says %+v", b)
	}
}

// TestAFaultIsWaitedFor holds that who catches up does not ask a broker whose disk is away as fast as that answers.
func TestAFaultIsWaitedFor(t *testing.T) {
	t.Parallel()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c := &cluster{t, fake.ListenAddrs()}
	c.create()
	c.put("a")
	const refusals, pause = 5, 200 * time.Millisecond
	refused := 0
	fake.ControlKey(int16(kmsg.Fetch), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		if refused++; refused > refusals {
			return nil, nil, false
		}
		fake.KeepControl()
		return refusedFetch(asked.(*kmsg.FetchRequest)), nil, true
	})
	r, began := c.open(), time.Now()
	c.catchUp(r)
	if took, least := time.Since(began), refusals*pause; took < least {
		t.Errorf("%d fetches are refused within %s, want a wait of %s behind each", refusals, took, pause)
	}
	if !slices.Equal(r.keys, []string{"a"}) || r.logged("cannot be read") != 1 || r.logged("is read again") != 1 {
		t.Errorf("read %v, and the log says\n%s", r.keys, r.log)
	}
}

// refusedFetch answers a fetch by a fault that goes away.
func refusedFetch(request *kmsg.FetchRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.FetchResponse)
	for _, asked := range request.Topics {
		of := kmsg.NewFetchResponseTopic()
		of.Topic, of.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			refused := kmsg.NewFetchResponseTopicPartition()
			refused.Partition, refused.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
			of.Partitions = append(of.Partitions, refused)
		}
		response.Topics = append(response.Topics, of)
	}
	return response
}

// TestOptionsThatCannotBe says what is wrong with them.
func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := topic.Open(topic.Config{Options: []kgo.Opt{kgo.SeedBrokers()}})
	if err == nil || !strings.Contains(fmt.Sprint(err), "weir.control") {
		t.Errorf("got %v", err)
	}
}
