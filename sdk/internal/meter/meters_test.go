package meter

import (
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestATopicHasOneMeter asks for a new topic's meter twice, as goroutines do that see
// it at once, where it is the last that has one of its own.
func TestATopicHasOneMeter(t *testing.T) {
	c := newMeasured(Settings{MaxTopics: 1})
	if first, second := c.newMeter(&c.sends, "orders"), c.newMeter(&c.sends, "orders"); first != second {
		t.Errorf("the topic is counted as %s and as %s", first.topic, second.topic)
	}
}

// TestTopicsBeyondTheBoundArePausedTogether pauses one of three topics that share a
// meter: the meter is paused when all are, and says so once.
func TestTopicsBeyondTheBoundArePausedTogether(t *testing.T) {
	c := newMeasured(Settings{MaxTopics: 1})
	topics := []string{"orders", "payments", "refunds", "stock"}
	for range 3 {
		c.Consumed(topics, map[string]bool{"payments": true}, 1000)
	}
	c.Consumed(topics, map[string]bool{"payments": true, "refunds": true, "stock": true}, 2000)
	c.Consumed(topics, nil, 3000)
	m := c.meter(&c.consumes, "stock")
	want := []telemetry.Event{{Kind: telemetry.EventPaused, TimeUnixMillis: 2000}, {Kind: telemetry.EventResumed, TimeUnixMillis: 3000}}
	if m.topic != OverflowTopic || !slices.Equal(m.events, want) {
		t.Errorf("topic %s has events %v, want %v of %s", m.topic, m.events, want, OverflowTopic)
	}
}

// TestDelay holds the delay to the microsecond.
func TestDelay(t *testing.T) {
	stamp := time.UnixMilli(1_700_000_000_123)
	of := Message{StampMillis: stamp.UnixMilli()}
	for _, test := range []struct {
		later time.Duration
		want  uint64
	}{{0, 0}, {1999, 1}, {time.Millisecond, 1000}, {1500 * time.Millisecond, 1_500_000}, {-time.Second, 0}} {
		if got, known := of.delayMicros(stamp.UnixNano() + int64(test.later)); got != test.want || !known {
			t.Errorf("%s after its timestamp a message is %d us old, want %d", test.later, got, test.want)
		}
	}
}

// TestEachClassHasAName holds that no failure is reported without one.
func TestEachClassHasAName(t *testing.T) {
	for class := range errorClasses {
		if class.String() == "" {
			t.Errorf("class %d has no name", class)
		}
	}
}
