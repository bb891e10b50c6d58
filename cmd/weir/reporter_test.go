package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// reporter writes reports straight to weir.telemetry, as clients of many kinds do,
// and counts what the broker acknowledged.
type reporter struct {
	t      *testing.T
	topic  string // the business topic that its reports are about
	client *kgo.Client

	mu       sync.Mutex
	totals   reported
	made     time.Time // when the newest report was made
	onTime   time.Time // when the newest one was that came in time
	silences int       // how often nothing was reported for the window of a rule
}

// What reports must keep to be seen by the rules of a house in each of their windows.
const (
	houseWindow   = 3 * time.Second // of largeMessageRule
	houseLateness = 2 * time.Second
)

type reported struct{ reports, messages, bytes uint64 }

func (s *reported) add(report *telemetry.Report) {
	s.reports++
	s.messages += report.Messages
	s.bytes += report.Bytes
}

func newReporter(t *testing.T, brokers []string, topic string) *reporter {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(telemetry.TopicTelemetry),
		kgo.ProducerBatchMaxBytes(16<<20), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &reporter{t: t, topic: topic, client: client}
}

func (r *reporter) sent() reported {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.totals
}

// recount takes for sent what the topic holds. That is all that was acknowledged; a report may be there twice where the embedded broker was killed before
// it acknowledged: it has forgotten then what it stored, and stores what is sent again.
func (r *reporter) recount(brokers []string) {
	r.t.Helper()
	acknowledged, once, held := r.sent(), reported{}, reported{}
	seen, decoder := map[string]bool{}, ingest.NewDecoder(ingest.DefaultLimits())
	for _, record := range wholeTopic(r.t, brokers, telemetry.TopicTelemetry) {
		report, err := decoder.Decode(record.Value, record.Timestamp.UnixMilli())
		if err != nil || report.Labels.Topic != r.topic {
			continue
		}
		held.add(report)
		if !seen[string(record.Value)] {
			once.add(report)
		}
		seen[string(record.Value)] = true
	}
	if once != acknowledged {
		r.t.Errorf("the topic holds %+v, and %+v were acknowledged", once, acknowledged)
	}
	r.t.Logf("the topic holds %d reports twice", held.reports-once.reports)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.totals = held
}

// wholeTopic reads a topic from its beginning to where it ends now.
func wholeTopic(t *testing.T, brokers []string, topic string) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	wanted := int64(0)
	ends.Each(func(end kadm.ListedOffset) { wanted += end.Offset })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for int64(len(records)) < wanted {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v, after %d of %d records", topic, err, len(records), wanted)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// silent is how often a window may have been without any report.
func (r *reporter) silent() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silences
}

// Clients that a reporter stands for; enough for every partition to have some.
const reportedClients = 16

// report is a valid one, of 100 messages of so many bytes each.
func (r *reporter) report(client int, messageBytes uint64) *telemetry.Report {
	const messages = 100
	report := &telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: time.Now().UnixMilli(), LengthMillis: 1000,
		Messages: messages, Bytes: messages * messageBytes,
		Labels: telemetry.Labels{Env: "test", Cluster: "test", System: "kafka", Topic: r.topic, Op: "send", Client: fmt.Sprint("client-", client)}}
	for range messages {
		report.SizeBytes.Observe(messageBytes)
	}
	return report
}

// record encodes a report under its client's key.
func (r *reporter) record(report *telemetry.Report) *kgo.Record {
	r.t.Helper()
	value, err := telemetry.MarshalReport(report)
	if err != nil {
		r.t.Fatal(err)
	}
	return &kgo.Record{Key: []byte(report.Labels.Client), Value: value}
}

// write writes reports and waits for the broker.
func (r *reporter) write(ctx context.Context, reports ...*telemetry.Report) error {
	var records []*kgo.Record
	for _, report := range reports {
		records = append(records, r.record(report))
	}
	made := time.Now()
	if err := r.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	late := time.Since(made) >= houseLateness // its pane may be closed, or not
	if passed(r.made, made) || !late && passed(r.onTime, made) {
		r.silences++
	}
	r.made = made
	if !late {
		r.onTime = made
	}
	for _, report := range reports {
		r.totals.add(report)
	}
	return nil
}

// passed says that the window of a rule may lie between two reports.
func passed(before, made time.Time) bool { return !before.IsZero() && made.Sub(before) >= houseWindow }

// send writes one report of every client, of messages of so many bytes.
func (r *reporter) send(messageBytes uint64) {
	r.t.Helper()
	var reports []*telemetry.Report
	for client := range reportedClients {
		reports = append(reports, r.report(client, messageBytes))
	}
	if err := r.write(r.t.Context(), reports...); err != nil {
		r.t.Fatal(err)
	}
}

// reportPause is how often a flow reports.
const reportPause = 100 * time.Millisecond

// flow reports messages of so many bytes steadily until stopped, whatever happens to
// the broker.
func (r *reporter) flow(messageBytes uint64) (stop func()) {
	r.t.Helper()
	ended, done := make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(reportPause)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				done <- nil
				return
			case <-ticker.C:
			}
			var reports []*telemetry.Report
			for client := range reportedClients {
				reports = append(reports, r.report(client, messageBytes))
			}
			if err := r.write(context.WithoutCancel(r.t.Context()), reports...); err != nil {
				done <- err
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(ended)
		if err := <-done; err != nil {
			r.t.Errorf("report: %v", err)
		}
	})
}
