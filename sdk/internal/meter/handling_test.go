package meter

import (
	"testing"
	"time"
)

// TestDoneTogether ends the handling of messages of two topics, of which one did not begin: each counts for its own topic.
func TestDoneTogether(t *testing.T) {
	c := newMeasured(Settings{MaxTopics: 10})
	handlings := make([]Handling, 6)
	for i, topic := range []string{"orders", "orders", "", "payments", "orders", "payments"} {
		if topic != "" {
			*handlings[i].BeginAt(c, int64(time.Second)) = Message{Topic: topic, Offset: int64(i)}
		}
	}
	ReceivedByHandler(handlings, int64(time.Second))
	DoneTogether(handlings, int64(time.Second+5*time.Millisecond))
	for topic, want := range map[string]uint64{"orders": 3, "payments": 2} {
		var handled uint64
		m := c.meter(&c.consumes, topic)
		for _, count := range m.latency.counts {
			handled += count
		}
		if m.messages != want || handled != want || m.latency.sum != want*5000 || m.errors[ClassHandler] != 0 {
			t.Errorf("%s: got %d received, and %d handled in %d us, and %d errors; want %d in 5 ms each", topic, m.messages, handled, m.latency.sum, m.errors[ClassHandler], want)
		}
	}
	if got := len(*c.consumes.byTopic.Load()); got != 2 {
		t.Errorf("%d topics are measured: want 2", got)
	}
}
