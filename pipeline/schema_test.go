package pipeline

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// TestNewerRecordsStopTheStore: cells that a newer process wrote wait for this one's
// upgrade; bytes that nobody of Weir's wrote are set aside.
func TestNewerRecordsStopTheStore(t *testing.T) {
	counted := newPipelineMetrics().stage(RoleClickHouse)
	s := &storage{log: slog.New(slog.DiscardHandler), metrics: counted, at: newPositions()}
	newer := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), telemetry.BatchSchema+1)
	for _, c := range []struct {
		name  string
		value []byte
		stops bool
	}{{"a newer schema", newer, true}, {"garbage", []byte("\xff\xff"), false}} {
		err := s.take(s.newBatch(), &kgo.Record{Topic: telemetry.TopicCells, Value: c.value})
		if stops := errors.Is(err, telemetry.ErrNewerSchema); stops != c.stops {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}
