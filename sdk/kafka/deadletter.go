package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/sdk"
)

// Headers that a dead letter has besides its own: where it was, and why it is one.
const (
	HeaderDeadTopic     = "weir-dead-topic"
	HeaderDeadPartition = "weir-dead-partition"
	HeaderDeadOffset    = "weir-dead-offset"
	HeaderDeadGroup     = "weir-dead-group"
	HeaderDeadAttempts  = "weir-dead-attempts"
	HeaderDeadError     = "weir-dead-error"
)

const (
	// maxDeadErrorBytes bounds what a dead letter says of the error. Not smaller: a wrapped error has a
	// few hundred; not larger: the record would pass what brokers take.
	maxDeadErrorBytes = 1024
	// deadLetterRetry is between two tries to put a dead letter away. Not shorter: the library has tried again
	// by itself before; not longer: its partition waits.
	deadLetterRetry = time.Second
)

// deadLetters is the topic of the group's dead letters.
func (r *receiver) deadLetters() string {
	return cmp.Or(r.config.DeadLetter, r.config.Route.Topic+"."+r.config.Group+".dead-letter")
}

// ensureDeadLetters creates the topic of dead letters where it is missing, with one partition and as many replicas as
// the cluster gives by default.
func (r *receiver) ensureDeadLetters(ctx context.Context) error {
	topic := r.deadLetters()
	err := hasTopic(ctx, r.side, topic)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(readyTimeout / time.Millisecond)
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, 1, -1
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(ctx, r.side)
	if err != nil {
		return fmt.Errorf("create topic %s for dead letters: %w", topic, err)
	}
	for i := range answer.Topics {
		err := kerr.ErrorForCode(answer.Topics[i].ErrorCode)
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.PolicyViolation):
			return fmt.Errorf("%w: topic %s for dead letters is missing and may not be created: %w; create it, name another one by weir.DeadLetter, "+
				"or open the consumer with weir.When(weir.KeepTrying)", weir.ErrLacks, topic, err)
		default:
			return fmt.Errorf("create topic %s for dead letters: %w", topic, err)
		}
	}
	return nil
}

// readyTimeout is how long a broker may take to create a topic. Not shorter: a controller that was
// just elected takes seconds; not longer: the consumer waits.
const readyTimeout = 10 * time.Second

// PutAway sends a record to the topic of dead letters, until that is acknowledged.
func (p *polled) PutAway(ctx context.Context, d *weir.Delivery, cause error) bool {
	r := p.receiver
	from := d.Native().(*kgo.Record)
	text := cause.Error()
	text = text[:min(len(text), maxDeadErrorBytes)]
	headers := make([]kgo.RecordHeader, 0, len(from.Headers)+6)
	headers = append(headers, from.Headers...)
	for _, h := range [...]struct{ key, value string }{
		{HeaderDeadTopic, from.Topic}, {HeaderDeadPartition, strconv.Itoa(int(from.Partition))}, {HeaderDeadOffset, strconv.FormatInt(from.Offset, 10)},
		{HeaderDeadGroup, r.config.Group}, {HeaderDeadAttempts, strconv.Itoa(d.Attempt)}, {HeaderDeadError, text},
	} {
		headers = append(headers, kgo.RecordHeader{Key: h.key, Value: []byte(h.value)})
	}
	for {
		letter := &kgo.Record{Topic: r.deadLetters(), Key: from.Key, Value: from.Value, Headers: headers}
		err := r.side.ProduceSync(ctx, letter).FirstErr()
		if err == nil {
			return true
		}
		r.config.Log.Error("a dead letter is not taken: its partition waits", "topic", letter.Topic, "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(deadLetterRetry):
		}
	}
}
