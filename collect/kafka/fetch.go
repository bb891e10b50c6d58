package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect/lag"
)

const (
	// partitionBytes is how much of a partition one answer has. Not less: Java's producers fill batches of 16 KiB, and one that is larger
	// is answered only where it is the first; not more: of all of it one message counts.
	partitionBytes = 32 << 10

	// answerBytes bounds an answer, but for a single batch that is larger. Not less: it is 32 full partitions; not more: answers of sixteen
	// brokers are in memory at once.
	answerBytes = 1 << 20

	// readRequests bounds the requests to one broker in a poll. Not fewer: with answers that are full 256 partitions take them; not more: a
	// long row of aborted batches can wait for the next poll.
	readRequests = 8
)

// reader looks at messages.
type reader struct {
	poll         moment
	names        map[[16]byte]string // of topics, by id
	decompressor kgo.Decompressor
}

// read looks in what a broker leads for the first message at or after each place, until all are found or it was asked often enough. A
// broker answers one batch, however large, and then what fits.
func (r *reader) read(ctx context.Context, a *answers, places []*looked) error {
	for range readRequests {
		request, asked := fetchRequest(places)
		if len(asked) == 0 {
			break
		}
		now := r.poll.now()
		answer, err := ask(ctx, a.q.broker, request)
		if err == nil {
			err = kerr.ErrorForCode(answer.(*kmsg.FetchResponse).ErrorCode)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("broker %d at %s did not tell of messages: %w", a.id, a.node, err)
		}
		if err != nil || !r.takes(answer.(*kmsg.FetchResponse), asked, now) {
			break // the time is over, or no answer got further: the next poll goes on
		}
	}
	now := r.poll.now()
	for _, l := range places {
		if l.open() && l.next > l.offset {
			l.found = &lag.Found{At: now, Asked: l.offset, Offset: l.next, Partly: true}
		}
	}
	return nil
}

// fetchRequest asks for places where nothing is found yet, each partition once. A request reads what is committed, or all: the first
// place says which, and those that want the other have the next turn.
func fetchRequest(places []*looked) (*kmsg.FetchRequest, map[at]*looked) {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes, request.SessionEpoch = 0, 0, answerBytes, -1
	topics := map[string]int{}
	asked := map[at]*looked{}
	for _, l := range places {
		if !l.open() || asked[l.at] != nil {
			continue
		}
		isolation := int8(readCommitted)
		if l.uncommitted {
			isolation = readAll
		}
		if len(asked) == 0 {
			request.IsolationLevel = isolation
		} else if request.IsolationLevel != isolation {
			continue
		}
		asked[l.at] = l
		i, known := topics[l.topic]
		if !known {
			i = len(request.Topics)
			topics[l.topic] = i
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = l.topic, l.topicID
			request.Topics = append(request.Topics, t)
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.LogStartOffset = l.partition, l.next, partitionBytes, -1
		request.Topics[i].Partitions = append(request.Topics[i].Partitions, p)
	}
	return request, asked
}

// takes takes an answer, and says whether one of those who asked is further now.
func (r *reader) takes(answer *kmsg.FetchResponse, asked map[at]*looked, now time.Time) (further bool) {
	for i := range answer.Topics {
		t := &answer.Topics[i]
		name := t.Topic
		if name == "" { // newer brokers give ids
			name = r.names[t.TopicID]
		}
		for j := range t.Partitions {
			if l := asked[at{name, t.Partitions[j].Partition}]; l != nil {
				before := l.next
				r.take(&t.Partitions[j], l, now)
				further = further || !l.open() || l.next > before
			}
		}
	}
	return further
}

// take looks for the first message in an answer for a partition. Control records, messages that were aborted and gaps are none.
func (r *reader) take(answer *kmsg.FetchResponseTopicPartition, l *looked, now time.Time) {
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		if l.moved = kerr.IsRetriable(err) || errors.Is(err, kerr.OffsetOutOfRange); !l.moved {
			l.err = err
		}
		return
	}
	options := kgo.ProcessFetchPartitionOpts{Offset: l.next, Topic: l.topic, Partition: l.partition, IsolationLevel: kgo.ReadCommitted()}
	end := answer.LastStableOffset
	if l.uncommitted {
		options.IsolationLevel, end = kgo.ReadUncommitted(), answer.HighWatermark
	}
	messages, next := kgo.ProcessFetchPartition(options, answer, r.decompressor, nil)
	switch {
	case len(messages.Records) > 0:
		first := messages.Records[0]
		l.found = &lag.Found{At: now, Asked: l.offset, Offset: first.Offset}
		if first.Timestamp.UnixMilli() > 0 { // otherwise it has none
			l.found.Stored = first.Timestamp
		}
	case messages.Err != nil:
		l.err = messages.Err
	case next >= end && next > l.offset:
		l.found = &lag.Found{At: now, Asked: l.offset, Offset: next}
	default:
		l.next = next
	}
}
