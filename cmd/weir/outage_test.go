package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// refuses says that a stage lives with a part that nobody listens for.
func refuses(stage pipeline.StageStatus) bool {
	return stage.State == "running" && strings.Contains(stage.Error, "connection refused")
}

func fine(stage pipeline.StageStatus) bool { return stage.State == "running" && stage.Error == "" }

// TestClickHouseAway starts without ClickHouse, and kills it in mid-flow: storage
// waits and says so, alerts fire all the same, and in the end every row is there once.
func TestClickHouseAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	h.startAlertmanager()
	weir := h.startWeir()
	weir.awaitStage(pipeline.RoleClickHouse, "an error that names ClickHouse's address", refuses)
	weir.expectPageSays(h.clickhouseAddr, "connection refused")
	if got := weir.metric(`weir_errors_total{stage="clickhouse",kind="write"}`); got == 0 {
		t.Error("/metrics counts no failed write")
	}

	orders, media := newReporter(t, h.brokers, "orders"), newReporter(t, h.brokers, "media")
	stop := orders.flow(smallBytes)
	defer stop()
	orders.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")

	engine := h.startClickHouse()
	weir.awaitStage(pipeline.RoleClickHouse, "no error any more", fine)
	h.await("SELECT count() > 0 FROM rollup_10s", "1")

	engine.Kill()
	weir.awaitStage(pipeline.RoleClickHouse, "an error that names ClickHouse's address", refuses)
	media.send(largeBytes)
	h.awaitFiring("LargeMessage", "media")
	h.awaitResolved("LargeMessage", "orders")

	h.startClickHouse()
	stop()
	h.awaitTotals(orders, 0)
	h.awaitTotals(media, 0)
	h.await("SELECT labels['topic'], groupUniqArray(state) = ['firing', 'resolved'] OR length(groupUniqArray(state)) = 2 FROM alerts GROUP BY 1 ORDER BY 1", "media\t1\norders\t1")
	expectHistory(t, h, weir)
	for _, role := range pipeline.AllRoles {
		if stage := weir.stage(role); !fine(stage) || stage.Restarts != 0 {
			t.Errorf("stage %s is %+v, want it running, without an error or a restart", role, stage)
		}
	}
}

// TestClickHouseHangs stops the engine's process without ending it: nobody waits for
// its answer where weir itself is to stop.
func TestClickHouseHangs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	engine := h.startClickHouse()
	weir := h.startWeir("--roles", "aggregate,clickhouse")
	orders := newReporter(t, h.brokers, "orders")
	stop := orders.flow(smallBytes)
	defer stop()
	h.await("SELECT count() > 0 FROM rollup_10s", "1")
	sendSignal(t, engine, syscall.SIGSTOP)
	stop()
	weir.awaitStage(pipeline.RoleClickHouse, "some lag", func(s pipeline.StageStatus) bool { return s.LagRecords > 0 })
	weir.stopInOrder()
	sendSignal(t, engine, syscall.SIGCONT)
	h.startWeir("--roles", "aggregate,clickhouse")
	h.awaitTotals(orders, 0)
}

// storeQuery is the query for the transitions of an alert that its page shows.
var storeQuery = regexp.MustCompile(`(?s)<pre>(SELECT at, .*?)</pre>`)

// expectHistory asks the store what the pages of an alert say: where the process has it,
// and where it has never heard of it.
func expectHistory(t *testing.T, h *house, weir *process) {
	t.Helper()
	id, err := h.query("SELECT any(fingerprint) FROM alerts")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := h.startWeir("--roles", "aggregate")
	for p, code := range map[*process]int{weir: http.StatusOK, elsewhere: http.StatusNotFound} {
		got, page := p.get("/alerts/" + id)
		match := storeQuery.FindStringSubmatch(page)
		if got != code || match == nil {
			t.Fatalf("/alerts/%s answers %d, want %d and a query:\n%s", id, got, code, page)
		}
		if rows, err := h.query(html.UnescapeString(match[1])); err != nil || !strings.Contains(rows, "\tfiring\tLargeMessage\t") {
			t.Errorf("%s\nanswers %s, %v; want the alert's transitions", match[1], rows, err)
		}
	}
}

func sendSignal(t *testing.T, c *child.Child, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(c.PID(), s); err != nil {
		t.Fatal(err)
	}
}

// expectPageSays looks for texts in the status page.
func (p *process) expectPageSays(texts ...string) {
	p.t.Helper()
	_, page := p.get("/")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			p.t.Errorf("the status page does not say %q:\n%s", text, page)
		}
	}
}

// TestAlertmanagerAway starts without Alertmanager: rows are stored, the alert is
// kept, and told once Alertmanager is there.
func TestAlertmanagerAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	h.startClickHouse()
	weir := h.startWeir()
	orders := newReporter(t, h.brokers, "orders")
	orders.send(largeBytes)
	eventually(t, func() bool { return weir.alertState("LargeMessage") == "firing" }, func() string { return "LargeMessage is not firing" })
	stop := orders.flow(smallBytes)
	weir.awaitStage(pipeline.RoleAlertmanager, "an error that names Alertmanager's address", refuses)
	weir.expectPageSays(h.alertmanagerAddr, "connection refused")
	if got := weir.metric(`weir_errors_total{stage="alertmanager",kind="post"}`); got == 0 {
		t.Error("/metrics counts no failed post")
	}
	stop()
	h.awaitTotals(orders, 0)

	stop = orders.flow(largeBytes) // fires for as long as Alertmanager takes to start and to be tried again
	defer stop()
	eventually(t, func() bool { return weir.alertState("LargeMessage") == "firing" }, func() string { return "LargeMessage is not firing again" })
	h.startAlertmanager()
	h.awaitFiring("LargeMessage", "orders")
	stop()
	h.awaitResolved("LargeMessage", "orders")
	weir.awaitStage(pipeline.RoleAlertmanager, "no error any more", fine)
	h.awaitTotals(orders, 0)
}

// alertOf is the first alert of a rule that the process shows, the zero one where it has none.
func (p *process) alertOf(rule string) telemetry.Alert {
	_, body := p.get("/api/v1/alerts")
	var shown struct {
		Alerts []telemetry.Alert `json:"alerts"`
	}
	if err := json.Unmarshal([]byte(body), &shown); err != nil {
		return telemetry.Alert{} // it does not answer yet
	}
	for _, alert := range shown.Alerts {
		if alert.Rule == rule {
			return alert
		}
	}
	return telemetry.Alert{}
}

// alertState is where the process says that an alert stands, "" where it has none.
func (p *process) alertState(rule string) string { return string(p.alertOf(rule).State) }

// TestKafkaAway starts before its broker, then restarts the broker in mid-flow, in
// order and by SIGKILL: everything goes on, and totals are exactly those of what the topic holds.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	h := fullHouse(t, []string{addr}, largeMessageRule)
	weir := h.launchWeir()
	eventually(t, func() bool { return strings.Contains(strings.Join(weir.status().Kafka.Errors, " "), addr) },
		func() string { return fmt.Sprintf("the status does not say that Kafka is away: %+v", weir.status()) })
	if code, _ := weir.get("/-/ready"); code != http.StatusServiceUnavailable {
		t.Errorf("/-/ready answers %d, want 503", code)
	}
	weir.expectPageSays("not ready", "Kafka cannot be reached: connect to "+addr)
	if got := weir.metric("weir_kafka_connect_failures_total"); got == 0 {
		t.Error("/metrics counts no failed connection")
	}

	h.launchWeir().stopInOrder() // waits for no broker

	broker := h.startBroker(addr)
	weir.awaitReady()
	orders := newReporter(t, h.brokers, "orders")
	stop := orders.flow(smallBytes)
	defer stop()
	h.await("SELECT count() > 0 FROM rollup_10s", "1")
	for _, end := range []func(*child.Child){func(c *child.Child) { (&process{Child: c, t: t}).stopInOrder() }, (*child.Child).Kill} {
		end(broker)
		before := orders.sent()
		eventually(t, func() bool { return len(weir.status().Kafka.Errors) > 0 }, func() string { return "the status does not say that Kafka is away" })
		broker = h.startBroker(addr)
		eventually(t, func() bool { return orders.sent() != before && len(weir.status().Kafka.Errors) == 0 },
			func() string { return fmt.Sprintf("nothing goes on with the broker back: %+v", weir.status()) })
	}
	orders.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	stop()
	orders.recount(h.brokers)
	h.awaitTotals(orders, 0)
	broker.Kill()
	weir.stopInOrder()
}

// startBroker starts a broker in a process of its own, on the house's data.
func (h *house) startBroker(addr string) *child.Child {
	h.t.Helper()
	return h.start("broker", "", "broker", "--addr", addr, "--data", filepath.Join(h.dir, "broker"))
}
