package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// TestSettingsGoOnWhereTimeRanOut has a broker that gets to answer the first of three requests before a poll is over.
func TestSettingsGoOnWhereTimeRanOut(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 1)
	c := &cluster{topics: map[string]*topic{}}
	for i := range 2*topicsAtOnce + 1 {
		c.topics[fmt.Sprint("t", i)] = &topic{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan int, 8)
	running.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		answer := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, of := range r.(*kmsg.DescribeConfigsRequest).Resources {
			resource := kmsg.NewDescribeConfigsResponseResource()
			resource.ResourceType, resource.ResourceName = of.ResourceType, of.ResourceName
			answer.Resources = append(answer.Resources, resource)
		}
		asked <- len(answer.Resources)
		if len(asked) == 2 {
			cancel()
			return nil, errors.New("the poll is over"), true
		}
		return answer, nil, true
	})
	var s settings
	broker := m.client.Broker(0)
	if err := s.refresh(ctx, broker, c, m.now); err == nil || len(s.known) != topicsAtOnce {
		t.Errorf("got %v and the settings of %d topics, want an error and %d", err, len(s.known), topicsAtOnce)
	}
	if err := s.refresh(t.Context(), broker, c, m.now); err != nil || len(s.known) != len(c.topics) {
		t.Errorf("got %v and the settings of %d topics, want all %d", err, len(s.known), len(c.topics))
	}
	if err := s.refresh(t.Context(), broker, c, m.now); err != nil {
		t.Error(err)
	}
	close(asked)
	var got []int
	for count := range asked {
		got = append(got, count)
	}
	if diff := cmp.Diff([]int{topicsAtOnce, topicsAtOnce, topicsAtOnce, 1}, got); diff != "" {
		t.Errorf("topics were asked for (-want +got):\n%s", diff)
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
