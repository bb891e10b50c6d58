package weir

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	traceA = "0af7651916cd43dd8448eb211c80319c"
	traceB = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00f067aa0ba902b7"
)

func traced(topic, trace string, size int) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: 2, Offset: 41, Value: make([]byte, size),
		Headers: []kgo.RecordHeader{{Key: traceparentHeader, Value: []byte("00-" + trace + "-" + parent + "-01")}}}
}

// TestSlowestAndLargestAreSampled keeps one message for being slow and one for being
// large, of all that an interval had.
func TestSlowestAndLargestAreSampled(t *testing.T) {
	m := &meter{op: opSend, topic: "orders"}
	for range 100 {
		sentAfter(m, &kgo.Record{Topic: "orders", Value: make([]byte, 10)}, time.Millisecond, 1000)
	}
	sentAfter(m, traced("orders", traceA, 20), time.Second, 2000)
	sentAfter(m, traced("orders", traceB, 5000), time.Millisecond, 3000)
	size := uint64(len(traceparentHeader) + traceparentBytes)
	wantExemplars(t, m,
		telemetry.Exemplar{TimeUnixMillis: 2000, TraceID: traceA, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: size + 20},
		telemetry.Exemplar{TimeUnixMillis: 3000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1000, SizeBytes: size + 5000})
	wantExemplars(t, m) // none are left for the next interval

	sentAfter(m, traced("orders", traceB, 9000), time.Second, 4000)
	sentAfter(m, &kgo.Record{Topic: "orders"}, time.Millisecond, 5000)
	wantExemplars(t, m, telemetry.Exemplar{TimeUnixMillis: 4000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: size + 9000})
}

// sentAfter counts a message that was acknowledged at a time, so long after it was buffered.
func sentAfter(m *meter, r *kgo.Record, latency time.Duration, atMillis int64) {
	f, c := &inflight{}, newClock()
	now := c.now()
	c.offset.Store(atMillis*nanosPerMilli - now)
	f.begin(r, now-int64(latency))
	m.ending = ending{nanos: now, answers: 1}
	m.sent(r, f, 1, c)
}

func wantExemplars(t *testing.T, m *meter, expected ...telemetry.Exemplar) {
	t.Helper()
	var out taken
	m.take(&out, 10_000)
	if got := out.report.Exemplars; fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("got exemplars  %+v\nwant exemplars %+v", got, expected)
	}
}

// TestExemplarsTravel sends one message with a trace and finds it in the reports of
// its sender and of its consumer.
func TestExemplarsTravel(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, Config{})
	producer := dial(t, measured, kgo.WithHooks(c.Hooks()))
	sent := traced("orders", traceA, 100)
	if err := producer.ProduceSync(t.Context(), sent).FirstErr(); err != nil {
		t.Fatal(err)
	}
	producer.Close()
	consumer := dial(t, measured, kgo.WithHooks(c.Hooks()), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	eventually(t, "the message is consumed", func() bool { return consumer.PollFetches(t.Context()).NumRecords() > 0 })
	consumer.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	for _, op := range []string{opSend, opConsume} {
		got := sum(all, seriesOf{op: op}).Exemplars
		if len(got) != 1 {
			t.Fatalf("%s: got exemplars %+v: want one", op, got)
		}
		want(t, op+": size of the exemplar", got[0].SizeBytes, recordBytes(sent))
		if id := fmt.Sprintf("orders/%d/%d", sent.Partition, sent.Offset); got[0].TraceID != traceA || got[0].MessageID != id {
			t.Errorf("%s: got trace %s of message %s, want %s of %s", op, got[0].TraceID, got[0].MessageID, traceA, id)
		}
	}
}

// TestMessageIDFits holds that a topic's name of any length or content makes an id
// that the ingest stage takes, with partition and offset whole.
func TestMessageIDFits(t *testing.T) {
	for _, topic := range []string{strings.Repeat("t", 249), strings.Repeat("t", 1000), "\xff\x00", strings.Repeat("ü", 130)} {
		e := exemplar{topic: topic, partition: 131, offset: 123_456_789_012}
		id := e.reported().MessageID
		if len(id) > maxLabelBytes || !isText(id) || !strings.HasSuffix(id, "/131/123456789012") {
			t.Errorf("topic %.20q: got id %q", topic, id)
		}
	}
}
