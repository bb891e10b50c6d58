package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// jsonReport is what a client without an SDK may write.
const jsonReport = `{"schema":1,"labels":{"topic":"orders","op":"send","client":"curl","cluster":"test"},
	"start_unix_ms":%d,"length_ms":1000,"messages":"7","bytes":"1400"}`

// maxKeptBytes of a refused record are kept: as many as weir.telemetry takes, but for
// what compresses well.
const maxKeptBytes = 2 << 20

// badRecord is one that must be refused, and why.
type badRecord struct {
	name, reason string
	value        []byte
}

// badRecords are wrong in one way each.
func (r *reporter) badRecords() []badRecord {
	changed := func(change func(*telemetry.Report)) []byte {
		report := r.report(0, smallBytes)
		change(report)
		return r.record(report).Value
	}
	// Just within the topic's max.message.bytes, which is 2 MiB with the batch's head, key and so on.
	largest := make([]byte, maxKeptBytes-100)
	_, _ = rand.Read(largest) // never fails, by its documentation; nothing makes it smaller
	return []badRecord{
		{"garbage", "undecodable", []byte("\xff\xfe\x00 no report at all \x80")},
		{"no value", "undecodable", nil},
		{"broken JSON", "undecodable", []byte(`{"schema":1,"labels":`)},
		{"a report cut short", "undecodable", changed(func(*telemetry.Report) {})[:40]},
		{"NaN gauge", "value", changed(func(r *telemetry.Report) { r.Gauges = []telemetry.Gauge{{Name: "lag", Value: math.NaN()}} })},
		{"huge counter", "value", changed(func(r *telemetry.Report) { r.Messages = math.MaxUint64 })},
		{"1970", "time", changed(func(r *telemetry.Report) { r.StartUnixMillis = 1 })},
		{"2099", "time", changed(func(r *telemetry.Report) { r.StartUnixMillis = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() })},
		{"no length", "time", changed(func(r *telemetry.Report) { r.LengthMillis = 0 })},
		{"another schema", "schema", changed(func(r *telemetry.Report) { r.Schema = 2 })},
		{"unknown op", "labels", changed(func(r *telemetry.Report) { r.Labels.Op = "dance" })},
		{"10,000 labels", "labels", changed(func(r *telemetry.Report) {
			for i := range 10_000 {
				r.Labels.Extra = append(r.Labels.Extra, telemetry.Label{Name: fmt.Sprintf("name-%05d", i), Value: "v"})
			}
		})},
		{"a label of 1 KiB", "labels", changed(func(r *telemetry.Report) { r.Labels.Topic = strings.Repeat("x", 1<<10) })},
		{"unequal histogram", "histogram", changed(func(r *telemetry.Report) { r.SizeBytes.Indexes = []int32{5, 4}; r.SizeBytes.Counts = []uint64{1, 1} })},
		{"2 MiB", "oversized", largest},
		{"8 MiB that compress to little", "oversized", make([]byte, 8<<20)},
	}
}

// TestBadInputIsSetAside writes every kind of bad record among good ones: each is in
// weir.deadletter with its reason, place and bytes, and the good ones are stored
// exactly by stages that never stopped.
func TestBadInputIsSetAside(t *testing.T) {
	t.Parallel()
	h := fullHouse(t, embeddedBroker(t), largeMessageRule)
	weir := h.startWeir()
	r := newReporter(t, h.brokers, "orders")
	bad := r.badRecords()
	placed := map[string]*kgo.Record{}
	for _, b := range bad {
		r.send(smallBytes)
		placed[b.name] = &kgo.Record{Key: []byte(b.name), Value: b.value}
		if err := r.client.ProduceSync(t.Context(), placed[b.name]).FirstErr(); err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
	}
	r.send(smallBytes)
	if err := r.client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf(jsonReport, time.Now().UnixMilli()))).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.totals.reports, r.totals.messages, r.totals.bytes = r.totals.reports+1, r.totals.messages+7, r.totals.bytes+1400

	expectDeadLetters(t, h, bad, placed)
	h.awaitTotals(r, len(bad))
	byReason := map[string]float64{}
	for _, b := range bad {
		byReason[b.reason]++
	}
	for reason, want := range byReason {
		if got := weir.metric(fmt.Sprintf(`weir_refused_records_total{stage="aggregate",reason=%q}`, reason)); got != want {
			t.Errorf("/metrics counts %g records refused for %s, want %g", got, reason, want)
		}
	}
	for _, role := range pipeline.AllRoles {
		if stage := weir.stage(role); stage.Restarts != 0 || stage.State != "running" {
			t.Errorf("stage %s did not go on: %+v", role, stage)
		}
	}
}

// TestWhatTheStoreCannotReadIsSetAside writes garbage among cells and alerts: each is in
// weir.deadletter with its reason, place and bytes, and the good ones are stored.
func TestWhatTheStoreCannotReadIsSetAside(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	h.startClickHouse()
	weir := h.startWeir("--roles", "aggregate,clickhouse")
	r := newReporter(t, h.brokers, "orders")
	r.send(smallBytes)
	cells := &kgo.Record{Topic: telemetry.TopicCells, Key: []byte("cells"), Value: []byte("\xff\xfe\x00 no cells at all \x80")}
	alert := &kgo.Record{Topic: telemetry.TopicAlerts, Key: []byte("alert"), Value: []byte(`{"id":`)}
	bad, placed := []badRecord{}, map[string]*kgo.Record{}
	for _, record := range []*kgo.Record{cells, alert} {
		if err := r.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		bad = append(bad, badRecord{string(record.Key), "undecodable", record.Value})
		placed[string(record.Key)] = record
	}
	r.send(smallBytes)
	expectDeadLetters(t, h, bad, placed)
	h.awaitTotals(r, 0)
	if stage := weir.stage(pipeline.RoleClickHouse); stage.Restarts != 0 || stage.State != "running" {
		t.Errorf("the stage did not go on: %+v", stage)
	}
}

// expectDeadLetters compares the dead letters to the bad records, each of which was
// written under its name as key.
func expectDeadLetters(t *testing.T, h *house, bad []badRecord, placed map[string]*kgo.Record) {
	t.Helper()
	letters := readTopic(t, h.brokers, telemetry.TopicDeadLetter, len(bad))
	for _, b := range bad {
		topic := placed[b.name].Topic
		letter, source := letters[b.name], telemetry.Source{TopicID: topicID(t, h.brokers, topic), Partition: placed[b.name].Partition}
		if letter == nil {
			t.Errorf("%s: there is no dead letter", b.name)
			continue
		}
		headers := map[string]string{}
		for _, header := range letter.Headers {
			headers[header.Key] = string(header.Value)
		}
		if headers["weir-reason"] != b.reason || headers["weir-source"] != source.String() || headers["weir-topic"] != topic ||
			headers["weir-offset"] != fmt.Sprint(placed[b.name].Offset) || !strings.HasPrefix(headers["weir-detail"], b.reason+": ") {
			t.Errorf("%s: got headers %v, want reason %s at %s offset %d", b.name, headers, b.reason, source, placed[b.name].Offset)
		}
		kept := b.value[:min(len(b.value), maxKeptBytes)]
		if !bytes.Equal(letter.Value, kept) || headers["weir-bytes"] != fmt.Sprint(len(b.value)) {
			t.Errorf("%s: the dead letter holds %d bytes and says that there were %s, want %d of %d",
				b.name, len(letter.Value), headers["weir-bytes"], len(kept), len(b.value))
		}
	}
}

// readTopic reads so many records of a topic, by key.
func readTopic(t *testing.T, brokers []string, topic string, count int) map[string]*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	records := map[string]*kgo.Record{}
	for n := 0; n < count && ctx.Err() == nil; {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			records[string(r.Key)] = r
			n++
		})
	}
	return records
}

func topicID(t *testing.T, brokers []string, topic string) kadm.TopicID {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	details, err := kadm.NewClient(client).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return details[topic].ID
}
