package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/pipeline"
	sdkkafka "github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// oneTrace is the trace of the message that is looked for, as its header has it.
const oneTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// oneMessage sends a message, whose every step is kept, to two groups: one handles it, the other fails twice and gives it up. It
// returns the message's id.
func oneMessage(t *testing.T, brokers []string) (id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopLimit)
	defer cancel()
	open := func(name string, options ...kgo.Opt) (*sdkkafka.Hooks, *kgo.Client, func()) {
		reporter, err := report.Open(report.Config{TelemetryBrokers: brokers, Cluster: "test", Env: "test", Client: name, Node: "node-1", SampleOneIn: 1, SlowAfter: -1})
		if err != nil {
			t.Fatal(err)
		}
		hooks := sdkkafka.NewHooks(reporter)
		client, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers...), kgo.WithHooks(hooks))...)
		if err != nil {
			t.Fatal(err)
		}
		return hooks, client, func() {
			client.Close()
			if err := reporter.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	_, producer, closed := open("invoicing-1")
	if _, err := kadm.NewClient(producer).CreateTopic(ctx, 2, 1, nil, "invoices"); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: "invoices", Value: []byte("one"),
		Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-" + oneTrace + "-00f067aa0ba902b7-01")}}}
	if err := producer.ProduceSync(ctx, record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	closed()
	for group, attempts := range map[string]int{"billing": 3, "search": 1} {
		hooks, consumer, closed := open(group+"-1", kgo.ConsumerGroup(group), kgo.ConsumeTopics("invoices"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		fetches := consumer.PollFetches(ctx)
		if fetches.NumRecords() != 1 {
			t.Fatalf("%s: got %d messages, %v, want one", group, fetches.NumRecords(), fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			for attempt := 1; attempt <= attempts; attempt++ {
				switch handling := hooks.TimeHandler(r).Attempt(attempt); {
				case attempts == 1:
					handling.Done(nil)
				case attempt < attempts:
					handling.Done(errors.New("no money"))
				default:
					handling.GiveUp(errors.New("still no money"))
				}
			}
		})
		closed()
	}
	return fmt.Sprintf("invoices/%d/%d", record.Partition, record.Offset)
}

// ofRocketMQ is a msgId, as clients of RocketMQ report it.
const ofRocketMQ = "AC11000100B818B4AAC24F1F7FE40001"

// oneOfRocketMQ reports a message of RocketMQ that was sent and received.
func oneOfRocketMQ(t *testing.T, brokers []string) {
	t.Helper()
	r := newReporter(t, brokers, "payments")
	sent, received := r.report(1, smallBytes), r.report(2, smallBytes)
	received.Labels.Op, received.Labels.Group = "consume", "ledger"
	for report, step := range map[*telemetry.Report]telemetry.Step{sent: telemetry.StepSent, received: telemetry.StepReceived} {
		report.Labels.System = "rocketmq"
		report.Exemplars = []telemetry.Exemplar{{TimeUnixMillis: report.StartUnixMillis + int64(step), MessageID: ofRocketMQ, SizeBytes: smallBytes, Kept: telemetry.KeptSampled, Step: step, SampledOf: 1}}
	}
	if err := r.write(t.Context(), sent, received); err != nil {
		t.Fatal(err)
	}
}

// awaitFoundOfRocketMQ holds that weir find shows it by its msgId, as people copy it, too, and tells an id of a broker's apart.
func (h *house) awaitFoundOfRocketMQ(running *process) {
	h.t.Helper()
	config, _ := h.writeConfig()
	for _, question := range [][]string{{"find", ofRocketMQ, "--config", config}, {"find", strings.ToLower(ofRocketMQ), "--url", running.url}} {
		var last ended
		eventually(h.t, func() bool {
			last = call(h.t, h.dir, question...)
			return last.code == 0 && hasStep(last.stdout, "sent sampled") && hasStep(last.stdout, "ledger received sampled")
		}, func() string {
			return fmt.Sprintf("weir %v: %d\n%s%s%s", question, last.code, last.stdout, last.stderr, h.state())
		})
	}
	code, body := running.get("/api/v1/find?id=" + ofRocketMQ)
	var found pipeline.Found
	if err := json.Unmarshal([]byte(body), &found); code != http.StatusOK || err != nil || len(found.Hops) != 2 || found.Hops[0].System != "rocketmq" || found.Hops[1].Group != "ledger" {
		h.t.Errorf("of %s the API answers %d, %v: %s", ofRocketMQ, code, err, body)
	}
	const ofABroker = "0A01040700007890000000000A2B6C0D"
	if got := call(h.t, h.dir, "find", ofABroker, "--config", config); got.code != exitFaults || !strings.Contains(got.stdout, "It looks like the offsetMsgId that broker 10.1.4.7:30864 gave") {
		h.t.Errorf("of an id that a broker gave: %+v", got)
	}
}

// awaitFound holds that weir find shows every step of the one message, by its id and by its trace, from the store and from a running
// weir, and that it says what it searched where there is none.
func (h *house) awaitFound(running *process, id string) {
	h.t.Helper()
	config, _ := h.writeConfig()
	want := []string{"sent sampled", "billing received sampled", "billing handled failed: handler, attempt 1 error", "billing handled failed: handler, attempt 2 error",
		"billing dead lettered failed: handler, attempt 3 error", "search received sampled", "search handled attempt 1 sampled"}
	asKafkaSays := strings.ReplaceAll(id, "/", "-")
	for _, question := range [][]string{{"find", id, "--config", config}, {"find", asKafkaSays, "--config", config}, {"find", oneTrace, "--url", running.url}, {"find", oneTrace, "--config", config, "--from", "1h"}} {
		var last ended
		eventually(h.t, func() bool {
			last = call(h.t, h.dir, question...)
			return last.code == 0 && len(regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d `).FindAllString(last.stdout, -1)) == len(want)
		}, func() string {
			return fmt.Sprintf("weir %v: %d\n%s%s%s", question, last.code, last.stdout, last.stderr, h.state())
		})
		for _, step := range want {
			if !hasStep(last.stdout, step) {
				h.t.Errorf("weir %v does not show %q:\n%s", question, step, last.stdout)
			}
		}
	}
	for _, asked := range []string{id, asKafkaSays, "00-" + oneTrace + "-00f067aa0ba902b7-01"} {
		code, body := running.get("/api/v1/find?id=" + url.QueryEscape(asked))
		var found pipeline.Found
		if err := json.Unmarshal([]byte(body), &found); code != http.StatusOK || err != nil || len(found.Hops) != len(want) || found.Hops[0].TraceID != oneTrace {
			h.t.Errorf("of %s the API answers %d, %v: %s", asked, code, err, body)
		}
	}
	if got := call(h.t, h.dir, "find", "invoices/0/4711", "--config", config); got.code != exitFaults || !strings.Contains(got.stdout, " steps of messages of the topic invoices, in all the time") ||
		!strings.Contains(got.stdout, "By its id it is the one message in 1 whose every step is kept") {
		h.t.Errorf("of a message that nobody met: %+v", got)
	}
	if got := call(h.t, h.dir, "find", "nowhere/0/1", "--config", config, "--from", "1h"); got.code != exitFaults || !strings.Contains(got.stdout, "No step of any message of the topic nowhere is stored from ") {
		h.t.Errorf("of a topic that nobody met: %+v", got)
	}
	if code, body := running.get("/api/v1/find?id="); code != http.StatusBadRequest || !strings.Contains(body, "want 1 to 256") {
		h.t.Errorf("without an id the API answers %d: %s", code, body)
	}
	h.await("SELECT arraySort(groupUniqArray(kind)) FROM client_events WHERE client = 'billing-1'", "['started','stopped']")
}

// hasStep says that a line of the table has a step: times, places and sizes aside.
func hasStep(table, step string) bool {
	words := strings.Fields(step)
	for i, word := range words {
		words[i] = regexp.QuoteMeta(word)
	}
	return regexp.MustCompile(`(?m)^.*` + strings.Join(words, `.*?`)).MatchString(reordered(table))
}

// reordered puts the group of each line before its step.
func reordered(table string) string {
	var out []string
	for line := range strings.Lines(table) {
		if cells := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1); len(cells) == 9 {
			line = strings.Join([]string{cells[4], cells[2], cells[7], cells[8]}, " ")
		}
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "\n")
}
