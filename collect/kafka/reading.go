package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
)

const (
	// readTime bounds what a poll takes for messages. Not shorter: a far broker with cold disks needs it; not longer: what the
	// rest of the poll found out would come late.
	readTime = 2 * time.Second

	// readPartitions bounds how many partitions of one broker are looked into in a poll. Not fewer: a collector that began anew would
	// know the ages of a thousand stalled partitions only after minutes; not more: each may be a read from a cold disk.
	readPartitions = 256

	// readAgain is how long a topic that may not be read, or a partition whose messages cannot be decoded, is left alone. Not shorter:
	// who gives no permission does so on purpose; not longer: who gives it wants to see it.
	readAgain = 10 * time.Minute
)

// reading remembers which topics may not be read. That is no fault of a poll: ages of what was written before the first one are bounds.
type reading struct {
	refused map[string]time.Time // topics, and when they were refused last
	first   error                // the first refusal, while there is any
	// decompressor is bounded as the client's own is.
	decompressor kgo.Decompressor
}

// openedBytes bounds what a batch decompresses to. Not smaller: a batch of a megabyte of text may; not larger: batches of sixteen
// brokers are in memory at once.
const openedBytes = 32 << 20

func newReading(client *kgo.Client) (reading, error) {
	bounded, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		return reading{}, errors.New("prepare decompression: the client has no decompressor")
	}
	return reading{refused: map[string]time.Time{}, decompressor: bounded}, nil
}

// look is one place in the log that somebody wants to know of.
type look struct {
	at
	offset      int64
	uncommitted bool
}

// looked is what is found there, and who wants to know.
type looked struct {
	look
	topicID [16]byte
	since   time.Time // when somebody looked for one of them before
	who     []*behind
	next    int64 // no message is known before it
	found   *lag.Found
	err     error // why nothing is found for long
	moved   bool  // the log's start, or its leader, so that the next poll asks for something else
}

// open says that the broker is still to be asked.
func (l *looked) open() bool { return l.found == nil && l.err == nil && !l.moved }

// Without says why ages of what was written before the first poll are bounds: some topic may not be read. It is nil where all that was
// asked for could be read.
func (p *Poller) Without() error { return p.reading.first }

// readAsked looks at the messages that assessments ask for, and assesses again what was found. It returns what failed but for missing
// permissions.
func (p *Poller) readAsked(ctx context.Context, s *snapshot, poll moment, all [][]behind) []error {
	if p.config.OffsetsOnly {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var brokers []*answers
	for i := range s.answers {
		if s.answers[i].answered {
			brokers = append(brokers, &s.answers[i])
		}
	}
	wanted := p.reading.wanted(s, all)
	r := reader{poll, s.cluster.names, p.reading.decompressor}
	errs := make([]error, len(brokers))
	collect.AskEach(collect.BrokersAtOnce, len(brokers), func(i int) {
		errs[i] = r.read(ctx, brokers[i], wanted[brokers[i].id])
	})
	for _, b := range brokers {
		for _, l := range wanted[b.id] {
			p.reading.take(s, l)
		}
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// wanted is what assessments ask for, by the broker that leads the partition: of more than it is asked in a poll that which nobody has
// looked at for longest.
func (r *reading) wanted(s *snapshot, all [][]behind) map[int32][]*looked {
	leaders := map[at]int32{}
	for name, t := range s.cluster.topics {
		for i := range t.partitions {
			leaders[at{name, t.partitions[i].number}] = t.partitions[i].leader
		}
	}
	places, out := map[look]*looked{}, map[int32][]*looked{}
	for i := range all {
		for j := range all[i] {
			b := &all[i][j]
			offset, asks := b.Ask()
			if refusal, refused := r.refused[b.topic]; !asks || b.of == nil || refused && s.at.Sub(refusal) < readAgain || s.at.Before(b.of.unreadable) {
				continue
			}
			where := look{b.at, offset, b.of.Uncommitted()}
			l := places[where]
			if l == nil {
				l = &looked{look: where, topicID: s.cluster.topics[b.topic].id, since: b.of.looked, next: offset}
				places[where] = l
				out[leaders[b.at]] = append(out[leaders[b.at]], l)
			}
			l.who = append(l.who, b)
			if b.of.looked.Before(l.since) {
				l.since = b.of.looked
			}
		}
	}
	for id, of := range out {
		slices.SortFunc(of, func(a, b *looked) int {
			return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
		})
		out[id] = of[:min(len(of), readPartitions)]
	}
	return out
}

// take takes in what was found at one place, for all who asked.
func (r *reading) take(s *snapshot, l *looked) {
	switch {
	case errors.Is(l.err, kerr.TopicAuthorizationFailed):
		if r.first == nil {
			r.first = fmt.Errorf("messages of topic %s may not be read, so that ages of what was there before the first poll are not known: %w", l.topic, l.err)
		}
		r.refused[l.topic] = s.at
		return
	case l.open():
		return // it had no turn
	}
	for _, b := range l.who {
		b.of.looked = s.at
		if l.err != nil {
			b.of.unreadable = s.at.Add(readAgain)
		}
		if l.found == nil {
			continue
		}
		b.of.Found(*l.found)
		b.Assessment = b.of.At(s.now)
	}
	if l.found != nil {
		delete(r.refused, l.topic)
	}
}

// prune forgets topics that are gone.
func (r *reading) prune(s *snapshot) {
	maps.DeleteFunc(r.refused, func(name string, _ time.Time) bool { return s.cluster.topics[name] == nil })
	if len(r.refused) == 0 {
		r.first = nil
	}
}
