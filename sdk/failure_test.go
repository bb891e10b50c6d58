package weir_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// TestWhatAHandlersErrorSays has errors be about three messages. What is not about them, and them alone, must lose none of them: all failed then.
func TestWhatAHandlersErrorSays(t *testing.T) {
	t.Parallel()
	away := errors.New("the store is away")
	var none *weir.BatchError
	of := none.Fail(1, 3, away)
	for name, c := range map[string]struct {
		err  error
		want string // which of the three failed
	}{
		"nothing":                                {nil, ""},
		"a *BatchError that is nil":              {none, ""},
		"any error":                              {away, "012"},
		"a *BatchError about the batch":          {of, "1"},
		"one that is wrapped":                    {fmt.Errorf("bill: %w", of), "1"},
		"one without failures":                   {&weir.BatchError{Count: 3}, "012"},
		"one about fewer messages":               {none.Fail(0, 1, away), "012"},
		"one about more messages":                {fmt.Errorf("send: %w", none.Fail(1, 4, away)), "012"},
		"an index behind the batch":              {none.Fail(3, 3, away), "012"},
		"an index before the batch":              {none.Fail(-1, 3, away), "012"},
		"an index behind the batch beside one":   {none.Fail(0, 3, away).Fail(3, 3, away), "012"},
		"one that is joined with one of another": {errors.Join(of, none.Fail(0, 1, away)), "012"},
		"one that is joined with another error":  {errors.Join(of, away), "012"},
		"one that is within another":             {none.Fail(2, 3, none.Fail(0, 1, away)), "2"},
	} {
		failures, got := weir.FailuresOf(c.err, 3), ""
		for i := range 3 {
			if cause := failures.Of(i); cause != nil {
				got += fmt.Sprint(i)
				if weir.IsBehind(cause) || len(c.want) == 3 && !strings.Contains(cause.Error(), c.err.Error()) {
					t.Errorf("%s: message %d failed for %v", name, i, cause)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q failed, want %q", name, got, c.want)
		}
	}
}

// TestOnlyAMessageOfTheBatchIsBehind has a handler return what weir.Each says of other messages: no message of its own was left out.
func TestOnlyAMessageOfTheBatchIsBehind(t *testing.T) {
	t.Parallel()
	message := &weir.Delivery{Message: weir.Message{Key: []byte("k")}}
	err := weir.Each(func(context.Context, *weir.Delivery) error { return errors.New("the store is away") })(t.Context(), []*weir.Delivery{message, message})
	if !weir.IsBehind(weir.FailuresOf(err, 2).Of(1)) {
		t.Errorf("got %v of the second message of a key, want that it is behind", err)
	}
	if weir.IsBehind(weir.FailuresOf(err, 5).Of(1)) {
		t.Error("a message is behind one of another batch")
	}
}

// TestABatchThatAnErrorIsNotAboutIsGivenAgain has handlers fail the first time that they are given a message, by errors that are about others.
func TestABatchThatAnErrorIsNotAboutIsGivenAgain(t *testing.T) {
	t.Parallel()
	g := newFake(t, "fake")
	const keys, each = 5, 10
	for topic, c := range map[string]struct {
		fail func(other *producer, batch []*weir.Delivery) error
		want int // how often a message is given
	}{
		"other": {func(other *producer, batch []*weir.Delivery) error {
			others := append([]*weir.Message{nil}, make([]*weir.Message, len(batch))...)
			for i := range batch {
				others[i+1] = &weir.Message{}
			}
			return other.Producer.Send(t.Context(), others...) // names the first, which is nil, and sends none
		}, 2},
		"behind": {func(_ *producer, batch []*weir.Delivery) error {
			var failed *weir.BatchError
			return failed.Fail(len(batch), len(batch), errors.New("it is counted from 1"))
		}, 2},
		"none": {func(*producer, []*weir.Delivery) error {
			var failed *weir.BatchError
			return failed
		}, 1},
	} {
		t.Run(topic, func(t *testing.T) {
			t.Parallel()
			g.create(t, topic)
			h := g.open(t, topic)
			p := h.producer(t, "r")
			sendAll(t, p, numbered(keys, each))
			var mu sync.Mutex
			given := map[string]int{}
			consumer := h.consume(t, "r", topic+"-readers", func(_ context.Context, batch []*weir.Delivery) error {
				mu.Lock()
				defer mu.Unlock()
				again := false
				for _, d := range batch {
					given[string(d.Body)]++
					again = again || given[string(d.Body)] > 1
				}
				if again {
					return nil
				}
				return c.fail(p, batch)
			}, weir.Attempts(5, time.Millisecond, time.Millisecond))
			reported.Eventually(t, "all are given", func() bool {
				mu.Lock()
				defer mu.Unlock()
				for _, times := range given {
					if times < c.want {
						return false
					}
				}
				return len(given) == keys*each
			})
			consumer.end(t)
			for body, times := range given {
				if times != c.want {
					t.Errorf("%s is given %d times, want %d", body, times, c.want)
				}
			}
		})
	}
}
