package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
)

// sender sends to one topic.
type sender struct {
	topic  string
	client *kgo.Client
	// producer is the client, or what has commands apply to it.
	producer interface {
		Produce(context.Context, *kgo.Record, func(*kgo.Record, error))
	}
}

// OpenSender opens a client that sends.
func (s *system) OpenSender(config weir.SenderConfig) (weir.Sender, error) {
	options := s.clientOptions(config.Route)
	if config.Reporter != nil {
		options = append(options, Opts(config.Reporter, Cluster(config.Route.Cluster))...)
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a client of Kafka: %w", err)
	}
	out := &sender{topic: config.Route.Topic, client: client, producer: client}
	if config.Control != nil {
		_ = config.Control.Bind(client, agent.Cluster(config.Route.Cluster)) // of an agent that is closed nothing applies
		out.producer = config.Control.Producer(client)
	}
	return out, nil
}

// Ready waits until the topic is known.
func (s *sender) Ready(ctx context.Context) error { return hasTopic(ctx, s.client, s.topic) }

// hasTopic asks a cluster for a topic.
func hasTopic(ctx context.Context, client *kgo.Client, topic string) error {
	topics, err := kadm.NewClient(client).ListTopicsWithInternal(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return fmt.Errorf("ask for topic %s: %w", topic, err)
	}
	return nil
}

// sending is one call of Send.
type sending struct {
	records []kgo.Record
	left    sync.WaitGroup

	mu     sync.Mutex
	failed *weir.BatchError
	next   int // where the next that fails is most likely: they fail in the order of their partition
}

// Send sends messages and waits for the answers.
func (s *sender) Send(ctx context.Context, messages []*weir.Message) *weir.BatchError {
	call := &sending{records: make([]kgo.Record, len(messages))}
	call.left.Add(len(messages))
	answered := call.answered
	for i, m := range messages {
		r := &call.records[i]
		r.Topic, r.Key, r.Value, r.Headers = s.topic, m.Key, m.Body, headersOf(m)
		s.producer.Produce(ctx, r, answered)
	}
	call.left.Wait()
	return call.failed
}

// answered notes what became of a record; kgo calls it.
func (c *sending) answered(r *kgo.Record, err error) {
	if err != nil {
		c.fail(r, err)
	}
	c.left.Done()
}

func (c *sending) fail(r *kgo.Record, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, kgo.ErrClientClosed) {
		err = fmt.Errorf("%w before it was acknowledged: %w", weir.ErrClosed, err)
	}
	for range c.records {
		i := c.next
		c.next = (i + 1) % len(c.records)
		if &c.records[i] == r {
			c.failed = c.failed.Fail(i, len(c.records), err)
			return
		}
	}
}

// headersOf are a message's headers as records have them, and its tag among them.
func headersOf(m *weir.Message) []kgo.RecordHeader {
	count := len(m.Headers)
	if m.Tag != "" {
		count++
	}
	if count == 0 {
		return nil
	}
	headers := make([]kgo.RecordHeader, 0, count)
	for _, h := range m.Headers {
		headers = append(headers, kgo.RecordHeader(h))
	}
	if m.Tag != "" {
		headers = append(headers, kgo.RecordHeader{Key: weir.TagHeader, Value: []byte(m.Tag)})
	}
	return headers
}

// Close ends the client: what is not acknowledged fails.
func (s *sender) Close() { s.client.Close() }

// Native is the *kgo.Client.
func (s *sender) Native() any { return s.client }
