package meter

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLatencyEndsWithTheAnswer holds whose time counts: messages that one answer
// acknowledges ended with it, however long the application's callbacks of those before
// them took. Without an answer a message ends when the client says so.
func TestLatencyEndsWithTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMeasured(Settings{MaxTopics: 1})
		pass(time.Hour)
		wantLatency := func(what string, key uintptr, expected time.Duration) {
			t.Helper()
			m := c.meter(&c.sends, "orders")
			before := m.latency.sum
			c.Sent(key*KeyBytes, &Message{Topic: "orders"})
			if got := time.Duration(m.latency.sum-before) * time.Microsecond; got != expected {
				t.Errorf("%s: latency %s, want %s", what, got, expected)
			}
		}
		for key := range uintptr(3) {
			c.Begin((key + 1) * KeyBytes)
		}
		pass(10 * time.Millisecond)
		c.Answered()
		wantLatency("the first of an answer", 1, 10*time.Millisecond)
		pass(50 * time.Millisecond) // a callback
		wantLatency("the second of an answer", 2, 10*time.Millisecond)
		c.Begin(4 * KeyBytes)
		pass(5 * time.Millisecond)
		wantLatency("one that began after the answer", 4, 5*time.Millisecond)
		c.Begin(5 * KeyBytes)
		pass(7 * time.Millisecond)
		c.Answered()
		wantLatency("the first of the next answer", 3, 72*time.Millisecond)
		pass(time.Millisecond)
		wantLatency("another of the next answer", 5, 7*time.Millisecond)
	})
}

// pass lets time pass in a bubble, whose clock stands still while somebody works.
func pass(d time.Duration) { <-time.NewTimer(d).C }
