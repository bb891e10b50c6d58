package remoting

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Reading is a group in a topic that it has committed offsets of.
type Reading struct{ Topic, Group string }

// UnmarshalText decodes the key that a broker has for it, topic@group. What is not one, as with more of the signs, RocketMQ passes over, and it is
// the zero value here.
func (r *Reading) UnmarshalText(text []byte) error {
	topic, group, ok := strings.Cut(string(text), "@")
	if *r = (Reading{}); ok && !strings.Contains(group, "@") {
		r.Topic, r.Group = topic, group
	}
	return nil
}

// committed are the offsets of all groups as they are sent.
type committed struct {
	Offsets map[Reading]map[QueueID]int64 `json:"offsetTable"`
}

// ConsumerOffsets asks for all offsets that groups have committed, by queue: a queue that is not there was never committed. It is what
// slaves ask for every 10 s, and costs a broker as much as to write the table as JSON. One that is longer than MaxFrame, of some hundred
// thousand queues in groups, ends the connection.
func (b Broker) ConsumerOffsets(ctx context.Context) (map[Reading]map[QueueID]int64, error) {
	got, err := fetch[committed](ctx, b.target, "the offsets of all groups", Request{Code: codeConsumerOffsets})
	return got.Offsets, err
}

// toolsGroup is the group that RocketMQ's own tools ask as. It has no offsets.
const toolsGroup = "TOOLS_CONSUMER"

// TopicEnds asks for the offsets behind the newest messages of many topics; one that the broker does not have is left out. It needs
// RocketMQ 5.3.2: brokers before it pass over the list of topics, and the error wraps ErrUnsupported. It looks up no message, as
// TopicStats does for each queue.
func (b Broker) TopicEnds(ctx context.Context, topics []string) (map[Queue]int64, error) {
	got, err := b.ConsumeStatsOf(ctx, toolsGroup, topics)
	if err != nil {
		return nil, err
	}
	ends := make(map[Queue]int64, len(got))
	for queue, offset := range got {
		ends[queue] = offset.End
	}
	if len(ends) == 0 && len(topics) > 0 {
		return nil, &Error{Addr: b.target.addr, What: fmt.Sprintf("the ends of %d topics", len(topics)), Reason: ErrUnsupported,
			Remark: "brokers before 5.3.2 tell of one topic at a time"}
	}
	return ends, nil
}

// ConsumeStatsOf asks how far a group is in some topics, whether it reads them or not. Brokers before 5.3.2 answer, at more cost, of what
// it reads, and what was not asked for is left out.
func (b Broker) ConsumeStatsOf(ctx context.Context, group string, topics []string) (map[Queue]ConsumedOffset, error) {
	what := fmt.Sprintf("the offsets of group %s in %d topics", group, len(topics))
	got, err := fetch[ConsumeStats](ctx, b.target, what,
		Request{Code: codeConsumeStats, Fields: map[string]string{"consumerGroup": group, "topicList": strings.Join(topics, ";")}})
	if err != nil {
		return nil, err
	}
	asked := make(map[string]bool, len(topics))
	for _, topic := range topics {
		asked[topic] = true
	}
	maps.DeleteFunc(got.Queues, func(queue Queue, _ ConsumedOffset) bool { return !asked[queue.Topic] })
	return got.Queues, nil
}

// QueueEntry is a place in a queue.
type QueueEntry struct {
	// TagsCode is the hash of the tags of the message there. In the topic of delayed messages, which has a queue for each delay level, it is when the
	// message is due, Unix ms.
	TagsCode int64 `json:"tagsCode"`
	Position int64 `json:"physicOffset"` // in the commit log
	Bytes    int   `json:"physicSize"`
}

// QueueEntries asks for the places in a queue from an offset on, at most count. Where the queue does not reach from there, none are
// returned.
func (b Broker) QueueEntries(ctx context.Context, queue Queue, offset int64, count int) ([]QueueEntry, error) {
	what := fmt.Sprintf("queue %d of topic %s at offset %d", queue.ID, queue.Topic, offset)
	got, err := b.target.client.do(ctx, b.target, what, Request{Code: codeQueueEntries, Fields: map[string]string{"topic": queue.Topic,
		"queueId": strconv.Itoa(queue.ID), "index": strconv.FormatInt(offset, 10), "count": strconv.Itoa(count)}})
	if err != nil || len(got.Body) == 0 { // it answers without a body where there is no such place
		return nil, err
	}
	var into struct {
		Entries []QueueEntry `json:"queueData"`
	}
	if err := json.Unmarshal(got.Body, &into); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w: %w", b.target.addr, what, errAnswer, err)
	}
	return into.Entries, nil
}
