package weir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
	deploykafka "github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	deployrocketmq "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/telemetry"
)

// Real servers are started when the first test or example asks for them, and run until all have ended.
var (
	sharedKafka    = sync.OnceValues(startKafka)
	sharedRocketMQ = sync.OnceValues(startRocketMQ)
)

// atEnd is what is to be ended and taken away with the tests.
var atEnd struct {
	sync.Mutex
	do []func()
}

func later(do func()) {
	atEnd.Lock()
	defer atEnd.Unlock()
	atEnd.do = append(atEnd.do, do)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, do := range atEnd.do {
		do()
	}
	os.Exit(code)
}

// kafkaServer is a real Kafka of one node.
type kafkaServer struct {
	*deploykafka.Server
	config deploykafka.Config
	out    *child.Output
}

func startKafka() (*kafkaServer, error) {
	jars, err := parts.Kafka()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "weir-sdk-kafka-")
	if err != nil {
		return nil, err
	}
	out := &child.Output{}
	s := &kafkaServer{config: deploykafka.Config{JarDir: jars, DataDir: filepath.Join(dir, "kafka"), LogWriter: out}, out: out}
	if s.Server, err = deploykafka.Start(context.Background(), s.config); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	s.config.Addr = s.Addr()
	later(func() { s.Kill(); _ = os.RemoveAll(dir) })
	return s, nil
}

// restart kills it, and starts it again where it was.
func (s *kafkaServer) restart(ctx context.Context) error {
	s.Kill()
	again, err := deploykafka.Start(ctx, s.config)
	if err == nil {
		s.Server = again
	}
	return err
}

// create creates topics of 3 partitions.
func (s *kafkaServer) create(ctx context.Context, topics ...string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Addr()))
	if err != nil {
		return err
	}
	defer client.Close()
	answers, err := kadm.NewClient(client).CreateTopics(ctx, 3, 1, nil, topics...)
	if err == nil {
		err = answers.Error()
	}
	return err
}

// rocketmqServer is a real RocketMQ of one name server and one broker, which creates no topic by itself.
type rocketmqServer struct {
	names, broker *deployrocketmq.Server
	config        deployrocketmq.Config
	out           *child.Output
	admin         administrator
}

// administrator is what the library's own, whose type has no name, does.
type administrator interface {
	CreateTopic(context.Context, ...admin.OptionCreate) error
	FetchPublishMessageQueues(context.Context, string) ([]*primitive.MessageQueue, error)
	Close() error
}

func startRocketMQ() (*rocketmqServer, error) {
	jars, err := parts.RocketMQ()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "weir-sdk-rocketmq-")
	if err != nil {
		return nil, err
	}
	ctx, s := context.Background(), &rocketmqServer{out: &child.Output{}}
	s.config = deployrocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"), LogWriter: s.out,
		Options: map[string]string{"autoCreateTopicEnable": "false",
			"waitTimeMillsInSendQueue": "60000", "osPageCacheBusyTimeOutMills": "60000"}} // a busy machine is no reason to refuse
	if s.names, err = deployrocketmq.StartNameServer(ctx, deployrocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv"), LogWriter: s.out}); err != nil {
		return nil, fmt.Errorf("%w: %s", err, s.out)
	}
	later(func() { s.names.Kill(); _ = os.RemoveAll(dir) })
	if s.broker, err = deployrocketmq.StartBroker(ctx, s.config, s.names.Addr()); err != nil {
		return nil, fmt.Errorf("%w: %s", err, s.out)
	}
	later(func() { s.broker.Kill() })
	s.admin, err = admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{s.names.Addr()})))
	return s, err
}

// restart kills the broker, and starts it again on another port: clients ask the name server.
func (s *rocketmqServer) restart(ctx context.Context) error {
	s.broker.Kill()
	again, err := deployrocketmq.StartBroker(ctx, s.config, s.names.Addr())
	if err == nil {
		s.broker = again
	}
	return err
}

// create creates topics of 3 queues. The name server knows them a moment later.
func (s *rocketmqServer) create(ctx context.Context, topics ...string) error {
	for _, topic := range topics {
		if err := s.admin.CreateTopic(ctx, admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(s.broker.Addr()),
			admin.WithReadQueueNums(3), admin.WithWriteQueueNums(3)); err != nil {
			return err
		}
	}
	return nil
}

// has says whether the name server knows a topic.
func (s *rocketmqServer) has(ctx context.Context, topic string) bool {
	found, err := s.admin.FetchPublishMessageQueues(ctx, topic)
	return err == nil && len(found) > 0
}

// exampleKafka is a real Kafka with a topic, and a cluster with weir.telemetry.
func exampleKafka(topic string) (seeds, telemetry []string) {
	s, err := sharedKafka()
	if err == nil {
		err = s.create(context.Background(), topic)
	}
	if err != nil {
		log.Fatal(err)
	}
	return []string{s.Addr()}, exampleTelemetry()
}

// exampleRocketMQ is a real RocketMQ with a topic, and a cluster with weir.telemetry.
func exampleRocketMQ(topic string) (nameServers, telemetry []string) {
	s, err := sharedRocketMQ()
	if err == nil {
		err = s.create(context.Background(), topic)
	}
	if err != nil {
		log.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !s.has(context.Background(), topic) {
		<-tick.C
	}
	return []string{s.names.Addr()}, exampleTelemetry()
}

var exampleTelemetry = sync.OnceValue(func() []string {
	b, err := broker.Start(broker.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(context.Background(), 1, 1, nil, telemetry.TopicTelemetry); err != nil {
		log.Fatal(err)
	}
	later(b.Close)
	return b.Addrs()
})
