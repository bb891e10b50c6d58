package weir_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	deploykafka "github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	deployrocketmq "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/rocketmq"
)

func init() { rocketmq.LogTo(slog.New(slog.DiscardHandler)) } // before the first client of all tests

// TestOnKafka runs the table on a real Kafka.
func TestOnKafka(t *testing.T) {
	t.Parallel()
	runConformance(t, newKafka(t))
}

// TestOnRocketMQ runs the table on a real RocketMQ.
func TestOnRocketMQ(t *testing.T) {
	t.Parallel()
	runConformance(t, newRocketMQ(t))
}

// newKafka is a real Kafka of one node.
func newKafka(t *testing.T) *ground {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	server, err := deploykafka.Start(t.Context(), deploykafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: printed(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	addrs := []string{server.Addr()}
	return &ground{name: "kafka", system: kafka.System(), cluster: "real-kafka", seeds: addrs,
		create: func(t *testing.T, topics ...string) { reported.CreateTopics(t, addrs, topics...) },
		deadLetters: func(t *testing.T, topic, group string) []string {
			return readTopic(t, addrs, topic+"."+group+".dead-letter")
		}}
}

// newRocketMQ is a real RocketMQ of one name server and one broker.
func newRocketMQ(t *testing.T) *ground {
	t.Helper()
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	out, dir := printed(t), t.TempDir()
	names, err := deployrocketmq.StartNameServer(t.Context(), deployrocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv"), LogWriter: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Kill)
	broker, err := deployrocketmq.StartBroker(t.Context(), deployrocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"), LogWriter: out,
		Options: map[string]string{"autoCreateTopicEnable": "false",
			"waitTimeMillsInSendQueue": "60000", "osPageCacheBusyTimeOutMills": "60000"}}, // a busy machine is no reason to refuse
		names.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)
	resolver := primitive.NewPassthroughResolver([]string{names.Addr()})
	administrator, err := admin.NewAdmin(admin.WithResolver(resolver))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = administrator.Close() })
	g := &ground{name: "rocketmq", system: rocketmq.System(), cluster: "real-rocketmq", seeds: []string{names.Addr()}}
	g.create = func(t *testing.T, topics ...string) {
		t.Helper()
		for _, topic := range topics {
			if err := administrator.CreateTopic(t.Context(), admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(broker.Addr()),
				admin.WithReadQueueNums(3), admin.WithWriteQueueNums(3)); err != nil {
				t.Fatal(err)
			}
		}
		for _, topic := range topics {
			reported.Eventually(t, "the name server knows "+topic, func() bool {
				found, err := administrator.FetchPublishMessageQueues(t.Context(), topic)
				return err == nil && len(found) > 0
			})
		}
	}
	g.deadLetters = func(t *testing.T, _, group string) []string {
		t.Helper()
		topic := "%DLQ%" + group
		reported.Eventually(t, "the topic of dead letters is there", func() bool {
			found, err := administrator.FetchPublishMessageQueues(t.Context(), topic)
			return err == nil && len(found) > 0
		})
		got := newLedger()
		h := g.open(t, topic)
		h.consume(t, "r", "mourners", got.handle)
		reported.Eventually(t, "a dead letter", func() bool { return got.different() > 0 })
		var bodies []string
		for body := range got.bodies {
			bodies = append(bodies, body)
		}
		return bodies
	}
	return g
}

// output is what processes print.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// printed collects what processes print, and shows it where the test fails.
func printed(t *testing.T) *output {
	out := &output{}
	t.Cleanup(func() {
		out.mu.Lock()
		defer out.mu.Unlock()
		if t.Failed() {
			t.Log(out.text.String())
		}
	})
	return out
}
