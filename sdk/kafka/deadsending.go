package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/inplace"
	"github.com/weirmq/weir/sdk/internal/meter"
)

const (
	// deadLetterRetry is between two tries to put a dead letter away. Not shorter: the library has tried again
	// by itself before; not longer: its partition waits.
	deadLetterRetry = time.Second
	// deadLetterAlone is how long a dead letter that is being sent keeps others from being sent. Not shorter: one of a few bytes would be in a batch with a large one,
	// and be refused with it; not longer: one that is never taken must not hold up those of other partitions.
	deadLetterAlone = time.Second
)

// deadLetter is a record that is put away.
type deadLetter struct {
	receiver *receiver
	of       *weir.Delivery
	from     *kgo.Record
	about    []kgo.RecordHeader
	record   *kgo.Record
	whole    bool       // it has its body
	sent     chan error // gets what became of it; nil while it is not being sent
	crowded  bool       // another may have been in its batch
	doubted  bool       // it was sent once more for that
	safe     bool
}

func (r *receiver) newDeadLetter(d *weir.Delivery, cause error) *deadLetter {
	from := d.Native().(*kgo.Record)
	about := r.deadHeaders(from, d.Attempt, cause)
	return &deadLetter{receiver: r, of: d, from: from, about: about, record: r.wholeLetter(from, about), whole: true}
}

// put sends the letter to the topic of dead letters until that is acknowledged, and says whether it is before ctx ends: whole, or without its body where
// the topic does not take that. Reports count the latter as a failed send to that topic, of class too_large. What is being sent when ctx ends is so until life
// does; put may be called again, and sends no second one meanwhile.
func (l *deadLetter) put(ctx, life context.Context) bool {
	for !l.safe && ctx.Err() == nil {
		if l.sent == nil && !l.send(ctx, life) {
			break
		}
		select {
		case err := <-l.sent:
			l.sent = nil
			l.answered(ctx, err)
		case <-ctx.Done():
		}
	}
	return l.safe
}

// answered takes over what became of the letter.
func (l *deadLetter) answered(ctx context.Context, err error) {
	log := l.receiver.config.Log
	switch {
	case err == nil:
		l.safe = true
	case l.whole && classOf(err) == meter.ClassTooLarge && l.crowded && !l.doubted:
		l.doubted = true
	case l.whole && classOf(err) == meter.ClassTooLarge:
		log.Error("a dead letter is larger than its topic takes: it is sent without its body", "topic", l.record.Topic, "from", l.from.Topic,
			"partition", l.from.Partition, "offset", l.from.Offset, "bytes", len(l.from.Value), "error", err)
		l.record, l.whole = l.receiver.letterWithoutBody(l.from, l.about), false
	case ctx.Err() == nil:
		log.Error("a dead letter is not taken: its partition waits", "topic", l.record.Topic, "from", l.from.Topic, "partition", l.from.Partition,
			"offset", l.from.Offset, "error", err)
		inplace.Wait(ctx, deadLetterRetry)
	}
}

// send begins to send the letter, and returns when that is answered, or others may be sent, too. It says that the letter is being sent.
func (l *deadLetter) send(ctx, life context.Context) bool {
	r := l.receiver
	select {
	case r.putting <- struct{}{}: // one letter is one batch: what the broker says of its size is said of that letter
		defer func() { <-r.putting }()
	case <-ctx.Done():
		return false
	}
	l.crowded = r.unanswered.Add(1) > 1
	sent := make(chan error, 1)
	l.sent = sent
	r.side.Produce(life, l.record, func(_ *kgo.Record, err error) {
		r.unanswered.Add(-1)
		sent <- err
	})
	alone := time.NewTimer(deadLetterAlone)
	defer alone.Stop()
	select {
	case err := <-sent:
		sent <- err
	case <-alone.C:
		l.crowded = true
	case <-ctx.Done():
		l.crowded = true
	}
	return true
}
