package pipeline

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// foldParameters are all that a cell depends on besides the log: a process with others
// would make other cells of it.
type foldParameters struct {
	aggregate.Parameters
	Segment          time.Duration `json:"segment"`
	BlockOffsets     uint64        `json:"block_offsets"`
	HistogramGrowth  float64       `json:"histogram_growth"`
	Limits           ingest.Limits `json:"limits"`
	MaxListedClients int           `json:"max_listed_clients"`
	MaxListedEvents  int           `json:"max_listed_events"`
	MaxBatchBytes    int           `json:"max_batch_bytes"`
	MaxBatchRecords  int           `json:"max_batch_records"`
}

func parametersOf(config *Config) foldParameters {
	return foldParameters{config.Parameters(), telemetry.SegmentLength, telemetry.BlockOffsets, telemetry.HistogramGrowth,
		ingest.DefaultLimits(), telemetry.MaxListedClients, telemetry.MaxListedEvents,
		maxBatchBytes, maxBatchRecords}
}

// parametersError is why a process does not start.
type parametersError struct{ here, recorded foldParameters }

func (e *parametersError) Error() string {
	const text = "telemetry parameters are %+v here but %+v were recorded for this %s: set them back, or begin with new topics"
	if e.here.MaxTopicSeries > 0 && e.recorded.MaxTopicSeries == 0 { // of an earlier build, which had no such limit
		return fmt.Sprintf(text+"; it has no limit of a topic: go on so with telemetry.max_topic_series: 0",
			e.here.Parameters, e.recorded.Parameters, telemetry.TopicTelemetry)
	}
	if e.here.Parameters != e.recorded.Parameters { // those that weir.yaml sets
		return fmt.Sprintf(text, e.here.Parameters, e.recorded.Parameters, telemetry.TopicTelemetry)
	}
	return fmt.Sprintf(text, e.here, e.recorded, telemetry.TopicTelemetry)
}

// recordParameters writes the parameters once for a topic, under its id, and refuses
// others afterwards. Of processes that start at once the first record counts.
func recordParameters(ctx context.Context, config *Config, topicID [16]byte) error {
	wanted, key := parametersOf(config), hex.EncodeToString(topicID[:])
	recorded, err := recordedParameters(ctx, config, key)
	if err != nil {
		return err
	}
	if recorded == nil {
		if err := writeParameters(ctx, config, key, wanted); err != nil {
			return err
		}
		if recorded, err = recordedParameters(ctx, config, key); err != nil {
			return err
		}
	}
	if recorded == nil {
		return fmt.Errorf("record the parameters: %s does not keep what is written", telemetry.TopicParameters)
	}
	if *recorded != wanted {
		return &parametersError{wanted, *recorded}
	}
	return nil
}

// recordedParameters returns the first parameters recorded under a key, nil for none.
func recordedParameters(ctx context.Context, config *Config, key string) (*foldParameters, error) {
	records, err := readPartition(ctx, config.Kafka, telemetry.TopicParameters, 0)
	if err != nil {
		return nil, fmt.Errorf("read the recorded parameters: %w", err)
	}
	for _, record := range records {
		if string(record.Key) != key {
			continue
		}
		// Of a topic from before batches had bounds: a larger one stopped its source.
		first := foldParameters{MaxBatchBytes: maxBatchBytes, MaxBatchRecords: maxBatchRecords}
		if err := json.Unmarshal(record.Value, &first); err != nil {
			return nil, fmt.Errorf("decode the recorded parameters: %w", err)
		}
		return &first, nil
	}
	return nil, nil
}

func writeParameters(ctx context.Context, config *Config, key string, wanted foldParameters) error {
	value, err := json.Marshal(wanted)
	if err != nil {
		return fmt.Errorf("encode the parameters: %w", err)
	}
	producer, err := newProducer(config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	return produceAll(ctx, producer, []*kgo.Record{{Topic: telemetry.TopicParameters, Key: []byte(key), Value: value}})
}
