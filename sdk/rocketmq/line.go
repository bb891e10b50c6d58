package rocketmq

import (
	"context"
	"sync"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
)

// waiting is a message whose library's call waits for what comes of it.
type waiting struct {
	of       context.Context // the library's
	message  *primitive.MessageExt
	delivery *weir.Delivery // of it, once a worker has taken it
	failed   chan error     // holds one
	err      error          // that it held
}

// waitings are used again, with their channels.
var waitings = sync.Pool{New: func() any { return &waiting{failed: make(chan error, 1)} }}

// line are the messages that wait for a worker: no more than the calls that the library makes at once.
type line struct {
	more chan struct{} // holds one while some may wait that no worker has seen

	mu       sync.Mutex
	messages []*waiting
	ended    bool
}

// add has a message wait. Where the line has ended nobody handles it.
func (l *line) add(w *waiting) {
	l.mu.Lock()
	if l.ended {
		w.failed <- weir.ErrNotHandled
	} else {
		l.messages = append(l.messages, w)
	}
	l.mu.Unlock()
	l.wake()
}

// wake has a worker look.
func (l *line) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// take adds to a batch those that have waited longest, up to so many. Where others wait, another worker looks.
func (l *line) take(batch []*waiting, most int) []*waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := min(most-len(batch), len(l.messages))
	batch = append(batch, l.messages[:count]...)
	left := copy(l.messages, l.messages[count:])
	clear(l.messages[left:])
	if l.messages = l.messages[:left]; left > 0 {
		l.wake()
	}
	return batch
}

// end says of all that wait, and of all that come, that nobody handles them.
func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.messages {
		w.failed <- weir.ErrNotHandled
	}
	l.messages, l.ended = nil, true
}

// each is what the library calls with each message that is in no order, and waits for. It does so with its stack nearly used up (see call), so that a worker
// makes the delivery, and what is called here has small frames where the message is handled.
func (r *receiver) each(ctx context.Context) handler {
	return func(of context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		w := waitings.Get().(*waiting)
		w.of, w.message = of, messages[0] // batches of the library are of one
		r.line.add(w)
		if w.err = <-w.failed; w.err != nil {
			return r.failed(ctx, w)
		}
		w.free()
		return rmqconsumer.ConsumeSuccess, nil
	}
}

// free has it used again: it is answered, and nobody has it any more.
func (w *waiting) free() {
	w.of, w.message, w.delivery, w.err = nil, nil, nil, nil
	waitings.Put(w)
}

// failed says what becomes of a message that failed, or that nobody handled.
func (r *receiver) failed(ctx context.Context, w *waiting) (rmqconsumer.ConsumeResult, error) {
	defer w.free()
	if weir.IsNotHandled(ctx, w.err) { // also where no worker has taken it: the line ends behind ctx
		<-r.released
		return rmqconsumer.ConsumeRetryLater, nil
	}
	switch attempt := w.delivery.Attempt; {
	case !r.config.IsLast(attempt):
		return r.again(w.of, levelOf(r.config.BackoffAfter(attempt)))
	case r.config.Exhausted == weir.Discard:
		return rmqconsumer.ConsumeSuccess, nil
	}
	return r.again(w.of, deadLetterLevel)
}
