package pipeline

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// alertsRead is one partition of weir.alerts, and what the role control makes of it.
type alertsRead struct {
	t      *testing.T
	of     *ruleAlerts
	under  claim
	offset int64
	now    time.Time
}

func readAlerts(t *testing.T, history int64) *alertsRead {
	return &alertsRead{t: t, under: claim{1, "one"}, now: rulesBegan,
		of: &ruleAlerts{partitions: map[int32]*rulePartitionLog{0: {end: history}}, firing: map[string]ruleAlert{}}}
}

// put has a record read, and says whether that changes what fires.
func (a *alertsRead) put(record *kgo.Record, err error) bool {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
	record.Offset, record.Timestamp = a.offset, a.now
	record.Headers = append(record.Headers, a.under.header(string(record.Key)))
	a.offset++
	changed, err := a.of.take(record, a.now.Add(time.Hour)) // it is read an hour later
	if err != nil {
		a.t.Fatal(err)
	}
	return changed
}

func (a *alertsRead) alert(topic string, state telemetry.AlertState) bool {
	a.t.Helper()
	alert := alertOf("Surge", map[string]string{"alertname": "Surge", "topic": topic})
	alert.State = state
	alert.Proposals = []telemetry.Proposal{{LastsSeconds: 60, Command: []byte(`{"scope":{"topic":"` + topic + `"},"pause":{}}`)}}
	return a.put(alertRecord(alert))
}

func (a *alertsRead) progress(until time.Duration) {
	a.t.Helper()
	a.put(progressRecord(rules.Progress{EvaluatedUntil: rulesBegan.Add(until)}))
}

// fires are the topics whose alerts fire.
func (a *alertsRead) fires() int { return len(a.of.list()) }

// TestAlertsThatFireAreKnownOnceAllIsRead: what fires may have resolved further on, and nothing is decided before that is known.
func TestAlertsThatFireAreKnownOnceAllIsRead(t *testing.T) {
	t.Parallel()
	a := readAlerts(t, 4)
	a.alert("orders", telemetry.AlertFiring)
	a.alert("bills", telemetry.AlertFiring)
	a.alert("orders", telemetry.AlertResolved)
	if a.of.whole() {
		t.Error("all is read, and one record is not")
	}
	a.alert("bills", telemetry.AlertFiring)
	if !a.of.whole() || a.fires() != 1 {
		t.Errorf("whole %t, and %d alerts fire", a.of.whole(), a.fires())
	}
	if changed := a.alert("bills", telemetry.AlertPending); !changed || a.fires() != 0 {
		t.Errorf("a pending alert is asked for: changed %t, %d fire", changed, a.fires())
	}
	a.alert("media", telemetry.AlertFiring)
	if a.alert("media", telemetry.AlertInactive); a.fires() != 0 {
		t.Error("an alert that was forgotten fires")
	}
}

// TestAllIsReadBehindATransaction: alerts that a mirror wrote are known, though the end of its transaction is no record of an alert.
func TestAllIsReadBehindATransaction(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	mirror := newSender(t, &config, kgo.TransactionalID("mirror"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	makeTopic(t, kadm.NewClient(mirror.client), telemetry.TopicAlerts, 1)
	alert := alertOf("Surge", map[string]string{"alertname": "Surge", "topic": "orders"})
	alert.State, alert.Proposals = telemetry.AlertFiring, []telemetry.Proposal{{LastsSeconds: 60, Command: []byte(`{"scope":{"topic":"orders"},"pause":{}}`)}}
	record, err := alertRecord(alert)
	if err == nil {
		err = mirror.client.BeginTransaction()
	}
	if err != nil {
		t.Fatal(err)
	}
	record.Topic = telemetry.TopicAlerts
	record.Headers = append(record.Headers, claim{1, "one"}.header(string(record.Key)))
	mirror.send(record)
	if err := mirror.client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	alerts, err := openRuleAlerts(t.Context(), config.Kafka, func(_ *kgo.Record, err error) { t.Errorf("skipped a record: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	defer alerts.close()
	await(t, "all is read", func() bool {
		_, err := alerts.poll(t.Context(), 100*time.Millisecond)
		return err == nil && alerts.whole()
	})
	if fires := len(alerts.list()); fires != 1 {
		t.Errorf("%d alerts fire, want 1", fires)
	}
}

// TestWhoLostThePartitionIsNotHeeded: neither that an alert fires, nor that somebody evaluates it.
func TestWhoLostThePartitionIsNotHeeded(t *testing.T) {
	t.Parallel()
	a := readAlerts(t, 0)
	a.under = claim{2, "two"}
	a.alert("orders", telemetry.AlertFiring)
	a.progress(time.Second)
	heard := a.of.list()[0].heard
	a.under, a.now = claim{1, "one"}, a.now.Add(time.Minute)
	a.alert("bills", telemetry.AlertFiring)
	a.alert("orders", telemetry.AlertResolved)
	a.progress(time.Hour)
	if list := a.of.list(); len(list) != 1 || list[0].Labels["topic"] != "orders" || !list[0].heard.Equal(heard) {
		t.Errorf("after stale records %+v", list)
	}
	a.under = claim{2, "two"}
	ahead := alertOf("Surge", map[string]string{"topic": "later"})
	ahead.ExpiresAt = a.now.Add(time.Hour)
	if changed := a.put(alertRecord(ahead)); changed || a.fires() != 1 {
		t.Error("what is told ahead of an alert is asked for")
	}
}

// TestAnAlertIsHeardOfAsLongAsItsRulesAreEvaluated: its own record need not come again for that. Of what stood there before, the time of the record counts.
func TestAnAlertIsHeardOfAsLongAsItsRulesAreEvaluated(t *testing.T) {
	t.Parallel()
	a := readAlerts(t, 2)
	a.alert("orders", telemetry.AlertFiring)
	if heard := a.of.list()[0].heard; !heard.IsZero() {
		t.Errorf("it is heard of at %s, and nothing was evaluated", heard)
	}
	a.progress(time.Second)
	if heard := a.of.list()[0].heard; !heard.Equal(rulesBegan) {
		t.Errorf("it was last heard of at %s, want when the record was written", heard)
	}
	a.now = a.now.Add(time.Minute)
	a.progress(time.Second) // says nothing new: a claim, for example
	if heard := a.of.list()[0].heard; !heard.Equal(rulesBegan) {
		t.Errorf("it was last heard of at %s, and nothing was evaluated since", heard)
	}
	a.progress(2 * time.Second)
	if heard := a.of.list()[0].heard; !heard.Equal(rulesBegan.Add(time.Hour + time.Minute)) {
		t.Errorf("it was last heard of at %s, want when that was read", heard)
	}
}

// TestOtherAlertsAreNotHeld: those whose rules propose nothing.
func TestOtherAlertsAreNotHeld(t *testing.T) {
	t.Parallel()
	a := readAlerts(t, 0)
	alert := alertOf("Slow", map[string]string{"alertname": "Slow", "topic": "orders"})
	if changed := a.put(alertRecord(alert)); changed || a.fires() != 0 {
		t.Errorf("changed %t, %d fire", changed, a.fires())
	}
}
