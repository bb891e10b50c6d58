package pipeline

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/telemetry"
)

// brokerConfig starts an embedded broker and returns a configuration that uses it.
func brokerConfig(t *testing.T) Config {
	t.Helper()
	running, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	config := DefaultConfig()
	config.Kafka.Brokers = running.Addrs()
	return config
}

func TestEnsureTopicsCreatesAndChecks(t *testing.T) {
	config := brokerConfig(t)
	ctx := context.Background()
	config.Kafka.CreateTopics = false
	err := EnsureTopics(ctx, &config)
	if err == nil || !strings.Contains(err.Error(), "weir topics create") {
		t.Fatalf("got %v, want the remedy for missing topics", err)
	}
	config.Kafka.CreateTopics = true
	for range 2 { // the second time checks what the first created
		if err := EnsureTopics(ctx, &config); err != nil {
			t.Fatal(err)
		}
	}
	changed := config
	changed.Telemetry.Pane = 20 * time.Second
	err = EnsureTopics(ctx, &changed)
	if err == nil || !strings.Contains(err.Error(), "20s") || !strings.Contains(err.Error(), "10s") {
		t.Errorf("got %v, want a refusal that names both values", err)
	}
}

func TestEnsureTopicsNamesAWrongSetting(t *testing.T) {
	config := brokerConfig(t)
	ctx := context.Background()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(ctx, 2, 1, map[string]*string{"message.timestamp.type": kadm.StringPtr("CreateTime")}, telemetry.TopicTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	err = EnsureTopics(ctx, &config)
	if err == nil || !strings.Contains(err.Error(), "message.timestamp.type=CreateTime, needs LogAppendTime: run `kafka-configs") {
		t.Errorf("got %v, want the wrong setting and its remedy", err)
	}
}

// testLog writes to the test's log.
func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
