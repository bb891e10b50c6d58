package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestParametersAreRecordedWhole holds that everything the fold depends on is recorded.
func TestParametersAreRecordedWhole(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	records, err := readPartition(t.Context(), config.Kafka, telemetry.TopicParameters, 0)
	if err != nil || len(records) != 1 {
		t.Fatalf("got %d records: %v", len(records), err)
	}
	var recorded map[string]any
	if err := json.Unmarshal(records[0].Value, &recorded); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pane", "tolerance", "max_series", "max_topic_series", "segment", "block_offsets", "histogram_growth", "limits", "max_listed_clients", "max_listed_events", "max_batch_bytes", "max_batch_records"} {
		if recorded[name] == nil {
			t.Errorf("%s is not recorded: %s", name, records[0].Value)
		}
	}
}

// TestOneOfTwoFirstStartsIsRefused: two processes with different panes that start at
// once on new topics do not both run.
func TestOneOfTwoFirstStartsIsRefused(t *testing.T) {
	for range 5 {
		config := brokerConfig(t)
		other := config
		other.Telemetry.Pane = 20 * time.Second
		var started sync.WaitGroup
		outcomes := make([]error, 2)
		for i, c := range []*Config{&config, &other} {
			started.Go(func() { _, outcomes[i] = EnsureTopics(t.Context(), c) })
		}
		started.Wait()
		refused := 0
		for _, err := range outcomes {
			var differs *parametersError
			if errors.As(err, &differs) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if refused != 1 {
			t.Errorf("%d of two were refused, want one: %v", refused, outcomes)
		}
	}
}

// TestParametersLiveAsLongAsTheirTopic: weir.telemetry created again may have others.
func TestParametersLiveAsLongAsTheirTopic(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	config.Telemetry.Pane = 20 * time.Second
	if _, err := EnsureTopics(t.Context(), &config); err == nil || !strings.Contains(err.Error(), "{Pane:20s") || !strings.Contains(err.Error(), "{Pane:10s") {
		t.Errorf("got %v, want a refusal that names both", err)
	}
	if _, err := kadm.NewClient(client).DeleteTopic(t.Context(), telemetry.TopicTelemetry); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Errorf("after the topic was created again: %v", err)
	}
}

// TestTopicsFromBeforeTheLimitOfTopics: weir.telemetry that was recorded without max_topic_series is folded without, or
// not at all.
func TestTopicsFromBeforeTheLimitOfTopics(t *testing.T) {
	config := brokerConfig(t)
	before := config
	before.Telemetry.MaxTopicSeries = 0
	if _, err := EnsureTopics(t.Context(), &before); err != nil {
		t.Fatal(err)
	}
	_, err := EnsureTopics(t.Context(), &config)
	for _, want := range []string{"MaxTopicSeries:50000}", "MaxTopicSeries:0}", "telemetry.max_topic_series: 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	if _, err := EnsureTopics(t.Context(), &before); err != nil {
		t.Errorf("with 0: %v", err)
	}
}
