package topic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

const (
	// Partition is the only one of the topic.
	Partition = 0
	// retryAfter is between a fault and the next fetch or question. Not shorter: each is a request; not longer: who waits for the first answer waits.
	retryAfter = 200 * time.Millisecond
	// maxFetchBytes bounds what is fetched at once. Not less: the largest record fits; not more: it is in the memory of services.
	maxFetchBytes = 1 << 20
	// fetchWait is how long the broker waits for a record before it answers that there is none. Not shorter: each reader
	// asks; not longer: a connection that has died unseen is noticed by it.
	fetchWait = 5 * time.Second
)

// Config says where the topic is, and who hears of faults.
type Config struct {
	// Options are those of a client of its cluster: seeds, credentials, and what the caller wants besides.
	Options []kgo.Opt
	// Log is told why the topic cannot be read, that it can be again, and that it was made anew. nil discards it.
	Log *slog.Logger
}

// Reader reads weir.control from its start. It is for one goroutine at a time, but for State.
type Reader struct {
	client *kgo.Client
	admin  *kadm.Client
	next   int64 // position: all before it was read, or is gone
	faults faults
	failed bool // by what was polled last, and nothing has been waited since
}

// Batch is what was read at once.
type Batch struct {
	// Anew says that the topic was deleted and made anew: all that was read before Records is of the former one.
	Anew bool
	// Records are in the order of the log. Ends of transactions are not among them.
	Records []control.Record
	// AtEnd says that the reader was at the end of the topic when this was fetched.
	AtEnd bool
	// Err is why nothing more could be read, by the last answer. Polling goes on all the same.
	Err error
}

// Open opens a reader at the start of the topic. It does not wait for the cluster; the error says what is wrong with the options.
func Open(config Config) (*Reader, error) {
	r := &Reader{faults: faults{log: cmp.Or(config.Log, slog.New(slog.DiscardHandler))}}
	options := append([]kgo.Opt{kgo.DisableClientMetrics(), kgo.FetchMaxBytes(maxFetchBytes), kgo.FetchMaxPartitionBytes(maxFetchBytes),
		kgo.FetchMaxWait(fetchWait), kgo.MaxConcurrentFetches(1)}, config.Options...)
	client, err := kgo.NewClient(append(options, kgo.ConsumePartitions(fromStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), // nobody's open transaction holds up what others write
		kgo.KeepControlRecords(), kgo.KeepRetryableFetchErrors(), kgo.WithHooks(&r.faults))...)
	if err != nil {
		return nil, fmt.Errorf("open a client for %s: %w", control.Topic, err)
	}
	r.client, r.admin = client, kadm.NewClient(client)
	return r, nil
}

// fromStart is all of the topic.
func fromStart() map[string]map[int32]kgo.Offset {
	return map[string]map[int32]kgo.Offset{control.Topic: {Partition: kgo.NewOffset().AtStart()}}
}

// Client is the reader's: to write the topic, and to ask its cluster.
func (r *Reader) Client() *kgo.Client { return r.client }

// State is when a broker answered a fetch last, zero for never, and why the topic cannot be read since; nil while it can, and while nothing is
// known. It may be called from any goroutine.
func (r *Reader) State() (answeredAt time.Time, fault error) { return r.faults.state() }

// Close ends the reader.
func (r *Reader) Close() { r.client.Close() }

// Poll waits for what is next, or until ctx ends. After a fault it waits a moment first.
func (r *Reader) Poll(ctx context.Context) Batch {
	r.pause(ctx)
	return r.read(r.client.PollFetches(ctx))
}

// CatchUp gives take what there is up to the present end of the topic. A fetch whose failure is retriable is told to the log and tried again until ctx
// ends. The error says why the end is not known, kerr.UnknownTopicOrPartition where there is no such topic, or cannot be read to.
func (r *Reader) CatchUp(ctx context.Context, take func(Batch)) error {
	for {
		r.pause(ctx)           // franz-go fetches again at once behind a fault that it tells of
		var at context.Context // nil is what has been fetched already: it may say that the topic was made anew
		if fetched := r.read(r.client.PollFetches(at)); fetched.is() {
			take(fetched)
		}
		end, err := r.end(ctx)
		if err != nil {
			return err
		}
		if r.next > end { // the reader hears of it later than who asks by name
			take(r.StartAnew())
		}
		again := false
		for r.next < end && !again {
			batch := r.Poll(ctx)
			if err := ctx.Err(); err != nil {
				return err
			}
			if batch.Err != nil && !kerr.IsRetriable(batch.Err) {
				return fmt.Errorf("read %s: %w", control.Topic, batch.Err)
			}
			if batch.is() {
				take(batch)
			}
			again = batch.Anew || batch.Err != nil
		}
		if !again {
			r.faults.over()
			return nil
		}
	}
}

// is says that a batch is anything.
func (b *Batch) is() bool { return b.Anew || b.AtEnd || len(b.Records) > 0 }

// end asks where the topic ends. What an operator has deleted is passed over.
func (r *Reader) end(ctx context.Context) (int64, error) {
	end, err := offsetOf(r.admin.ListEndOffsets(ctx, control.Topic))
	if err != nil {
		return 0, r.faults.note(ctx, fmt.Errorf("find the end of %s: %w", control.Topic, err))
	}
	if r.next >= end {
		return end, nil
	}
	start, err := offsetOf(r.admin.ListStartOffsets(ctx, control.Topic))
	if err != nil {
		return 0, r.faults.note(ctx, fmt.Errorf("find the start of %s: %w", control.Topic, err))
	}
	r.next = max(r.next, min(start, end))
	return end, nil
}

// offsetOf is the partition's of an answer.
func offsetOf(listed kadm.ListedOffsets, err error) (int64, error) {
	at, found := listed.Lookup(control.Topic, Partition)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, kerr.UnknownTopicOrPartition
	}
	return at.Offset, at.Err
}

// read makes a batch of what was fetched.
func (r *Reader) read(fetches kgo.Fetches) Batch {
	var b Batch
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if b.Anew {
			return
		}
		switch {
		case errors.Is(p.Err, kerr.UnknownTopicID) || len(p.Records) > 0 && p.Records[0].Offset < r.next:
			b = r.StartAnew()
			return
		case p.Err == nil, errors.Is(p.Err, context.Canceled), errors.Is(p.Err, context.DeadlineExceeded):
		default:
			b.Err, r.failed = p.Err, true
			_ = r.faults.note(context.Background(), p.Err)
		}
		for _, record := range p.Records {
			r.next = record.Offset + 1
			if !record.Attrs.IsControl() {
				b.Records = append(b.Records, control.Record{Key: record.Key, Value: record.Value, Offset: record.Offset, AppendedAt: record.Timestamp})
			}
		}
		if len(p.Records) > 0 {
			b.AtEnd = r.next >= p.HighWatermark
			r.faults.over()
		}
	})
	return b
}

// StartAnew has a topic that was deleted and made anew, or cut off, be read from its start: franz-go stays with the former one, which is gone, also
// for what is written. It is for who writes and is told so; reading finds out by itself.
func (r *Reader) StartAnew() Batch {
	r.faults.log.Warn("weir.control was deleted and made anew: it is read from its start")
	r.next, r.failed = 0, true
	r.client.PurgeTopicsFromClient(control.Topic)
	r.client.AddConsumePartitions(fromStart())
	return Batch{Anew: true}
}

// pause waits a moment behind a fault, or until ctx ends.
func (r *Reader) pause(ctx context.Context) {
	if !r.failed {
		return
	}
	r.failed = false
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
