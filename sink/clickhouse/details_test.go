package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// Ids of the message that the tests of this file follow.
const (
	foundTrace   = "0af7651916cd43dd8448eb211c80319c"
	foundMessage = "orders/3/1041"
)

// foundAt is noon of yesterday: tables keep it, and no day begins near it.
var foundAt = time.Now().UTC().Truncate(day).Add(-day / 2)

// details are what reports say of one message: it is sent, received by two groups before that is acknowledged, one of which fails, gives it up, and sends it
// to a dead-letter topic. What a report of another cluster says has the same message id.
func details() []telemetry.ReportDetail {
	of := func(op, topic, group, client string) telemetry.Labels {
		return telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: topic, Op: op, Group: group, Client: client, Node: "10.0.0.7"}
	}
	at := func(millis int) int64 { return foundAt.UnixMilli() + int64(millis) }
	other := of("send", "orders", "", "checkout-9")
	other.Cluster = "us-1"
	return []telemetry.ReportDetail{
		{Offset: 10, Labels: of("send", "orders", "", "checkout-1"), TimeUnixMillis: at(1000), LeftOutExemplars: 7,
			Exemplars: []telemetry.Exemplar{
				{TimeUnixMillis: at(14), TraceID: foundTrace, MessageID: foundMessage, LatencyMicros: 12_000, SizeBytes: 310, Kept: telemetry.KeptSampled,
					Step: telemetry.StepSent, SampledOf: 1000},
				{TimeUnixMillis: at(3), MessageID: "orders/3/1042", LatencyMicros: 1900, SizeBytes: 310, Kept: telemetry.KeptSlowest, Step: telemetry.StepSent}},
			Events: []telemetry.Event{{Kind: telemetry.EventStarted, TimeUnixMillis: at(0)}}},
		{Offset: 11, Labels: of("consume", "orders", "billing", "billing-1"), TimeUnixMillis: at(1000), Exemplars: []telemetry.Exemplar{
			{TimeUnixMillis: at(9), TraceID: foundTrace, MessageID: foundMessage, DelayMicros: 9000, SizeBytes: 310, Kept: telemetry.KeptSampled,
				Step: telemetry.StepReceived, SampledOf: 1000},
			{TimeUnixMillis: at(40), TraceID: foundTrace, MessageID: foundMessage, LatencyMicros: 30_000, DelayMicros: 10_000, ErrorClass: "handler",
				Attempt: 3, SizeBytes: 310, Kept: telemetry.KeptError, Step: telemetry.StepDeadLettered}}},
		{Offset: 12, Labels: of("consume", "orders", "search", "search-1"), TimeUnixMillis: at(1000), Exemplars: []telemetry.Exemplar{
			{TimeUnixMillis: at(12), MessageID: foundMessage, DelayMicros: 12_000, SizeBytes: 310, Kept: telemetry.KeptLargest, Step: telemetry.StepReceived}}},
		{Offset: 13, Labels: of("send", "orders-dead", "", "billing-1"), TimeUnixMillis: at(1000), Exemplars: []telemetry.Exemplar{
			{TimeUnixMillis: at(45), TraceID: foundTrace, MessageID: "orders-dead/0/7", LatencyMicros: 800, SizeBytes: 330, Kept: telemetry.KeptSampled,
				Step: telemetry.StepSent, SampledOf: 1000}}},
		{Offset: 14, Labels: other, TimeUnixMillis: at(1000), Exemplars: []telemetry.Exemplar{
			{TimeUnixMillis: at(1), MessageID: foundMessage, LatencyMicros: 700, SizeBytes: 20, Kept: telemetry.KeptSlow, Step: telemetry.StepSent}}},
	}
}

// writeDetails writes records with details, as storage does.
func (s *store) writeDetails(details ...telemetry.ReportDetail) {
	s.t.Helper()
	batch := telemetry.CellBatch{Source: telemetry.Source{Partition: 7}, Segment: telemetry.Segment{MinuteUnix: foundAt.Unix() / 60}, Details: details}
	if err := s.WriteDetails(s.t.Context(), tableOf(s.t, batch).Records); err != nil {
		s.t.Fatal(err)
	}
}

// TestMessagesAreFound writes what reports say several times, in other batches, and finds each step once: by the trace, by a
// message of it, and by one whose id another cluster has, too.
func TestMessagesAreFound(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	all := details()
	s.writeDetails(all...)
	s.writeDetails(all[1:3]...)
	s.writeDetails(all[0])
	ofTrace := []string{"14ms eu-1 orders  sent", "9ms eu-1 orders billing received", "12ms eu-1 orders search received",
		"40ms eu-1 orders billing dead_lettered handler 3", "45ms eu-1 orders-dead  sent"}
	for _, parts := range []string{"as inserted", "merged"} {
		for id, want := range map[string][]string{
			foundTrace:                  ofTrace,
			"orders-dead/0/7":           {ofTrace[0], ofTrace[1], ofTrace[3], ofTrace[4]}, // its trace has them
			foundMessage:                append([]string{"1ms us-1 orders  sent"}, ofTrace...),
			"orders/3/1042":             {"3ms eu-1 orders  sent"},
			"orders/3/1043":             nil,
			"ORDERS/3/1042":             nil,
			strings.ToUpper(foundTrace): ofTrace,
		} {
			hops, more, err := s.FindHops(t.Context(), HopQuery{ID: id})
			if err != nil || more {
				t.Fatal(more, err)
			}
			if diff := cmp.Diff(want, hopLines(hops)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", parts, id, diff)
			}
		}
		s.expect("SELECT count(), countIf(offset IS NULL), countDistinct(partition), countIf(latency_us IS NULL), countIf(delay_us IS NULL) FROM traces", "7\t0\t2\t2\t4")
		s.expect("SELECT detail, kind FROM client_events ORDER BY kind", "7\texemplars_left_out\n\tstarted")
		s.query("OPTIMIZE TABLE trace_hops FINAL")
		s.query("OPTIMIZE TABLE client_event_log FINAL")
	}
	const ofRocketMQ = "AC11000100B818B4AAC24F1F7FE40000"
	s.writeDetails(telemetry.ReportDetail{Offset: 99, Labels: telemetry.Labels{System: "rocketmq", Cluster: "rmq", Topic: "payments", Op: "send"}, Exemplars: []telemetry.Exemplar{
		{TimeUnixMillis: foundAt.UnixMilli(), MessageID: ofRocketMQ, Step: telemetry.StepSent}}})
	for _, id := range []string{ofRocketMQ, strings.ToLower(ofRocketMQ)} {
		if hops, _, err := s.FindHops(t.Context(), HopQuery{ID: id}); err != nil || !slices.Equal(hopLines(hops), []string{"0s rmq payments  sent"}) {
			t.Errorf("%s: got %q, %v", id, hopLines(hops), err)
		}
	}
	hops, _, err := s.FindHops(t.Context(), HopQuery{ID: foundMessage, From: foundAt.Add(12 * time.Millisecond), To: foundAt.Add(45 * time.Millisecond)})
	if want := []string{ofTrace[0], ofTrace[2], ofTrace[3]}; err != nil || !slices.Equal(hopLines(hops), want) {
		t.Errorf("of a time: got %q, %v, want %q", hopLines(hops), err, want)
	}
	held, err := s.HopsHeld(t.Context(), HopQuery{}, "orders")
	if want := (HopsHeld{6, foundAt.Add(time.Millisecond), foundAt.Add(40 * time.Millisecond), 1000, 7}); err != nil || held != want {
		t.Errorf("held: got %+v, %v, want %+v", held, err, want)
	}
	if held, err = s.HopsHeld(t.Context(), HopQuery{}, "no topic"); err != nil || held != (HopsHeld{}) {
		t.Errorf("held of no topic: got %+v, %v, want nothing", held, err)
	}
}

// TestWhatBecameOfCommandsIsStored holds that each event of a client's control series is a row, once, by its kind.
func TestWhatBecameOfCommandsIsStored(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := telemetry.ReportDetail{Offset: 30, Labels: telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Op: "control", Group: "billing", Client: "billing-1"},
		TimeUnixMillis: foundAt.UnixMilli()}
	for i, kind := range []telemetry.EventKind{telemetry.EventApplied, telemetry.EventReverted, telemetry.EventRefused} {
		d.Events = append(d.Events, telemetry.Event{Kind: kind, TimeUnixMillis: foundAt.UnixMilli() + int64(i), Detail: fmt.Sprintf("pause-billing@%d: why", i+3)})
	}
	s.writeDetails(d)
	s.writeDetails(d)
	s.expect("SELECT kind, detail FROM client_events WHERE op = 'control' AND client = 'billing-1' AND consumer_group = 'billing' ORDER BY ts",
		"applied\tpause-billing@3: why\nreverted\tpause-billing@4: why\nrefused\tpause-billing@5: why")
}

// TestMessagesOfAnotherClusterLeaveRoom: ids of Kafka are the same in every cluster, and those of others must not push out what is
// looked for.
func TestMessagesOfAnotherClusterLeaveRoom(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.writeDetails(details()...)
	crowd := telemetry.ReportDetail{Offset: 20, Labels: details()[0].Labels}
	crowd.Labels.Cluster = "us-1"
	for range 2*MaxFoundHops + 1 {
		crowd.Exemplars = append(crowd.Exemplars, telemetry.Exemplar{TimeUnixMillis: foundAt.UnixMilli(), MessageID: foundMessage, Step: telemetry.StepSent})
	}
	s.writeDetails(crowd)
	hops, more, err := s.FindHops(t.Context(), HopQuery{ID: foundTrace})
	want := []string{"14ms eu-1 orders  sent", "9ms eu-1 orders billing received", "12ms eu-1 orders search received",
		"40ms eu-1 orders billing dead_lettered handler 3", "45ms eu-1 orders-dead  sent"}
	if diff := cmp.Diff(want, hopLines(hops)); diff != "" || more || err != nil {
		t.Errorf("more: %t, %v (-want +got):\n%s", more, err, diff)
	}
}

// TestTheEarliestMessagesOfATraceAreFollowed where it has more than are looked for, and that there are others is said.
func TestTheEarliestMessagesOfATraceAreFollowed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	sent, received := telemetry.ReportDetail{Offset: 20, Labels: details()[0].Labels}, telemetry.ReportDetail{Offset: 21, Labels: details()[1].Labels}
	for i := range 2 * maxFollowed {
		id := fmt.Sprint("orders/0/", i)
		sent.Exemplars = append(sent.Exemplars, telemetry.Exemplar{TimeUnixMillis: foundAt.UnixMilli() + int64(i), TraceID: foundTrace, MessageID: id, Step: telemetry.StepSent})
		received.Exemplars = append(received.Exemplars, telemetry.Exemplar{TimeUnixMillis: foundAt.UnixMilli() + int64(i), MessageID: id, Step: telemetry.StepReceived})
	}
	s.writeDetails(sent, received)
	hops, more, err := s.FindHops(t.Context(), HopQuery{ID: foundTrace})
	var last time.Time
	count := 0
	for _, hop := range hops {
		if hop.Step == telemetry.StepReceived.String() {
			count, last = count+1, hop.At
		}
	}
	if wanted := foundAt.Add((maxFollowed - 1) * time.Millisecond); count != maxFollowed || !last.Equal(wanted) || !more || err != nil {
		t.Errorf("got %d receipts until %s, more: %t, %v; want the first %d, until %s, and more", count, last, more, err, maxFollowed, wanted)
	}
}

// TestMoreMessagesThanAreShown are told of, also while each step is there twice.
func TestMoreMessagesThanAreShown(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.query("SYSTEM STOP MERGES trace_hops")
	of := telemetry.ReportDetail{Offset: 10, Labels: details()[0].Labels, TimeUnixMillis: foundAt.UnixMilli()}
	for i := range MaxFoundHops + 1 {
		of.Exemplars = append(of.Exemplars, telemetry.Exemplar{TimeUnixMillis: foundAt.UnixMilli() + int64(i), MessageID: foundMessage, Step: telemetry.StepSent})
	}
	for range 2 {
		s.writeDetails(of)
	}
	s.expect("SELECT count() FROM trace_hops", fmt.Sprint(2*len(of.Exemplars)))
	if held, err := s.HopsHeld(t.Context(), HopQuery{}, "orders"); err != nil || held.Steps != uint64(len(of.Exemplars)) {
		t.Errorf("held: got %+v, %v, want %d steps", held, err, len(of.Exemplars))
	}
	if hops, more, err := s.FindHops(t.Context(), HopQuery{ID: foundMessage}); len(hops) != MaxFoundHops || !more || err != nil {
		t.Errorf("got %d steps, more: %t, %v; want %d and more", len(hops), more, err, MaxFoundHops)
	}
}

func hopLines(hops []Hop) (lines []string) {
	for _, h := range hops {
		line := fmt.Sprint(h.At.Sub(foundAt), " ", h.Cluster, " ", h.Topic, " ", h.Group, " ", h.Step)
		if h.ErrorClass != "" {
			line += fmt.Sprint(" ", h.ErrorClass, " ", h.Attempt)
		}
		lines = append(lines, line)
	}
	return lines
}
