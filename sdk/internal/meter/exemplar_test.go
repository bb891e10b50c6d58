package meter

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/telemetry"
)

const (
	traceA = "0af7651916cd43dd8448eb211c80319c"
	traceB = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00f067aa0ba902b7"
)

func traced(topic, trace string, size uint64) *Message {
	return &Message{Topic: topic, Partition: 2, Offset: 41, Bytes: size, Trace: TraceOf([]byte("00-" + trace + "-" + parent + "-01"))}
}

// newMeasured is a client that nobody reports.
func newMeasured(of Settings) *Client {
	return NewRegistry(of).NewClient(Identity{System: "kafka"}, nil)
}

// TestSlowestAndLargestAreTold tells of one message for being slow and of one for being large, every ten seconds.
func TestSlowestAndLargestAreTold(t *testing.T) {
	m := &Meter{op: OpSend, topic: "orders"}
	for range 100 {
		sentAfter(m, &Message{Topic: "orders", Bytes: 10}, time.Millisecond, 1000)
	}
	sentAfter(m, traced("orders", traceA, 20), time.Second, 2000)
	sentAfter(m, traced("orders", traceB, 5000), time.Millisecond, 3000)
	slowest := telemetry.Exemplar{TimeUnixMillis: 2000, TraceID: traceA, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: 20,
		Kept: telemetry.KeptSlowest, Step: telemetry.StepSent}
	largest := telemetry.Exemplar{TimeUnixMillis: 3000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1000, SizeBytes: 5000,
		Kept: telemetry.KeptLargest, Step: telemetry.StepSent}
	wantExemplars(t, m, 10_000, slowest, largest)
	wantExemplars(t, m, 10_500) // none are left for the next interval

	sentAfter(m, traced("orders", traceB, 9000), time.Second, 11_000)
	wantExemplars(t, m, 12_000) // they are told of later
	sentAfter(m, &Message{Topic: "orders"}, time.Millisecond, 13_000)
	slowest = telemetry.Exemplar{TimeUnixMillis: 11_000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: 9000,
		Kept: telemetry.KeptSlowest, Step: telemetry.StepSent}
	wantExemplars(t, m, 20_000, slowest)
}

// TestFailedAndSlowMessagesAreKept tells of each, up to a bound, and counts the others. Those that are sampled have
// room of their own.
func TestFailedAndSlowMessagesAreKept(t *testing.T) {
	c, failing := newMeasured(Settings{}), traced("orders", traceB, 20)
	failing.Offset = -1
	m := &Meter{op: OpSend, topic: "orders", keeping: keeping{slowMicros: 500_000, bound: telemetry.SampleBound(1), oneOf: 1}}
	sentAfter(m, traced("orders", traceA, 20), time.Second, 2000)
	m.failed(c, beginning{}, failing, ClassTimeout)
	sentAfter(m, &Message{Topic: "orders", Partition: 1, Offset: 7}, 499*time.Millisecond, 3000)
	var out Taken
	m.Take(&out, c, 10_000)
	type told struct {
		message, trace, class string
		kept                  telemetry.Kept
		of                    uint32
	}
	var got []told
	for _, e := range out.Report.Exemplars {
		got = append(got, told{e.MessageID, e.TraceID, e.ErrorClass, e.Kept, e.SampledOf})
	}
	expected := []told{{"orders/2/41", traceA, "", telemetry.KeptSlow, 0}, {"", traceB, "timeout", telemetry.KeptError, 0},
		{"orders/1/7", "", "", telemetry.KeptSampled, 1}}
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("got  %v\nwant %v", got, expected)
	}

	for range 100 {
		sentAfter(m, &Message{Topic: "orders"}, time.Second, 12_000)
		sentAfter(m, &Message{Topic: "orders"}, 0, 12_000)
		m.failed(c, beginning{}, failing, ClassTimeout)
	}
	m.Take(&out, c, 13_000)
	reported.Want(t, "exemplars", uint64(len(out.Report.Exemplars)), maxTroubled+maxSampled+1) // and the slowest of those without room, the largest, too
	reported.Want(t, "left out", out.Report.LeftOutExemplars, 300-maxTroubled-maxSampled)
	m.Take(&out, c, 14_000)
	reported.Want(t, "left out of the next interval", out.Report.LeftOutExemplars, 0)
}

// TestTheSlowestOfManySlowMessagesIsTold holds that a message that waits longest is told of also where there is no room
// left for slow ones, and that no room for samples hides the largest.
func TestTheSlowestOfManySlowMessagesIsTold(t *testing.T) {
	for what, of := range map[string]keeping{"all are slow": {slowMicros: 500_000}, "all are sampled": {bound: telemetry.SampleBound(1), oneOf: 1}} {
		m := &Meter{op: OpSend, topic: "orders", keeping: of}
		for range 2 * maxTroubled {
			sentAfter(m, &Message{Topic: "orders"}, time.Second, 1000)
		}
		sentAfter(m, traced("orders", traceA, 10), 30*time.Second, 2000)
		sentAfter(m, traced("orders", traceB, 9000), time.Second, 3000)
		var out Taken
		m.Take(&out, newMeasured(Settings{}), 10_000)
		kept := map[telemetry.Kept]string{}
		for _, e := range out.Report.Exemplars {
			kept[e.Kept] = e.TraceID
		}
		if kept[telemetry.KeptSlowest] != traceA || kept[telemetry.KeptLargest] != traceB {
			t.Errorf("%s: got %v, want the slowest of trace %s and the largest of %s", what, kept, traceA, traceB)
		}
	}
}

// TestTheTraceDecidesWhereThereIsOne samples by the hash of the trace id, or else by that of the message's own.
func TestTheTraceDecidesWhereThereIsOne(t *testing.T) {
	const oneOf = 10
	m := &Meter{keeping: keeping{bound: telemetry.SampleBound(oneOf), oneOf: oneOf}}
	for i := range int64(200) {
		trace, id := fmt.Sprintf("%032x", i+1), fmt.Sprintf("7F00000100002A9F00000000%08X", i)
		for what, test := range map[string]struct {
			of   Message
			hash uint64
		}{
			"a trace":            {Message{Topic: "orders", Offset: i, ID: id, Trace: traced("", trace, 0).Trace}, telemetry.TraceHash(trace)},
			"an id":              {Message{Topic: "orders", Offset: i, ID: id}, telemetry.MessageHash(id)},
			"an id and no place": {Message{Topic: "orders", Offset: -1, ID: id}, telemetry.MessageHash(id)},
			"a place":            {Message{Topic: "orders", Partition: 3, Offset: i}, telemetry.MessageHash(fmt.Sprint("orders/3/", i))},
		} {
			if got, want := m.chosen(&test.of), telemetry.Sampled(test.hash, oneOf); got != want {
				t.Fatalf("message %d with %s: sampled is %t, want %t", i, what, got, want)
			}
		}
	}
	if (&Meter{keeping: keeping{bound: math.MaxUint64, oneOf: 1}}).chosen(&Message{Topic: "orders", Offset: -1}) {
		t.Error("a message that nobody can name is sampled")
	}
}

// TestPlacesAreChosenByTheHashOfTheContract compares with the hash of the whole id, in whatever order topics, partitions and
// offsets come.
func TestPlacesAreChosenByTheHashOfTheContract(t *testing.T) {
	const oneOf = 3
	m := &Meter{keeping: keeping{bound: telemetry.SampleBound(oneOf), oneOf: oneOf}}
	for _, base := range []int64{0, 5, 95, 990, 1_000_000, math.MaxInt64 - 20} {
		for i := range int64(20) {
			for _, topic := range []string{"o", "orders", strings.Repeat("t", 249), "bestellungen-für-heute"} {
				for _, partition := range []int32{0, 9, 10, 131, math.MaxInt32} {
					offset := base + i
					id := fmt.Sprintf("%s/%d/%d", topic, partition, offset)
					if got, want := m.chosen(&Message{Topic: topic, Partition: partition, Offset: offset}), telemetry.Sampled(telemetry.MessageHash(id), oneOf); got != want {
						t.Fatalf("%s: sampled is %t, want %t", id, got, want)
					}
				}
			}
		}
	}
}

// sentAfter counts a message that was acknowledged at a time, so long after it began.
func sentAfter(m *Meter, of *Message, latency time.Duration, atMillis int64) {
	c := newMeasured(Settings{})
	now := c.clock.now()
	c.clock.offset.Store(atMillis*nanosPerMilli - now)
	m.ending = ending{nanos: now, answers: 1}
	m.sent(c, beginning{nanos: now - int64(latency), kept: true}, 1, of)
}

func wantExemplars(t *testing.T, m *Meter, atMillis int64, expected ...telemetry.Exemplar) {
	t.Helper()
	var out Taken
	m.Take(&out, newMeasured(Settings{}), atMillis)
	if got := out.Report.Exemplars; fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("got exemplars  %+v\nwant exemplars %+v", got, expected)
	}
}

// TestMessageIDFits holds that a topic's name or an id of any length or content makes an id
// that the ingest stage takes, with partition and offset whole.
func TestMessageIDFits(t *testing.T) {
	for _, name := range []string{strings.Repeat("t", 249), strings.Repeat("t", 1000), "\xff\x00", strings.Repeat("ü", 130)} {
		place := exemplar{topic: name, partition: 131, offset: 123_456_789_012}
		own := exemplar{topic: "orders", id: "7F" + name}
		for id, part := range map[string]string{place.reported().MessageID: "/131/123456789012", own.reported().MessageID: "7F"} {
			if len(id) > MaxLabelBytes || !utf8.ValidString(id) || telemetry.HasControl(id) || !strings.Contains(id, part) {
				t.Errorf("%.20q: got id %q", name, id)
			}
		}
	}
}
