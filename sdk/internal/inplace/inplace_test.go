package inplace

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/sdk"
)

// bench is a batch that notes what it is asked.
type bench struct {
	attempt func(ctx context.Context, call int, messages []*weir.Delivery) error
	lose    map[int]string // bodies that are another member's from the so many-eth Begin on
	refuse  bool           // nothing can be put away, since the end comes before
	begun   int
	ended   int
	calls   int
	lost    string
	events  []string
}

func bodies(messages []*weir.Delivery) string {
	var out []string
	for _, d := range messages {
		out = append(out, string(d.Body))
	}
	return strings.Join(out, " ")
}

func (b *bench) Begin(of []*weir.Delivery) (own []*weir.Delivery) {
	b.lost += b.lose[b.begun]
	b.begun++
	for _, d := range of {
		if !strings.Contains(b.lost, string(d.Body)) {
			own = append(own, d)
		}
	}
	return own
}

func (b *bench) Attempt(ctx context.Context, messages []*weir.Delivery) error {
	b.events = append(b.events, "handle "+bodies(messages))
	b.calls++
	return b.attempt(ctx, b.calls, messages)
}

func (b *bench) Left(messages []*weir.Delivery) {
	b.events = append(b.events, "left "+bodies(messages))
}

func (b *bench) End() { b.ended++ }

func (b *bench) Aside(_ context.Context, left []*weir.Delivery, exhausted map[*weir.Delivery]error) (out []*weir.Delivery) {
	for _, d := range left {
		if _, is := exhausted[d]; is {
			b.events = append(b.events, "put away "+string(d.Body))
		}
		if _, is := exhausted[d]; !is || b.refuse {
			out = append(out, d)
		}
	}
	return out
}

// failing has messages of some bodies fail in the first calls.
func failing(calls int, which ...string) func(context.Context, int, []*weir.Delivery) error {
	return func(_ context.Context, call int, messages []*weir.Delivery) error {
		var failed *weir.BatchError
		for i, d := range messages {
			if call <= calls && slices.Contains(which, string(d.Body)) {
				failed = failed.Fail(i, len(messages), errors.New("the store is away"))
			}
		}
		if failed == nil {
			return nil
		}
		return failed
	}
}

// TestHandle has messages a1, b1, a2 and c of keys a and b and of none handled, and holds what is given, left and put away, in order.
func TestHandle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bench
		how  weir.Consumption
		want []string
	}{
		"all is well": {bench: bench{attempt: failing(0)}, want: []string{"handle a1 b1 a2 c", "left "}},
		"what is behind of its key is given again, too": {bench: bench{attempt: failing(1, "a1")},
			want: []string{"handle a1 b1 a2 c", "left a1 a2", "handle a1 a2", "left "}},
		"without a key nothing is behind": {bench: bench{attempt: failing(1, "c")}, want: []string{"handle a1 b1 a2 c", "left c", "handle c", "left "}},
		"the last failure is put away, and what is behind goes on": {bench: bench{attempt: failing(9, "a1")},
			want: []string{"handle a1 b1 a2 c", "left a1 a2", "handle a1 a2", "left a1", "put away a1", "left "}},
		"the last failure is discarded": {bench: bench{attempt: failing(9, "a1")}, how: weir.Consumption{Exhausted: weir.Discard},
			want: []string{"handle a1 b1 a2 c", "left a1 a2", "handle a1 a2", "left "}},
		"what is never given up is tried on": {bench: bench{attempt: failing(3, "c")}, how: weir.Consumption{Exhausted: weir.KeepTrying},
			want: []string{"handle a1 b1 a2 c", "left c", "handle c", "left c", "handle c", "left c", "handle c", "left "}},
		"what is lost meanwhile is not given again": {bench: bench{attempt: failing(1, "a1", "b1"), lose: map[int]string{1: "b1"}},
			want: []string{"handle a1 b1 a2 c", "left a1 b1 a2", "handle a1 a2", "left "}},
		"all is lost": {bench: bench{attempt: failing(1, "c"), lose: map[int]string{1: "c"}}, want: []string{"handle a1 b1 a2 c", "left c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.how.Attempts, c.how.Backoff, c.how.MaxBackoff = 2, 1, 1
			Handle(t.Context(), &c.how, &c.bench, messages())
			if !slices.Equal(c.events, c.want) {
				t.Errorf("got  %q\nwant %q", c.events, c.want)
			}
		})
	}
}

func messages() []*weir.Delivery {
	message := func(key, body string) *weir.Delivery {
		return &weir.Delivery{Message: weir.Message{Key: []byte(key), Body: []byte(body)}}
	}
	return []*weir.Delivery{message("a", "a1"), message("b", "b1"), message("a", "a2"), message("", "c")}
}

// TestTheEnd ends the context, for a reason of its own, when the handler is about to be called, and while a message is put away: what is left is not told as done with.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	how := &weir.Consumption{Attempts: 1, Backoff: 1, MaxBackoff: 1}
	ctx, cancel := context.WithCancelCause(t.Context())
	b := &bench{attempt: func(context.Context, int, []*weir.Delivery) error {
		cancel(errors.New("interrupt signal received"))
		return weir.ErrNotHandled
	}}
	Handle(ctx, how, b, messages())
	if want := []string{"handle a1 b1 a2 c"}; !slices.Equal(b.events, want) {
		t.Errorf("got %q, want %q", b.events, want)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	b = &bench{refuse: true}
	b.attempt = func(ctx context.Context, _ int, all []*weir.Delivery) error {
		cancel(errors.New("interrupt signal received"))
		return failing(1, "a1")(ctx, 1, all)
	}
	Handle(ctx, how, b, messages())
	if want := []string{"handle a1 b1 a2 c", "left a1", "put away a1", "left a1"}; !slices.Equal(b.events, want) {
		t.Errorf("got %q, want %q", b.events, want)
	}
}

// TestAPanicHoldsNothing has what gives messages to the handler panic: whoever waits for the end of the attempt goes on.
func TestAPanicHoldsNothing(t *testing.T) {
	t.Parallel()
	how := &weir.Consumption{Attempts: 1, Backoff: 1, MaxBackoff: 1}
	b := &bench{attempt: func(context.Context, int, []*weir.Delivery) error { panic("it is nil") }}
	func() {
		defer func() { _ = recover() }()
		Handle(t.Context(), how, b, messages())
	}()
	if b.begun != 1 || b.ended != 1 {
		t.Errorf("an attempt that panics has begun %d times and ended %d times, want 1 each", b.begun, b.ended)
	}
}
