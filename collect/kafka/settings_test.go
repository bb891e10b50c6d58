package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/telemetry"
)

// TestSettingsAreGauges says what is reported of a topic's configuration. What was not read is left out, and so is a time that is none.
func TestSettingsAreGauges(t *testing.T) {
	for _, c := range []struct {
		of   topicSettings
		want []telemetry.Gauge
	}{
		{topicSettings{2, time.Hour, 1000, "delete"}, []telemetry.Gauge{{Name: "min_in_sync_replicas", Value: 2}, {Name: "retention_seconds", Value: 3600},
			{Name: "max_message_bytes", Value: 1000}, {Name: "compacted"}}},
		{topicSettings{1, lag.Forever, 0, "compact"}, []telemetry.Gauge{{Name: "min_in_sync_replicas", Value: 1}, {Name: "compacted", Value: 1}}},
		{topicSettings{1, time.Minute, 0, "compact,delete"}, []telemetry.Gauge{{Name: "min_in_sync_replicas", Value: 1}, {Name: "retention_seconds", Value: 60}, {Name: "compacted", Value: 1}}},
		{topicSettings{}, nil},
	} {
		if diff := cmp.Diff(c.want, c.of.gauges()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.of, diff)
		}
	}
}

// TestThrottles keeps the longest wait of each broker until it is reported.
func TestThrottles(t *testing.T) {
	var w throttles
	for _, wait := range []struct {
		node int32
		took time.Duration
	}{{1, time.Second}, {1, 3 * time.Second}, {1, 2 * time.Second}, {2, time.Millisecond}} {
		w.OnBrokerThrottle(kgo.BrokerMetadata{NodeID: wait.node}, wait.took, true)
	}
	if diff := cmp.Diff(map[int32]time.Duration{1: 3 * time.Second, 2: time.Millisecond}, w.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := w.take(); len(again) != 0 {
		t.Errorf("got %v again", again)
	}
}
