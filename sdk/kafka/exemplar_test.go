package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

const (
	traceA = "0af7651916cd43dd8448eb211c80319c"
	traceB = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00f067aa0ba902b7"
)

func traced(topic, trace string, size int) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: 2, Offset: 41, Value: make([]byte, size),
		Headers: []kgo.RecordHeader{{Key: meter.TraceparentHeader, Value: []byte("00-" + trace + "-" + parent + "-01")}}}
}

// TestExemplarsTravel sends one message with a trace and finds it in the reports of
// its sender and of its consumer.
func TestExemplarsTravel(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, report.Config{})
	producer := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)))
	sent := traced("orders", traceA, 100)
	if err := producer.ProduceSync(t.Context(), sent).FirstErr(); err != nil {
		t.Fatal(err)
	}
	producer.Close()
	consumer := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	reported.Eventually(t, "the message is consumed", func() bool { return consumer.PollFetches(t.Context()).NumRecords() > 0 })
	consumer.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	for _, op := range []string{meter.OpSend, meter.OpConsume} {
		got := reported.Sum(all, reported.Series{Op: op}).Exemplars
		if len(got) != 1 {
			t.Fatalf("%s: got exemplars %+v: want one", op, got)
		}
		reported.Want(t, op+": size of the exemplar", got[0].SizeBytes, uint64(100+len(meter.TraceparentHeader)+len(whole)))
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
	c := open(t, reports, report.Config{SampleOneIn: oneOf, SlowAfter: -1, Interval: time.Minute})
	producer := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)))
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
		hooks := NewHooks(c)
		consumer := reported.Dial(t, measured, kgo.WithHooks(hooks), kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
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
	}{{"", meter.OpSend, telemetry.StepSent}, {"billing", meter.OpConsume, telemetry.StepReceived}, {"search", meter.OpConsume, telemetry.StepReceived}} {
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

// TestOnlyAValidTraceparentDecides holds that what the W3C calls no trace id samples nothing: the message's place does.
func TestOnlyAValidTraceparentDecides(t *testing.T) {
	const oneOf = 10
	h := NewHooks(openOffline(t, report.Config{SampleOneIn: oneOf, SlowAfter: -1}))
	zero, upper := "00-00000000000000000000000000000000-"+parent+"-01", "00-"+strings.ToUpper(traceB)+"-"+parent+"-01"
	for header, hash := range map[string]func(place string) uint64{
		zero:                                  telemetry.MessageHash,
		upper:                                 telemetry.MessageHash,
		"00-" + traceB + "-" + parent + "-01": func(string) uint64 { return telemetry.TraceHash(traceB) },
	} {
		for offset := range int64(200) {
			r := &kgo.Record{Topic: "orders", Partition: 3, Offset: offset, Headers: []kgo.RecordHeader{{Key: meter.TraceparentHeader, Value: []byte(header)}}}
			h.OnFetchRecordUnbuffered(r, true)
			of := taken(h)[reported.Series{Op: meter.OpConsume, Topic: "orders"}]
			got := slices.ContainsFunc(of.Exemplars, func(e telemetry.Exemplar) bool { return e.Kept == telemetry.KeptSampled })
			place := fmt.Sprint("orders/3/", offset)
			if want := telemetry.Sampled(hash(place), oneOf); got != want {
				t.Fatalf("%s with header %s: sampled is %t, want %t", place, header, got, want)
			}
		}
	}
}

// TestWithoutAcknowledgementsNoOffsetIsKnown holds that an id is never made up.
func TestWithoutAcknowledgementsNoOffsetIsKnown(t *testing.T) {
	h := NewHooks(openOffline(t, report.Config{SampleOneIn: 1}))
	reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	h.OnProduceRecordUnbuffered(traced("orders", traceA, 20), nil)
	got := taken(h)[reported.Series{Op: meter.OpSend, Topic: "orders"}].Exemplars
	if len(got) != 1 || got[0].MessageID != "" || got[0].TraceID != traceA {
		t.Errorf("got exemplars %+v, want one of trace %s without a message id", got, traceA)
	}
}
