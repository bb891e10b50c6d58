package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/telemetry"
)

// topicSettings are what of a topic's configuration counts. What could not be read is 0.
type topicSettings struct {
	minISR    int
	retention time.Duration // lag.Forever where nothing expires by time
	// maxMessageBytes is that of the largest batch that is taken.
	maxMessageBytes int64
	// policy is what happens to old messages, as Kafka writes it.
	policy string
}

const (
	// settingsAge is how old settings may be. Not smaller: people change them once in months; not larger: what they change must be seen
	// while they look.
	settingsAge = time.Minute
	// topicsAtOnce bounds one request for settings. Not smaller: each is a round trip; not larger: an answer has some hundred bytes for each.
	topicsAtOnce = 2000
)

// settings remembers the settings of topics.
type settings struct {
	known   map[string]topicSettings
	read    time.Time
	refused error // of some of them
	// reading is what polls have been told that ran out of time before they were told all. The next goes on from there: a broker that is slow, asked
	// anew each time, would be slower for it.
	reading settingsReading
}

// refresh asks a broker, any, for the settings of all topics where they are too old or some are not known. What it was told before it failed counts.
func (s *settings) refresh(ctx context.Context, broker *kgo.Broker, c *cluster, now time.Time) error {
	missing := false
	for name := range c.topics {
		_, known := s.known[name]
		missing = missing || !known
	}
	if !missing && now.Sub(s.read) < settingsAge {
		return s.refused
	}
	reading := s.reading
	if reading.found == nil {
		reading.found = map[string]topicSettings{}
	}
	left := slices.DeleteFunc(slices.Sorted(maps.Keys(c.topics)), func(name string) bool {
		_, found := reading.found[name]
		return found
	})
	for names := range slices.Chunk(left, topicsAtOnce) {
		if err := reading.describe(ctx, broker, names); err != nil {
			s.known, s.reading = maps.Clone(s.known), reading // earlier polls have the old map
			if s.known == nil {
				s.known = map[string]topicSettings{}
			}
			maps.Copy(s.known, reading.found)
			return fmt.Errorf("ask for the configurations of topics: %w", err)
		}
	}
	s.known, s.read, s.refused, s.reading = reading.found, now, nil, settingsReading{}
	if err := reading.refused.err(); err != nil {
		s.refused = fmt.Errorf("ask for the configurations of topics: %w", err)
	}
	return s.refused
}

// settingsReading is what brokers say of topics' configurations.
type settingsReading struct {
	found   map[string]topicSettings
	refused refusals
}

func (s *settingsReading) describe(ctx context.Context, broker *kgo.Broker, names []string) error {
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range names {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, name
		r.ConfigNames = []string{"min.insync.replicas", "retention.ms", "cleanup.policy", "max.message.bytes"}
		request.Resources = append(request.Resources, r)
	}
	answer, err := broker.RetriableRequest(ctx, request)
	if err != nil {
		return err
	}
	for i := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		r := &answer.(*kmsg.DescribeConfigsResponse).Resources[i]
		s.found[r.ResourceName] = topicSettings{} // also where it is refused: it is asked again when all are
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			s.refused.add(r.ResourceName, err)
			continue
		}
		s.found[r.ResourceName] = settingsOf(r)
	}
	return nil
}

func settingsOf(r *kmsg.DescribeConfigsResponseResource) topicSettings {
	values := map[string]string{}
	for _, c := range r.Configs {
		if c.Value != nil {
			values[c.Name] = *c.Value
		}
	}
	var out topicSettings
	if n, err := strconv.Atoi(values["min.insync.replicas"]); err == nil {
		out.minISR = n
	}
	if n, err := strconv.ParseInt(values["max.message.bytes"], 10, 64); err == nil {
		out.maxMessageBytes = n
	}
	policy, known := values["cleanup.policy"]
	out.policy = policy
	millis, err := strconv.ParseInt(values["retention.ms"], 10, 64)
	switch {
	case known && !strings.Contains(policy, "delete"), err == nil && millis < 0:
		out.retention = lag.Forever
	case err == nil:
		out.retention = time.Duration(min(millis, maxRetentionMillis)) * time.Millisecond
	}
	return out
}

// gauges are what of the settings is reported. Where nothing expires by time there is no retention.
func (s *topicSettings) gauges() []telemetry.Gauge {
	var out []telemetry.Gauge
	if s.minISR > 0 {
		out = append(out, collect.Gauge(telemetry.GaugeMinInSyncReplicas, float64(s.minISR)))
	}
	if s.retention > 0 { // lag.Forever is below
		out = append(out, collect.Gauge(telemetry.GaugeRetention, s.retention.Seconds()))
	}
	if s.maxMessageBytes > 0 {
		out = append(out, collect.Gauge(telemetry.GaugeMaxMessage, float64(s.maxMessageBytes)))
	}
	if s.policy != "" {
		compacted := 0.0
		if strings.Contains(s.policy, "compact") {
			compacted = 1
		}
		out = append(out, collect.Gauge(telemetry.GaugeCompacted, compacted))
	}
	return out
}

// maxRetentionMillis is the longest that a duration can be.
const maxRetentionMillis = int64(1<<63-1) / int64(time.Millisecond)
