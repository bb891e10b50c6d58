package meter

import (
	"sync"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// counting is whose notes are counted.
type counting struct {
	note    Note
	counted int
	harm    bool
}

func (c *counting) Counted() {
	if c.counted++; c.harm {
		panic("a fault of the SDK")
	}
}

// begun is a note of a message that is with its handler.
func begun(c *Client, topic string) *counting {
	n := &counting{}
	n.note.Counted = n
	*n.note.Of(c) = Message{Topic: topic, Offset: -1, StampMillis: 1}
	n.note.MoreBytes(7)
	n.note.Begin()
	return n
}

func (c *counting) end(failed, givenUp bool) {
	c.note.Now()
	c.note.End(failed, givenUp)
}

// entry is what reports say of a topic that is consumed.
type entry struct{ messages, bytes, delays, latencies, errors uint64 }

// books are those of each topic.
type books map[string]entry

// report makes reports of all that was measured, as a Reporter does, and adds them to the books.
func (b books) report(c *Client) {
	for m := range c.All {
		var t Taken
		m.Take(&t, c, c.WallMillis())
		r := &t.Report
		e := b[r.Labels.Topic]
		e.messages, e.bytes = e.messages+r.Messages, e.bytes+r.Bytes
		e.delays, e.latencies = e.delays+r.DelayMicros.Count(), e.latencies+r.LatencyMicros.Count()
		for _, class := range r.Errors {
			e.errors += class.Count
		}
		b[r.Labels.Topic] = e
	}
}

func (b books) want(t *testing.T, topic string, want entry) {
	t.Helper()
	if b[topic] != want {
		t.Errorf("%s: got %+v, want %+v", topic, b[topic], want)
	}
}

// TestWhatIsNotedIsReported holds that a report has all that was noted before it, and each once: of a message that is with its handler that it was received, and
// later what came of it. Only then is its note free.
func TestWhatIsNotedIsReported(t *testing.T) {
	c, got := newMeasured(Settings{MaxTopics: 10}), books{}
	first, second, other := begun(c, "orders"), begun(c, "orders"), begun(c, "payments")
	first.end(false, false)
	if first.counted != 0 {
		t.Error("a note is counted at once: want it to wait for others")
	}
	got.report(c)
	got.want(t, "orders", entry{2, 14, 2, 1, 0})
	got.want(t, "payments", entry{1, 7, 1, 0, 0})
	if first.counted != 1 || second.counted != 0 {
		t.Errorf("%d and %d notes are free: want that of the message that is handled", first.counted, second.counted)
	}
	second.end(true, true)
	other.end(true, false)
	begun(c, "payments").end(false, false)
	got.report(c)
	got.want(t, "orders", entry{2, 14, 2, 2, 1})
	got.want(t, "payments", entry{2, 14, 2, 2, 1})
}

// TestNotesThatWaitAreBounded holds it for messages whose handlers end, and for ones whose handlers do not, where nobody reports.
func TestNotesThatWaitAreBounded(t *testing.T) {
	const many = 5 * maxNotes
	c, got := newMeasured(Settings{MaxTopics: 10}), books{}
	for range many {
		begun(c, "orders").end(false, false)
		if got := len(c.notes.waiting); got >= countAt {
			t.Fatalf("%d notes wait: want fewer than %d", got, countAt)
		}
	}
	for range many {
		begun(c, "orders")
		if got := len(c.notes.waiting); got > maxNotes {
			t.Fatalf("%d notes wait: want at most %d", got, maxNotes)
		}
	}
	got.report(c)
	got.want(t, "orders", entry{2 * many, 14 * many, 2 * many, many, 0})
}

// TestManyNoteAtOnce has many goroutines note while reports are made: nothing is lost, and nothing counts twice.
func TestManyNoteAtOnce(t *testing.T) {
	const goroutines, each = 8, 2000
	const all = goroutines / 2 * each // of a topic
	c, got := newMeasured(Settings{MaxTopics: 10, SampleOneIn: 1}), books{}
	var working sync.WaitGroup
	for i := range goroutines {
		topic := []string{"orders", "payments"}[i%2]
		working.Go(func() {
			for k := range each {
				begun(c, topic).end(k%4 == 0, k%8 == 0)
			}
		})
	}
	ended := make(chan struct{})
	go func() { working.Wait(); close(ended) }()
	for reporting := true; reporting; {
		select {
		case <-ended:
			reporting = false
		default:
		}
		got.report(c)
	}
	for _, topic := range []string{"orders", "payments"} {
		got.want(t, topic, entry{all, 7 * all, all, all, all / 4})
	}
}

// TestAFaultLeavesOneNoteOut holds that what the SDK panics at is kept from whoever reports or handles, and keeps nothing else from being counted.
func TestAFaultLeavesOneNoteOut(t *testing.T) {
	c, got := newMeasured(Settings{MaxTopics: 10}), books{}
	for i := range 10 {
		n := begun(c, "orders")
		n.harm = i == 4
		n.end(false, false)
	}
	got.report(c)
	got.want(t, "orders", entry{10, 70, 10, 10, 0})
	if recovered := c.registry.Recovered(); recovered != 1 {
		t.Errorf("%d panics are counted, want 1", recovered)
	}
}

// TestANoteHasItsTrace holds that a message is told of with the trace of its header, and at the time when its handler ended.
func TestANoteHasItsTrace(t *testing.T) {
	c := newMeasured(Settings{MaxTopics: 10})
	n := begun(c, "orders")
	n.note.Traceparent = "00-" + traceA + "-" + parent + "-01"
	before := c.WallMillis()
	n.end(true, true)
	after := c.WallMillis()
	for m := range c.All {
		var out Taken
		m.Take(&out, c, after)
		e := out.Report.Exemplars[0]
		if e.TraceID != traceA || e.ErrorClass != "handler" || e.Step != telemetry.StepDeadLettered || e.TimeUnixMillis < before || e.TimeUnixMillis > after {
			t.Errorf("got exemplar %+v, want a dead letter of trace %s between %d and %d", e, traceA, before, after)
		}
	}
}
