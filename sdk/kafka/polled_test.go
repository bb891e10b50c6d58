package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// offlineMember is a receiver whose client never reaches a broker: what it marks can be asked, and is committed nowhere.
func offlineMember(t testing.TB, how weir.Consumption) (*receiver, *kgo.Client) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"), kgo.AutoCommitMarks())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	how.Backoff, how.MaxBackoff = 1, 1
	return &receiver{config: weir.ReceiverConfig{Route: weir.Route{Topic: "orders"}, Consumption: how}, turn: 1, lost: map[int32]uint64{}, apart: map[int32]*apart{}}, client
}

// loses is what revoked notes.
func (r *receiver) loses(partitions ...int32) {
	r.lostMu.Lock()
	defer r.lostMu.Unlock()
	for _, p := range partitions {
		r.lost[p], r.lostLast = r.turn, r.turn
	}
}

// pollOf has three records of each of so many partitions, from offset 10 on.
func pollOf(partitions int32) kgo.Fetches {
	topic := kgo.FetchTopic{Topic: "orders"}
	for p := range partitions {
		fetched := kgo.FetchPartition{Partition: p}
		for i := range int64(3) {
			fetched.Records = append(fetched.Records, &kgo.Record{Topic: "orders", Partition: p, Offset: 10 + i})
		}
		topic.Partitions = append(topic.Partitions, fetched)
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{topic}}}
}

// TestALostPartitionIsNotMarked has partitions lost at different times of what was polled. Of one that is lost, no further record is given to the
// handler, and none is marked that was not handled: the next owner would begin behind it.
func TestALostPartitionIsNotMarked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		how    weir.Consumption
		handle func(r *receiver, call int) error
		before []int32 // lost before the first call
		given  []int   // records of each call
		marked map[int32]int64
	}{
		"before the handler is called": {
			how: weir.Consumption{MaxBatch: 10}, before: []int32{1}, given: []int{6}, marked: map[int32]int64{0: 13, 2: 13},
		},
		"all before the handler is called": {
			how: weir.Consumption{MaxBatch: 10}, before: []int32{0, 1, 2},
		},
		"while the handler is at work, which is waited for": {
			how: weir.Consumption{MaxBatch: 10}, given: []int{9}, marked: map[int32]int64{0: 13, 1: 13, 2: 13},
			handle: func(r *receiver, _ int) error { r.loses(2); return nil },
		},
		"between two batches": {
			how: weir.Consumption{MaxBatch: 4}, given: []int{4, 2, 1}, marked: map[int32]int64{0: 13, 1: 11, 2: 13},
			handle: func(r *receiver, call int) error {
				if call == 0 {
					r.loses(1)
				}
				return nil
			},
		},
		"between two attempts": {
			how: weir.Consumption{MaxBatch: 10, Attempts: 3}, given: []int{9, 6}, marked: map[int32]int64{0: 13, 2: 13},
			handle: func(r *receiver, call int) error {
				if call > 0 {
					return nil
				}
				r.loses(1)
				return errors.New("the store is away")
			},
		},
		"beside what is discarded": {
			how: weir.Consumption{MaxBatch: 10, Attempts: 1, Exhausted: weir.Discard}, before: []int32{0}, given: []int{6}, marked: map[int32]int64{1: 13, 2: 13},
			handle: func(*receiver, int) error { return errors.New("nobody can") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.how.Concurrency = 1
			r, client := offlineMember(t, c.how)
			r.loses(c.before...)
			var given []int
			handle := func(_ context.Context, batch []*weir.Delivery) error {
				given = append(given, len(batch))
				if c.handle == nil {
					return nil
				}
				return c.handle(r, len(given)-1)
			}
			r.handle(t.Context(), polled{receiver: r, client: client, turn: 1, to: handle}, pollOf(3))
			if !slices.Equal(given, c.given) {
				t.Errorf("the handler was given %v records, want %v", given, c.given)
			}
			marked := map[int32]int64{}
			for partition, at := range client.MarkedOffsets()["orders"] {
				marked[partition] = at.Offset
			}
			if !maps.Equal(marked, c.marked) {
				t.Errorf("marked are %v, want %v", marked, c.marked)
			}
		})
	}
}

// TestWhatComesAtTheEndIsLeft ends a consumer, for a reason of its own, when records are about to be given to the handler. None is marked, put away
// or counted as failed, though a first failure would be the last.
func TestWhatComesAtTheEndIsLeft(t *testing.T) {
	t.Parallel()
	r, client := offlineMember(t, weir.Consumption{MaxBatch: 4, Concurrency: 1, Attempts: 1, Exhausted: weir.Discard})
	r.hooks = NewHooks(openOffline(t, report.Config{}))
	ctx, cancel := context.WithCancelCause(t.Context())
	calls := 0
	handle := func(ctx context.Context, _ []*weir.Delivery) error {
		if calls++; calls == 1 {
			weir.Given(ctx)
			return nil
		}
		cancel(errors.New("interrupt signal received"))
		return weir.ErrNotHandled
	}
	r.handle(ctx, polled{receiver: r, client: client, turn: 1, to: handle}, pollOf(3))
	if calls != 2 {
		t.Errorf("the handler was asked %d times, want 2", calls)
	}
	if marked := client.MarkedOffsets()["orders"]; len(marked) != 2 || marked[0].Offset != 13 || marked[1].Offset != 11 {
		t.Errorf("marked are %v, want those of the first batch: 13 in partition 0 and 11 in 1", marked)
	}
	counted := taken(r.hooks)[reported.Series{Op: "consume", Topic: "orders"}]
	if counted.Messages != 4 || counted.LatencyMicros.Count() != 4 || len(counted.Errors) > 0 {
		t.Errorf("counted are %d messages received, %d handled, and as failed %v: want 4, 4 and none", counted.Messages, counted.LatencyMicros.Count(), counted.Errors)
	}
}

// TestHeadersAreAMessagesOwn has a handler add a header to a message: those of the next one stay. A tag is none of them.
func TestHeadersAreAMessagesOwn(t *testing.T) {
	t.Parallel()
	r, client := offlineMember(t, weir.Consumption{MaxBatch: 10, Concurrency: 1, Attempts: 1})
	fetches := pollOf(2)
	number := 0
	fetches.EachRecord(func(record *kgo.Record) {
		record.Headers = []kgo.RecordHeader{{Key: weir.TagHeader, Value: []byte("card")}, {Key: "number", Value: []byte{byte(number)}}}[:1+min(number%3, 1)]
		number++
	})
	r.handle(t.Context(), polled{receiver: r, client: client, turn: 1, to: func(_ context.Context, batch []*weir.Delivery) error {
		for _, d := range batch {
			d.Headers = append(d.Headers, weir.Header{Key: "added"})
		}
		for i, d := range batch {
			value, found := d.Header("number")
			if wanted := i%3 > 0; found != wanted || found && value[0] != byte(i) || d.Tag != "card" {
				t.Errorf("message %d has tag %q and headers %v", i, d.Tag, d.Headers)
			}
		}
		return nil
	}}, fetches)
	if number != 6 {
		t.Errorf("%d records were polled: want 6", number)
	}
}

// TestAMemberIsNotToldWhatItPolls holds that kgo does not gather what is polled, to tell of each record, where records count when they are handled. All else is told.
func TestAMemberIsNotToldWhatItPolls(t *testing.T) {
	var hook kgo.Hook = memberHooks{&Hooks{}}
	_, buffered := hook.(kgo.HookFetchRecordBuffered)
	_, unbuffered := hook.(kgo.HookFetchRecordUnbuffered)
	_, began := hook.(kgo.HookPollStart)
	if buffered || unbuffered || began {
		t.Error("a member's hooks are told of what it polls")
	}
}
