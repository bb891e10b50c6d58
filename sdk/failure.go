package weir

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors that are told apart by errors.Is.
var (
	// ErrClosed is returned by what is used after its end.
	ErrClosed = errors.New("it is closed")
	// ErrUnknownResource is returned for a resource of which the directory has no route.
	ErrUnknownResource = errors.New("the directory has no route of it")
	// ErrLacks is returned for what a system cannot do.
	ErrLacks = errors.New("the system cannot do it")
	// ErrNotHandled is of messages that a receiver was about to have handled when it was told to end: no handler was given them, and that is
	// no failure. From a handler itself it is one, unless the receiver has been told to end.
	ErrNotHandled = errors.New("nobody handled it, since the consumer ends")
	// ErrAway is returned by Run of a [Receiver] where the cluster has gone away before anything was received: it is opened anew and run again.
	ErrAway = errors.New("the cluster is away")
	// ErrOtherSystem is returned, by State, for a move that would change a resource's system.
	ErrOtherSystem = errors.New("a resource does not move from one system to another")
)

// BatchError says which of several messages failed, by their indexes. Send returns it, and a handler
// may: what is not in it succeeded. A handler's is about its batch: Count is that of the batch, and each index is one of it. Where it is
// not, as what Send says of other messages, or where it is joined with other errors, all of the batch failed.
type BatchError struct {
	Failed map[int]error
	Count  int // of all messages
}

// Fail notes that a message failed, and makes the error where it is nil.
func (e *BatchError) Fail(index, count int, err error) *BatchError {
	if e == nil {
		e = &BatchError{Failed: map[int]error{}, Count: count}
	}
	e.Failed[index] = err
	return e
}

// indexes are those of the messages that failed, in order.
func (e *BatchError) indexes() []int {
	if e == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(e.Failed))
}

// isOf says that it can be about a batch of so many messages.
func (e *BatchError) isOf(count int) bool {
	for index := range e.Failed {
		if index < 0 || index >= count {
			return false
		}
	}
	return e.Count == count && len(e.Failed) > 0
}

// namedFailures are how many failures an error spells out. Not fewer: two reasons should be seen to
// differ; not more: a line of a log should stay one.
const namedFailures = 3

// Error names the first messages that failed, and why.
func (e *BatchError) Error() string {
	if e == nil {
		return "no message failed"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %d messages failed", len(e.Failed), e.Count)
	for i, index := range e.indexes() {
		if i == namedFailures {
			text.WriteString("; ...")
			break
		}
		fmt.Fprintf(&text, "; message %d: %v", index, e.Failed[index])
	}
	return text.String()
}

// Unwrap returns the failures in order of the messages.
func (e *BatchError) Unwrap() []error {
	var out []error
	for _, index := range e.indexes() {
		out = append(out, e.Failed[index])
	}
	return out
}

// IsNotHandled says that an error is ErrNotHandled, in a receiver that has been told to end by the end of ctx. Only that leaves messages as they are.
func IsNotHandled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ErrNotHandled)
}

// Failures is what a handler's error says of the messages of its batch.
type Failures struct {
	all  error         // nil unless all failed
	some map[int]error // by index
}

// FailuresOf is what a handler's error says of a batch of so many messages: that none failed where it is nil, also as a *BatchError; that some did where it is a
// *BatchError about them, or wraps one and no other error; and otherwise that all did.
func FailuresOf(err error, count int) Failures {
	if err == nil {
		return Failures{}
	}
	if none, is := err.(*BatchError); is && none == nil {
		return Failures{}
	}
	for one := err; one != nil; one = errors.Unwrap(one) { // what joins several says more than each of them
		if batch, is := one.(*BatchError); is && batch != nil && batch.isOf(count) {
			return Failures{some: batch.Failed}
		}
	}
	if batch := (*BatchError)(nil); errors.As(err, &batch) {
		err = fmt.Errorf("the handler's error is not about its %d messages alone, so all of them failed: %w", count, err)
	}
	return Failures{all: err}
}

// Of is why the message of an index failed; nil where it did not.
func (f Failures) Of(index int) error {
	if f.all != nil {
		return f.all
	}
	return f.some[index]
}
