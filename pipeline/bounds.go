package pipeline

import (
	"cmp"
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// boundsTimeout bounds asking the brokers where partitions begin and end, and what was
// committed: of those that answer that is known then. Not smaller: a process that starts
// connects to each broker first; not larger: one that says nothing holds up what the others
// have.
const boundsTimeout = 5 * time.Second

// boundLister knows where partitions begin and end; *kadm.Client does.
type boundLister interface {
	endLister
	ListStartOffsets(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)
}

// bounds returns the offset at which a partition begins, and the one after its last record.
func bounds(ctx context.Context, admin boundLister, at topicPartition) (start, end int64, err error) {
	// An error may be of other partitions only, whose brokers are away or say nothing.
	ends, endErr := within(ctx, admin.ListEndOffsets, at.topic)
	starts, startErr := within(ctx, admin.ListStartOffsets, at.topic)
	last, ended := ends.Lookup(at.topic, at.partition)
	first, began := starts.Lookup(at.topic, at.partition)
	if !ended || !began {
		return 0, 0, cmp.Or[error](endErr, startErr, kerr.UnknownTopicOrPartition)
	}
	return first.Offset, last.Offset, cmp.Or(last.Err, first.Err) // not an empty partition
}

// within asks for offsets of a topic for as long as may be.
func within(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, boundsTimeout)
	defer cancel()
	return list(ctx, topic)
}
