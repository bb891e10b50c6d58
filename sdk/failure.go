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
	// ErrOtherSystem is returned, by State, for a move that would change a resource's system.
	ErrOtherSystem = errors.New("a resource does not move from one system to another")
)

// BatchError says which of several messages failed, by their indexes. Send returns it, and a handler
// may: what is not in it succeeded.
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
func (e *BatchError) indexes() []int { return slices.Sorted(maps.Keys(e.Failed)) }

// namedFailures are how many failures an error spells out. Not fewer: two reasons should be seen to
// differ; not more: a line of a log should stay one.
const namedFailures = 3

// Error names the first messages that failed, and why.
func (e *BatchError) Error() string {
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

// FailureOf is what a handler's error says of one message of its batch: nil where it succeeded. An error
// that is no BatchError says that all failed.
func FailureOf(err error, index int) error {
	if err == nil {
		return nil
	}
	var batch *BatchError
	if errors.As(err, &batch) && len(batch.Failed) > 0 {
		return batch.Failed[index]
	}
	return err
}
