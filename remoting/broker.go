package remoting

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// The codes of requests to a broker.
const (
	codeQueryOffset         = 14
	codeTopicConfigs        = 21
	codeSettings            = 26
	codeRuntimeInfo         = 28
	codeConsumerOffsets     = 43
	codeGroups              = 201
	codeTopicStats          = 202
	codeConsumerConnections = 203
	codeConsumeStats        = 208
	codeRunningInfo         = 307
	codeQueueEntries        = 321
	codeProducers           = 328
)

// Broker is one that can be asked. Each answers for itself alone: a topic or group is on several.
type Broker struct{ target target }

// Broker is the one at host:port. Nothing is asked yet.
func (c *Client) Broker(addr string) Broker { return Broker{target{c, addr}} }

// Queue is one queue of a topic.
type Queue struct {
	Topic  string `json:"topic"`
	Broker string `json:"brokerName"` // of a set of brokers, not its address
	ID     int    `json:"queueId"`    // from 0, on this set of brokers
}

// UnmarshalText decodes a queue that is a key of an object: itself an object.
func (q *Queue) UnmarshalText(text []byte) error {
	type plain Queue // without this method
	if err := json.Unmarshal(text, (*plain)(q)); err != nil {
		return err
	}
	return checkQueueID(q.ID)
}

// MaxQueues bounds the queues of a topic on one broker. Ids are below it: an answer with another is refused. Not smaller: topics of some
// thousand queues are in use; not larger: there may be an entry for each, in each group that reads the topic.
const MaxQueues = 1 << 16

// QueueID is the id of a queue that is a key of an object, 0 to MaxQueues-1.
type QueueID int

// UnmarshalText decodes it.
func (id *QueueID) UnmarshalText(text []byte) error {
	of, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	*id = QueueID(of)
	return checkQueueID(of)
}

func checkQueueID(id int) error {
	if id < 0 || id >= MaxQueues {
		return fmt.Errorf("queueId %d: allowed are 0 to %d", id, MaxQueues-1)
	}
	return nil
}

// TopicConfig is how a topic is set up on one broker.
type TopicConfig struct {
	Read  int `json:"readQueueNums"`
	Write int `json:"writeQueueNums"`
	Perm  int `json:"perm"` // 4 can be read, 2 can be written, 6 both
}

// TopicConfigs asks for all topics of the broker, by name.
func (b Broker) TopicConfigs(ctx context.Context) (map[string]TopicConfig, error) {
	got, err := fetch[struct {
		Topics map[string]TopicConfig `json:"topicConfigTable"`
	}](ctx, b.target, "the configurations of topics", Request{Code: codeTopicConfigs})
	return got.Topics, err
}

// QueueRange is what a queue holds.
type QueueRange struct {
	Min           int64 `json:"minOffset"`           // of the oldest message that is kept
	Max           int64 `json:"maxOffset"`           // behind the newest message
	UpdatedMillis int64 `json:"lastUpdateTimestamp"` // when the newest was stored, Unix ms; 0 where nothing is kept
}

// topicRanges are the queues of a topic as they are sent.
type topicRanges struct {
	Queues map[Queue]QueueRange `json:"offsetTable"`
}

// TopicStats asks for the queues of a topic. The error wraps ErrNoTopic where the broker has none of it.
func (b Broker) TopicStats(ctx context.Context, topic string) (map[Queue]QueueRange, error) {
	got, err := fetch[topicRanges](ctx, b.target, "the offsets of topic "+topic, Request{Code: codeTopicStats, Fields: map[string]string{"topic": topic}})
	return got.Queues, err
}

// ConsumeStats is how far a group is.
type ConsumeStats struct {
	TPS    float64                  `json:"consumeTps"` // messages handed out in a second, over the last minute
	Queues map[Queue]ConsumedOffset `json:"offsetTable"`
}

// ConsumedOffset is how far a group is in one queue.
type ConsumedOffset struct {
	End int64 `json:"brokerOffset"` // behind the newest message
	// Commit is the offset that the group committed. 0 may mean that it never did, or that there is no such group: QueryOffset tells.
	Commit int64 `json:"consumerOffset"`
	Pull   int64 `json:"pullOffset"` // behind what was handed out
	// CommitMillis is when the message before Commit was stored, Unix ms; 0 where none is known.
	CommitMillis int64 `json:"lastTimestamp"`
}

// ConsumeStats asks how far a group is in a topic, or in all it has committed offsets of where topic is empty. An unknown group has no
// error, but offsets of 0 or no queues.
func (b Broker) ConsumeStats(ctx context.Context, group, topic string) (ConsumeStats, error) {
	fields := map[string]string{"consumerGroup": group}
	if topic != "" {
		fields["topic"] = topic
	}
	return fetch[ConsumeStats](ctx, b.target, "the offsets of group "+group, Request{Code: codeConsumeStats, Fields: fields})
}

// QueryOffset asks for the offset that a group committed of one of the broker's queues. The error wraps ErrNeverCommitted where there
// is none.
func (b Broker) QueryOffset(ctx context.Context, group, topic string, queue int) (int64, error) {
	what := fmt.Sprintf("the offset of group %s in queue %d of topic %s", group, queue, topic)
	got, err := b.target.client.do(ctx, b.target, what, Request{Code: codeQueryOffset, Fields: map[string]string{
		"consumerGroup": group, "topic": topic, "queueId": strconv.Itoa(queue), "setZeroIfNotFound": "false"}})
	if err != nil {
		return 0, err
	}
	offset, err := strconv.ParseInt(got.Fields["offset"], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask %s for %s: %w: %w", b.target.addr, what, errAnswer, err)
	}
	return offset, nil
}

// GroupConfig is how a consumer group is set up on one broker.
type GroupConfig struct {
	Enabled    bool `json:"consumeEnable"`          // it may consume
	Broadcast  bool `json:"consumeBroadcastEnable"` // it may read every message with every client
	Orderly    bool `json:"consumeMessageOrderly"`
	MaxRetries int  `json:"retryMaxTimes"`
}

// Groups asks for all consumer groups that the broker knows, by name, those of the system too.
func (b Broker) Groups(ctx context.Context) (map[string]GroupConfig, error) {
	got, err := fetch[struct {
		Groups map[string]GroupConfig `json:"subscriptionGroupTable"`
	}](ctx, b.target, "the consumer groups", Request{Code: codeGroups})
	return got.Groups, err
}
