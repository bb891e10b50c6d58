package kafka

import (
	"context"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/inplace"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// polled are records that were polled together, and are handled one batch after the other.
type polled struct {
	receiver *receiver
	client   *kgo.Client
	turn     uint64
	to       weir.Handler

	deliveries []weir.Delivery
	behind     []*weir.Delivery // the batch that is handled
	apart      *apart           // nil, or the partition that all of it is of
	mine       []*weir.Delivery // of a batch: those whose partitions were not lost by its last Begin; partition by partition, by offset
	handlings  []meter.Handling // of the attempt, from when the handler is given its messages until its end
	received   bool             // the handler has been given the batch, or what was left of it
}

var _ inplace.Batch = (*polled)(nil)

// handle has what was polled handled: in one batch, or in as many at once as partitions and Concurrency allow.
func (r *receiver) handle(ctx context.Context, empty polled, fetches kgo.Fetches) {
	workers := make([]polled, r.config.Concurrency)
	if r.handlings == nil {
		r.handlings = make([][]meter.Handling, len(workers))
	}
	for i := range workers {
		workers[i] = empty
		workers[i].handlings = r.handlings[i]
	}
	records := fetches.NumRecords()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if r.wait(empty.client, p) {
			return
		}
		w := &workers[int(p.Partition)%len(workers)]
		if len(workers) == 1 && w.deliveries == nil {
			w.deliveries = make([]weir.Delivery, 0, records)
		}
		first, headers := len(w.deliveries), make([]weir.Header, 0, headerCount(p.Records))
		w.deliveries = slices.Grow(w.deliveries, len(p.Records))[:first+len(p.Records)]
		for i, record := range p.Records {
			headers = r.deliver(&w.deliveries[first+i], record, headers)
		}
	})
	var working sync.WaitGroup
	for i := range workers {
		w := &workers[i]
		switch {
		case len(w.deliveries) == 0:
		case len(workers) == 1:
			w.handle(ctx)
		default:
			working.Go(func() { w.handle(ctx) })
		}
	}
	working.Wait()
	for i := range workers {
		r.handlings[i] = workers[i].handlings
	}
}

// handle has the records handled in batches.
func (p *polled) handle(ctx context.Context) {
	all := make([]*weir.Delivery, len(p.deliveries))
	for i := range p.deliveries {
		all[i] = &p.deliveries[i]
	}
	p.handleBatches(ctx, all)
}

func (p *polled) handleBatches(ctx context.Context, all []*weir.Delivery) {
	for p.behind = all; len(p.behind) > 0 && ctx.Err() == nil; {
		batch := p.behind[:min(p.receiver.config.MaxBatch, len(p.behind))]
		p.behind = p.behind[len(batch):]
		p.mine, p.received = batch, false
		inplace.Handle(ctx, &p.receiver.config.Consumption, p, batch)
	}
}

// deliver fills in a delivery with a record, as handlers are given it. The delivery is new; its headers are put behind those that there are, which it returns.
func (r *receiver) deliver(d *weir.Delivery, record *kgo.Record, headers []weir.Header) []weir.Header {
	d.SetNative(record)
	d.Resource, d.Topic, d.Partition, d.Offset, d.Time = r.config.Resource, record.Topic, record.Partition, record.Offset, record.Timestamp
	d.Key, d.Body = record.Key, record.Value
	first := len(headers)
	for _, h := range record.Headers {
		if h.Key == weir.TagHeader {
			d.Tag = string(h.Value)
			continue
		}
		headers = append(headers, weir.Header(h))
	}
	if last := len(headers); last > first {
		d.Headers = headers[first:last:last] // a handler that adds one gets its own
	}
	return headers
}

// headerCount counts the headers of records.
func headerCount(records []*kgo.Record) (count int) {
	for _, record := range records {
		count += len(record.Headers)
	}
	return count
}

// Begin has a rebalance that takes partitions wait until End.
func (p *polled) Begin(of []*weir.Delivery) []*weir.Delivery {
	p.receiver.attempting.RLock()
	gone := p.receiver.lostSince(p.turn)
	p.mine = without(p.mine, gone)
	return without(of, gone)
}

// End lets rebalances go on.
func (p *polled) End() { p.receiver.attempting.RUnlock() }

// Attempt gives records to the handler, and times it: each has the time of all.
func (p *polled) Attempt(ctx context.Context, messages []*weir.Delivery) error {
	hooks := p.receiver.hooks
	if hooks == nil {
		return p.to(ctx, messages)
	}
	p.handlings = p.handlings[:0]         // none is begun where the handler is not given them
	defer func() { clear(p.handlings) }() // the next attempt begins anew, and nothing of this one is held
	err := p.to(weir.WhenGiven(ctx, func() { p.given(messages) }), messages)
	ended := hooks.measured.Now()
	if err == nil {
		meter.DoneTogether(p.handlings, ended)
		return nil
	}
	failures := weir.FailuresOf(err, len(messages))
	for i := range p.handlings {
		d := messages[i]
		switch cause := failures.Of(i); {
		case weir.IsBehind(cause), weir.IsNotHandled(ctx, cause): // it was not handled
		case cause != nil && p.receiver.config.IsLast(d.Attempt):
			p.handlings[i].GiveUp(true)
		default:
			p.handlings[i].DoneAt(cause != nil, ended)
		}
	}
	return err
}

// given counts what the handler is given: as received the first time, of a batch of which it is given no others later.
func (p *polled) given(messages []*weir.Delivery) {
	hooks := p.receiver.hooks
	p.handlings = slices.Grow(p.handlings, len(messages))[:len(messages)]
	now := hooks.measured.Now()
	for i, d := range messages {
		hooks.begin(&p.handlings[i], d.Native().(*kgo.Record), now)
		p.handlings[i].Attempt(d.Attempt)
	}
	if !p.received {
		meter.ReceivedByHandler(p.handlings, now)
	}
	p.received = true
}

// without are those of messages whose partition is not among some.
func without(messages []*weir.Delivery, partitions map[int32]bool) []*weir.Delivery {
	if len(partitions) == 0 {
		return messages
	}
	out := messages[:0:0]
	for _, d := range messages {
		if !partitions[d.Partition] {
			out = append(out, d)
		}
	}
	return out
}

// Left marks what is done with: of each partition that was not lost by the last Begin, up to the first record that is not.
// One that is lost since waits for End, and has what was handled committed.
func (p *polled) Left(messages []*weir.Delivery) {
	left := map[int32]int64{}
	for _, d := range messages {
		if offset, ok := left[d.Partition]; !ok || d.Offset < offset {
			left[d.Partition] = d.Offset
		}
	}
	var last *kgo.Record
	for _, d := range p.mine {
		if offset, ok := left[d.Partition]; ok && d.Offset >= offset {
			continue
		}
		if last != nil && last.Partition != d.Partition {
			p.client.MarkCommitRecords(last)
		}
		last = d.Native().(*kgo.Record)
	}
	if last != nil {
		p.client.MarkCommitRecords(last)
	}
}
