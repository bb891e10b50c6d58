package weir

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// TestSlowestAndLargestAreTold tells of one message for being slow and of one for being large, every ten seconds.
func TestSlowestAndLargestAreTold(t *testing.T) {
	m := &meter{op: opSend, topic: "orders"}
	for range 100 {
		sentAfter(m, &kgo.Record{Topic: "orders", Value: make([]byte, 10)}, time.Millisecond, 1000)
	}
	sentAfter(m, traced("orders", traceA, 20), time.Second, 2000)
	sentAfter(m, traced("orders", traceB, 5000), time.Millisecond, 3000)
	size := uint64(len(traceparentHeader) + traceparentBytes)
	slowest := telemetry.Exemplar{TimeUnixMillis: 2000, TraceID: traceA, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: size + 20,
		Kept: telemetry.KeptSlowest, Step: telemetry.StepSent}
	largest := telemetry.Exemplar{TimeUnixMillis: 3000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1000, SizeBytes: size + 5000,
		Kept: telemetry.KeptLargest, Step: telemetry.StepSent}
	wantExemplars(t, m, 10_000, slowest, largest)
	wantExemplars(t, m, 10_500) // none are left for the next interval

	sentAfter(m, traced("orders", traceB, 9000), time.Second, 11_000)
	wantExemplars(t, m, 12_000) // they are told of later
	sentAfter(m, &kgo.Record{Topic: "orders"}, time.Millisecond, 13_000)
	slowest = telemetry.Exemplar{TimeUnixMillis: 11_000, TraceID: traceB, MessageID: "orders/2/41", LatencyMicros: 1_000_000, SizeBytes: size + 9000,
		Kept: telemetry.KeptSlowest, Step: telemetry.StepSent}
	wantExemplars(t, m, 20_000, slowest)
}

// TestFailedAndSlowMessagesAreKept tells of each, up to a bound, and counts the others. Those that are sampled have
// room of their own.
func TestFailedAndSlowMessagesAreKept(t *testing.T) {
	m := &meter{op: opSend, topic: "orders", keeping: keeping{slowMicros: 500_000, bound: telemetry.SampleBound(1), oneOf: 1}}
	sentAfter(m, traced("orders", traceA, 20), time.Second, 2000)
	m.failed(traced("orders", traceB, 20), &inflight{}, context.DeadlineExceeded, newClock())
	sentAfter(m, &kgo.Record{Topic: "orders", Partition: 1, Offset: 7}, 499*time.Millisecond, 3000)
	var out taken
	m.take(&out, 10_000)
	type told struct {
		message, trace, class string
		kept                  telemetry.Kept
		of                    uint32
	}
	var got []told
	for _, e := range out.report.Exemplars {
		got = append(got, told{e.MessageID, e.TraceID, e.ErrorClass, e.Kept, e.SampledOf})
	}
	expected := []told{{"orders/2/41", traceA, "", telemetry.KeptSlow, 0}, {"", traceB, "timeout", telemetry.KeptError, 0},
		{"orders/1/7", "", "", telemetry.KeptSampled, 1}}
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("got  %v\nwant %v", got, expected)
	}

	for range 100 {
		sentAfter(m, &kgo.Record{Topic: "orders"}, time.Second, 12_000)
		sentAfter(m, &kgo.Record{Topic: "orders"}, 0, 12_000)
		m.failed(traced("orders", traceB, 20), &inflight{}, context.DeadlineExceeded, newClock())
	}
	m.take(&out, 13_000)
	want(t, "exemplars", uint64(len(out.report.Exemplars)), maxTroubled+maxSampled+1) // and the slowest of those without room, the largest, too
	want(t, "left out", out.report.LeftOutExemplars, 300-maxTroubled-maxSampled)
	m.take(&out, 14_000)
	want(t, "left out of the next interval", out.report.LeftOutExemplars, 0)
}

// TestTheSlowestOfManySlowMessagesIsTold holds that a message that waits longest is told of also where there is no room
// left for slow ones, and that no room for samples hides the largest.
func TestTheSlowestOfManySlowMessagesIsTold(t *testing.T) {
	for what, of := range map[string]keeping{"all are slow": {slowMicros: 500_000}, "all are sampled": {bound: telemetry.SampleBound(1), oneOf: 1}} {
		m := &meter{op: opSend, topic: "orders", keeping: of}
		for range 2 * maxTroubled {
			sentAfter(m, &kgo.Record{Topic: "orders"}, time.Second, 1000)
		}
		sentAfter(m, traced("orders", traceA, 10), 30*time.Second, 2000)
		sentAfter(m, traced("orders", traceB, 9000), time.Second, 3000)
		var out taken
		m.take(&out, 10_000)
		kept := map[telemetry.Kept]string{}
		for _, e := range out.report.Exemplars {
			kept[e.Kept] = e.TraceID
		}
		if kept[telemetry.KeptSlowest] != traceA || kept[telemetry.KeptLargest] != traceB {
			t.Errorf("%s: got %v, want the slowest of trace %s and the largest of %s", what, kept, traceA, traceB)
		}
	}
}

// TestOnlyAValidTraceparentDecides holds that what the W3C calls no trace id samples nothing: the message's place does.
func TestOnlyAValidTraceparentDecides(t *testing.T) {
	const oneOf = 10
	m := &meter{keeping: keeping{bound: telemetry.SampleBound(oneOf), oneOf: oneOf}}
	zero, upper := "00-00000000000000000000000000000000-"+parent+"-01", "00-"+strings.ToUpper(traceB)+"-"+parent+"-01"
	for header, hash := range map[string]func(place string) uint64{
		zero:                                  telemetry.MessageHash,
		upper:                                 telemetry.MessageHash,
		"00-" + traceB + "-" + parent + "-01": func(string) uint64 { return telemetry.TraceHash(traceB) },
	} {
		headers := []kgo.RecordHeader{{Key: traceparentHeader, Value: []byte(header)}}
		for offset := range int64(200) {
			place := fmt.Sprint("orders/3/", offset)
			if got, want := m.chosen("orders", 3, offset, headers), telemetry.Sampled(hash(place), oneOf); got != want {
				t.Fatalf("%s with header %s: sampled is %t, want %t", place, header, got, want)
			}
		}
	}
}

// TestPlacesAreChosenByTheHashOfTheContract compares with the hash of the whole id, in whatever order topics, partitions and
// offsets come.
func TestPlacesAreChosenByTheHashOfTheContract(t *testing.T) {
	const oneOf = 3
	m := &meter{keeping: keeping{bound: telemetry.SampleBound(oneOf), oneOf: oneOf}}
	for _, base := range []int64{0, 5, 95, 990, 1_000_000, math.MaxInt64 - 20} {
		for i := range int64(20) {
			for _, topic := range []string{"o", "orders", strings.Repeat("t", 249), "bestellungen-für-heute"} {
				for _, partition := range []int32{0, 9, 10, 131, math.MaxInt32} {
					offset := base + i
					id := fmt.Sprintf("%s/%d/%d", topic, partition, offset)
					if got, want := m.chosen(topic, partition, offset, nil), telemetry.Sampled(telemetry.MessageHash(id), oneOf); got != want {
						t.Fatalf("%s: sampled is %t, want %t", id, got, want)
					}
				}
			}
		}
	}
}

// TestWithoutAcknowledgementsNoOffsetIsKnown holds that an id is never made up.
func TestWithoutAcknowledgementsNoOffsetIsKnown(t *testing.T) {
	m := &meter{op: opSend, topic: "orders", keeping: keeping{slowMicros: 1}}
	f, c := &inflight{}, newClock()
	r := traced("orders", traceA, 20)
	f.begin(r, c.now()-int64(time.Second))
	m.sent(r, f, 1, false, c)
	var out taken
	m.take(&out, 10_000)
	if got := out.report.Exemplars; len(got) != 1 || got[0].MessageID != "" || got[0].TraceID != traceA {
		t.Errorf("got exemplars %+v, want one of trace %s without a message id", got, traceA)
	}
}

// onHeap keeps a record off the stack, which may grow and take another address with it: records of kgo have one for life.
var onHeap *kgo.Record

// sentAfter counts a message that was acknowledged at a time, so long after it was buffered.
func sentAfter(m *meter, r *kgo.Record, latency time.Duration, atMillis int64) {
	onHeap = r
	f, c := &inflight{}, newClock()
	now := c.now()
	c.offset.Store(atMillis*nanosPerMilli - now)
	f.begin(r, now-int64(latency))
	m.ending = ending{nanos: now, answers: 1}
	m.sent(r, f, 1, true, c)
}

func wantExemplars(t *testing.T, m *meter, atMillis int64, expected ...telemetry.Exemplar) {
	t.Helper()
	var out taken
	m.take(&out, atMillis)
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

// TestSenderAndConsumersTellOfTheSameMessages sends messages of which one in forty is sampled, half of them with traces,
// to two groups. One of them handles each message, fails some and gives one up.
func TestSenderAndConsumersTellOfTheSameMessages(t *testing.T) {
	const messages, oneOf, failing, dead = 200, 40, 17, 34 // hardly ever more sampled than there is room for
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, Config{SampleOneIn: oneOf, SlowAfter: -1, Interval: time.Minute})
	producer := dial(t, measured, kgo.WithHooks(c.Hooks()))
	expected, place := map[string]bool{}, func(r *kgo.Record) string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }
	for i := range messages {
		r := &kgo.Record{Topic: "orders"}
		hash := func() uint64 { return telemetry.MessageHash(place(r)) }
		if i%2 == 0 {
			trace := fmt.Sprintf("%032x", i+1)
			r, hash = traced("orders", trace, 10), func() uint64 { return telemetry.TraceHash(trace) }
		}
		if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if telemetry.Sampled(hash(), oneOf) {
			expected[place(r)] = true
		}
	}
	producer.Close()
	var handled []telemetry.Exemplar
	for _, group := range []string{"billing", "search"} {
		hooks := c.Hooks()
		consumer := dial(t, measured, kgo.WithHooks(hooks), kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for count := 0; count < messages; {
			consumer.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
				count++
				if group == "search" {
					return
				}
				handling := hooks.TimeHandler(r).Attempt(2)
				switch id := place(r); count {
				case failing:
					handled = append(handled, telemetry.Exemplar{MessageID: id, ErrorClass: "handler", Attempt: 2, Kept: telemetry.KeptError, Step: telemetry.StepHandled})
					handling.Done(errors.New("no money"))
				case dead:
					handled = append(handled, telemetry.Exemplar{MessageID: id, ErrorClass: "handler", Attempt: 2, Kept: telemetry.KeptError, Step: telemetry.StepDeadLettered})
					handling.GiveUp(errors.New("no money at all"))
				default:
					handling.Done(nil)
				}
			})
		}
		consumer.Close()
	}
	mustClose(t, c)

	all := readReports(t, reports)
	for _, of := range []struct {
		group, op string
		step      telemetry.Step
	}{{"", opSend, telemetry.StepSent}, {"billing", opConsume, telemetry.StepReceived}, {"search", opConsume, telemetry.StepReceived}} {
		got := map[string]bool{}
		for _, r := range all {
			for _, e := range r.Exemplars {
				if r.Labels.Group == of.group && r.Labels.Op == of.op && e.Step == of.step && e.Kept == telemetry.KeptSampled {
					got[e.MessageID] = true
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(expected) {
			t.Errorf("%s %s: got sampled  %v\nwant %v", of.group, of.op, got, expected)
		}
	}
	var got []telemetry.Exemplar
	for _, r := range all {
		for _, e := range r.Exemplars {
			if e.Kept == telemetry.KeptError {
				if e.DelayMicros == 0 {
					t.Errorf("%s: no delay until it was handled", e.MessageID)
				}
				got = append(got, telemetry.Exemplar{MessageID: e.MessageID, ErrorClass: e.ErrorClass, Attempt: e.Attempt, Kept: e.Kept, Step: e.Step})
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(handled) {
		t.Errorf("got failed  %+v\nwant %+v", got, handled)
	}
}

// TestMessageIDFits holds that a topic's name of any length or content makes an id
// that the ingest stage takes, with partition and offset whole.
func TestMessageIDFits(t *testing.T) {
	for _, topic := range []string{strings.Repeat("t", 249), strings.Repeat("t", 1000), "\xff\x00", strings.Repeat("ü", 130)} {
		e := exemplar{topic: topic, partition: 131, offset: 123_456_789_012}
		id := e.reported(0).MessageID
		if len(id) > maxLabelBytes || !isText(id) || !strings.HasSuffix(id, "/131/123456789012") {
			t.Errorf("topic %.20q: got id %q", topic, id)
		}
	}
}
