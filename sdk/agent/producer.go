package agent

import (
	"context"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/applied"
)

// Errors of sends that commands withhold. The message was not sent; of the first, it may be sent again.
var (
	ErrSendLimited = applied.ErrSendLimited
	ErrTooLarge    = applied.ErrTooLarge
)

// Producer is a bound franz-go client as it sends: use it in place of the client to send. What is sent by the client
// itself is neither limited nor compressed, since a client has no hook that could make it wait.
type Producer struct {
	kafka *kgo.Client
	bound *binding // nil of an agent that is closed
}

// Producer is a client as it sends. It binds the client where that is not bound yet.
func (a *Agent) Producer(client *kgo.Client) *Producer {
	return &Producer{client, a.of(client)}
}

// Produce is the client's, and waits before for as long as a send limit says, or until ctx ends: then the promise is called with
// an error that is ErrSendLimited and ctx's. A message that is too large for a command fails with ErrTooLarge. As it may wait, do
// not call it in a promise.
func (p *Producer) Produce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	if p.untouched(r) {
		p.kafka.Produce(ctx, r, promise)
		return
	}
	promise, err := p.prepare(r, promise, func(topic string) error { return p.bound.client.Admit(ctx, topic, 1) })
	if err != nil {
		promise(r, err)
		return
	}
	p.kafka.Produce(ctx, r, promise)
}

// TryProduce is the client's: it waits for nothing. Where a send limit would have it wait, the promise is called with ErrSendLimited.
func (p *Producer) TryProduce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	if p.untouched(r) {
		p.kafka.TryProduce(ctx, r, promise)
		return
	}
	promise, err := p.prepare(r, promise, func(topic string) error { return p.bound.client.AdmitNow(topic, 1) })
	if err != nil {
		promise(r, err)
		return
	}
	p.kafka.TryProduce(ctx, r, promise)
}

// ProduceSync is the client's, of records that each wait as Produce says.
func (p *Producer) ProduceSync(ctx context.Context, records ...*kgo.Record) kgo.ProduceResults {
	if !slices.ContainsFunc(records, func(r *kgo.Record) bool { return !p.untouched(r) }) {
		return p.kafka.ProduceSync(ctx, records...)
	}
	var done sync.WaitGroup
	var mu sync.Mutex
	results := make(kgo.ProduceResults, 0, len(records))
	done.Add(len(records))
	for _, r := range records {
		p.Produce(ctx, r, func(r *kgo.Record, err error) {
			mu.Lock()
			results = append(results, kgo.ProduceResult{Record: r, Err: err})
			mu.Unlock()
			done.Done()
		})
	}
	done.Wait()
	return results
}

// untouched says that no command is about the record.
func (p *Producer) untouched(r *kgo.Record) bool {
	return p.bound == nil || !p.bound.client.SendsTouched(p.topicOf(r))
}

// topicOf is where a record goes: as kgo decides it.
func (p *Producer) topicOf(r *kgo.Record) string {
	if r.Topic == "" || p.bound.always {
		return p.bound.topic
	}
	return r.Topic
}

// prepare does to a record what commands say, and returns the promise to send it with. With an error it must not be sent, and
// the promise be called with that.
func (p *Producer) prepare(r *kgo.Record, promise func(*kgo.Record, error), admit func(topic string) error) (func(*kgo.Record, error), error) {
	client, topic := p.bound.client, p.topicOf(r)
	if promise == nil {
		promise = func(*kgo.Record, error) {}
	}
	compress, err := client.Fit(topic, len(r.Value))
	if err == nil {
		err = admit(topic)
	}
	if err != nil {
		client.Withheld(topic, uint64(sizeOf(r)), err)
		return promise, err
	}
	if compress && !slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == applied.EncodingHeader }) {
		promise = compressValue(client, r, promise)
	}
	return promise, nil
}

func sizeOf(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

// compressValue compresses a record's value where that is worth it. The promise gives the program its record as it was.
func compressValue(client *applied.Client, r *kgo.Record, promise func(*kgo.Record, error)) func(*kgo.Record, error) {
	compressed, worth := client.Compress(r.Value)
	if !worth {
		return promise
	}
	value, headers := r.Value, r.Headers
	r.Value = compressed
	r.Headers = append(slices.Clone(headers), kgo.RecordHeader{Key: applied.EncodingHeader, Value: []byte(applied.EncodingZstd)})
	return func(r *kgo.Record, err error) {
		r.Value, r.Headers = value, headers
		promise(r, err)
	}
}
