package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// Headers that a dead letter has besides its own: where it was, and why it is one.
const (
	HeaderDeadTopic     = "weir-dead-topic"
	HeaderDeadPartition = "weir-dead-partition"
	HeaderDeadOffset    = "weir-dead-offset"
	HeaderDeadGroup     = "weir-dead-group"
	HeaderDeadAttempts  = "weir-dead-attempts"
	HeaderDeadError     = "weir-dead-error"
	// HeaderDeadBodyBytes has only a dead letter that the topic takes without its body: how large that is, uncompressed. It is where
	// the headers above say, as long as the topic there keeps it.
	HeaderDeadBodyBytes = "weir-dead-body-bytes"
)

const (
	// maxDeadErrorBytes bounds what a dead letter says of the error. Not smaller: a wrapped error has a
	// few hundred; not larger: the record would pass what brokers take.
	maxDeadErrorBytes = 1024
	// maxDeadKeyBytes bounds the key of a dead letter without its body. Not smaller: keys are ids; not larger: the record would pass what brokers take.
	maxDeadKeyBytes = 1024
	// maxDeadLetterBytes bounds a dead letter as it is sent, so that the topic's own max.message.bytes decides. Not smaller: topics of large messages
	// exist; not larger: brokers end connections that ask for 100 MiB (socket.request.max.bytes), and would never answer.
	maxDeadLetterBytes = 64 << 20
)

// deadLetters is the topic of the group's dead letters.
func (r *receiver) deadLetters() string { return deadLetters(&r.config) }

// deadLetters is the topic of a group's dead letters.
func deadLetters(config *weir.ReceiverConfig) string {
	return cmp.Or(config.DeadLetter, config.Route.Topic+"."+config.Group+".dead-letter")
}

// ensureDeadLetters creates the topic of dead letters where it is missing, with one partition and as many replicas as
// the cluster gives by default.
func (r *receiver) ensureDeadLetters(ctx context.Context) error {
	topic := r.deadLetters()
	err := hasTopic(ctx, r.side, topic)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	admin := kadm.NewClient(r.side)
	admin.SetTimeoutMillis(int32(readyTimeout / time.Millisecond))
	_, err = admin.CreateTopic(ctx, 1, -1, r.sizes(ctx, admin), topic)
	switch {
	case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.PolicyViolation):
		return fmt.Errorf("%w: topic %s for dead letters is missing and may not be created: %w; create it, name another one by weir.DeadLetter, "+
			"or open the consumer with weir.When(weir.KeepTrying)", weir.ErrLacks, topic, err)
	}
	return fmt.Errorf("create topic %s for dead letters: %w", topic, err)
}

// sizes has a topic of dead letters take what the consumed one does, and the headers, where somebody has set that for the consumed one. Who may not
// ask gets what the cluster gives by default.
func (r *receiver) sizes(ctx context.Context, admin *kadm.Client) map[string]*string {
	const key = "max.message.bytes"
	answers, err := admin.DescribeTopicConfigs(ctx, r.config.Route.Topic)
	if err != nil {
		return nil
	}
	for _, answer := range answers {
		for _, config := range answer.Configs {
			most, err := strconv.ParseInt(config.MaybeValue(), 10, 32)
			if config.Key == key && config.Source == kmsg.ConfigSourceDynamicTopicConfig && err == nil {
				return map[string]*string{key: kadm.StringPtr(strconv.FormatInt(min(most+deadHeadersBytes, math.MaxInt32), 10))}
			}
		}
	}
	return nil
}

// deadHeadersBytes is how much larger a dead letter is than its message, at most: names of a topic and a group, the error, and numbers.
const deadHeadersBytes = 4096

// readyTimeout is how long a broker may take to create a topic. Not shorter: a controller that was
// just elected takes seconds; not longer: the consumer waits.
const readyTimeout = 10 * time.Second

// deadHeaders say where a record was, and why it is a dead letter.
func (r *receiver) deadHeaders(from *kgo.Record, attempt int, cause error) []kgo.RecordHeader {
	text := cause.Error()
	text = text[:min(len(text), maxDeadErrorBytes)]
	headers := make([]kgo.RecordHeader, 0, 6)
	for _, h := range [...]struct{ key, value string }{
		{HeaderDeadTopic, from.Topic}, {HeaderDeadPartition, strconv.Itoa(int(from.Partition))}, {HeaderDeadOffset, strconv.FormatInt(from.Offset, 10)},
		{HeaderDeadGroup, r.config.Group}, {HeaderDeadAttempts, strconv.Itoa(attempt)}, {HeaderDeadError, text},
	} {
		headers = append(headers, kgo.RecordHeader{Key: h.key, Value: []byte(h.value)})
	}
	return headers
}

// wholeLetter is a record as it was, with headers about it.
func (r *receiver) wholeLetter(from *kgo.Record, about []kgo.RecordHeader) *kgo.Record {
	headers := append(make([]kgo.RecordHeader, 0, len(from.Headers)+len(about)), from.Headers...)
	return &kgo.Record{Topic: r.deadLetters(), Key: from.Key, Value: from.Value, Headers: append(headers, about...)}
}

// letterWithoutBody says where a record is. It has its key and its trace where they are small, and none of its other headers. Its value is
// empty and not nil: that would take away another letter where the topic is compacted.
func (r *receiver) letterWithoutBody(from *kgo.Record, about []kgo.RecordHeader) *kgo.Record {
	letter := &kgo.Record{Topic: r.deadLetters(), Value: []byte{}}
	if len(from.Key) <= maxDeadKeyBytes {
		letter.Key = from.Key
	}
	for _, h := range from.Headers {
		if h.Key == meter.TraceparentHeader && len(h.Value) <= maxDeadKeyBytes {
			letter.Headers = append(letter.Headers, h)
			break
		}
	}
	letter.Headers = append(letter.Headers, about...)
	letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: HeaderDeadBodyBytes, Value: []byte(strconv.Itoa(len(from.Value)))})
	return letter
}
