package grafana_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// tellTraces writes single messages: one of each topic in each pane, on its way from its sending to its handler. In the bad part payments
// are slow and some fail.
func (tell *teller) tellTraces(t *testing.T, s *clickhouse.Store) {
	t.Helper()
	source := telemetry.Source{TopicID: [16]byte{7}}
	record := telemetry.CellRecord{}
	record.Source = source
	offset := int64(0)
	add := func(labels telemetry.Labels, exemplars ...telemetry.Exemplar) {
		offset++
		record.Details = append(record.Details, telemetry.ReportDetail{Offset: offset, Labels: labels, Exemplars: exemplars, TimeUnixMillis: exemplars[0].TimeUnixMillis})
	}
	for at := tell.end.Add(-fleetLasts); at.Before(tell.end); at = at.Add(fleetPane) {
		for number, c := range fleetClusters {
			for topic := range fleetTopics {
				l := telemetry.Labels{Env: c.env, Cluster: c.name, System: c.system, Topic: topicOf(topic, number), Op: "send", Node: fmt.Sprintf("app-%d-0", number)}
				l.Client = l.Topic + "-send-0"
				sent := tell.message(at, c.system, l.Topic, topic)
				reader := l
				reader.Op, reader.Group, reader.Client = "consume", l.Topic+"-readers", l.Topic+"-consume-0"
				received, handled := sent, sent
				received.Step, received.DelayMicros, received.LatencyMicros = telemetry.StepReceived, 12_000, 0
				received.TimeUnixMillis += 12
				handled.Step, handled.LatencyMicros, handled.Attempt = telemetry.StepHandled, 3_000, 1
				handled.TimeUnixMillis += 15
				if topic == 1 && tell.trouble(at) && at.Unix()%60 == 0 {
					handled.ErrorClass, handled.Kept, handled.SampledOf = telemetry.ErrorClassHandler, telemetry.KeptError, 0
				}
				add(l, sent)
				add(reader, received, handled)
			}
		}
	}
	if err := s.WriteDetails(t.Context(), []telemetry.CellRecord{record}); err != nil {
		t.Fatal(err)
	}
}

// inspection is what was found on the day before.
func (tell *teller) inspection() *telemetry.Inspection {
	today := tell.end.Truncate(24 * time.Hour)
	finding := func(rule, severity, summary string, labels map[string]string) telemetry.Finding {
		labels["alertname"], labels["env"] = rule, "prod"
		return telemetry.Finding{Rule: rule, Severity: severity, ID: telemetry.Fingerprint(labels), Labels: labels, Completeness: 1,
			Annotations: map[string]string{"summary": summary}, WindowStart: today.AddDate(0, 0, -1), WindowEnd: today}
	}
	return &telemetry.Inspection{Day: today.AddDate(0, 0, -1), AskedAt: tell.end, Completeness: 1, Revision: "r1", Rules: 2, Findings: []telemetry.Finding{
		finding("IdleTopic", "info", "nobody has sent to audit-0 for a day", map[string]string{"cluster": "orders-kafka", "topic": "audit-0"}),
		finding("IdleGroup", "warning", "media-1-readers has had no member for a day", map[string]string{"cluster": "shop-rocketmq", "group": "media-1-readers"})}}
}

// message is one that was sent at a time: sampled, unless it was slow.
func (tell *teller) message(at time.Time, system, name string, topic int) telemetry.Exemplar {
	e := telemetry.Exemplar{TimeUnixMillis: at.UnixMilli(), TraceID: fmt.Sprintf("%024x%08x", at.Unix(), topic), MessageID: fmt.Sprintf("%s/%d/%d", name, topic, at.Unix()),
		LatencyMicros: 2_000, SizeBytes: 700, Kept: telemetry.KeptSampled, SampledOf: 1000, Step: telemetry.StepSent}
	if system == "rocketmq" {
		e.MessageID = fmt.Sprintf("0A000001%08X%08X%08X", 7, topic, at.Unix())
	}
	if topic == 1 && tell.trouble(at) {
		e.LatencyMicros, e.Kept, e.SampledOf = 1_200_000, telemetry.KeptSlow, 0
	}
	return e
}

// expectTraces follows one message by its id, one by its trace, and takes the ids as text.
func expectTraces(t *testing.T, engine proof.Engine, request datasource.Request) {
	d, err := grafana.Load("traces.json")
	if err != nil {
		t.Fatal(err)
	}
	way := func(name, value string) (steps []string) {
		for _, result := range prove(t, engine, d, request, proof.Choice{Values: map[string][]string{name: {value}}}, false) {
			if result.Panel.Title != "Steps in order" || result.Frame == nil {
				continue
			}
			for _, row := range result.Frame.Rows {
				steps = append(steps, fmt.Sprint(row[4]))
			}
		}
		return steps
	}
	bad := request.To.Truncate(fleetPane).Add(-fleetLasts * 45 / 100)
	for name, value := range map[string]string{
		"message_id": fmt.Sprintf("%s/%d/%d", topicOf(1, 0), 1, bad.Unix()),
		"trace_id":   fmt.Sprintf("%024X%08X", bad.Unix(), 1), // as some tools write it
	} {
		steps := way(name, value)
		want := []string{"sent", "received", "handled"}
		if name == "trace_id" { // all clusters have one
			want = []string{"sent", "sent", "sent", "received", "received", "received", "handled", "handled", "handled"}
		}
		if fmt.Sprint(steps) != fmt.Sprint(want) {
			t.Errorf("%s %s: got the steps %v, want %v", name, value, steps, want)
		}
	}
	if steps := way("message_id", "o'brien\\"); len(steps) != 0 {
		t.Errorf("an id that nothing has: got %v", steps)
	}
}
