package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// yesterdayRules ask whether what is silent now was sent at this hour of yesterday.
const yesterdayRules = `groups:
  - name: test
    rules:
      - alert: SendRateZero
        by: [topic]
        where: op == "send"
        window: 3s
        expr: tps == 0 and ago("1d").tps > 0
      - alert: Unusual
        by: [topic]
        where: op == "send"
        window: 3s
        expr: tps == 0 and baseline("7d").tps > 0 and baseline(7d).days == 3
      - alert: NeverSent
        by: [topic]
        where: op == "send"
        window: 3s
        expr: tps == 0 and ago("1d").tps == 0
      - alert: Silent
        by: [topic]
        where: op == "send"
        window: 3s
        expr: tps == 0
`

// countedDaysAgo has the store say what was counted in this hour so many days ago, and in the next, as a test may come to it.
// The store begins an hour before it.
func (h *house) countedDaysAgo(days int, topic, op string, messages int) {
	h.t.Helper()
	hour := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(days) * 24 * time.Hour)
	h.counted(hour.Add(-time.Hour), "before", "send", 0)
	h.counted(hour, topic, op, messages)
	h.counted(hour.Add(time.Hour), topic, op, messages)
}

// counted writes a cell.
func (h *house) counted(at time.Time, topic, op string, messages int) {
	h.t.Helper()
	statement := fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, op, messages) VALUES (%d, '%s', '%s', %d)", at.Unix(), topic, op, messages)
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
	if code, body := read(response, err); code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", statement, code, body)
	}
}

// TestYesterdayComesFromTheStore has a topic fall silent to which something was sent at this hour of yesterday, and of two days
// more, and one to which nothing was. While the store is away neither is known; both are once it is back.
func TestYesterdayComesFromTheStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), yesterdayRules)
	engine := h.startClickHouse()
	migrating := h.startWeir("--roles", "clickhouse")
	h.await("SELECT max(version) >= 4 FROM schema_migrations", "1")
	migrating.stopInOrder()
	for day := 1; day <= 3; day++ {
		h.countedDaysAgo(day, "orders", "send", 5)
	}
	h.countedDaysAgo(1, "media", "consume", 5)
	h.counted(time.Now(), "before", "send", 0) // so that the store is not behind
	engine.Kill()

	weir := h.startWeir("--roles", "aggregate,rules")
	for _, topic := range []string{"orders", "media"} {
		r := newReporter(t, h.brokers, topic)
		if err := r.write(t.Context(), r.report(0, smallBytes)); err != nil {
			t.Fatal(err)
		}
	}
	weir.awaitFiring("Silent media, Silent orders")
	weir.awaitStage(pipeline.RoleRules, "an error that names ClickHouse's address", refuses)
	if got := weir.metric(`weir_errors_total{stage="rules",kind="past"}`); got == 0 {
		t.Error("/metrics counts no failed reading")
	}
	h.startClickHouse()
	weir.awaitFiring("NeverSent media, SendRateZero orders, Silent media, Silent orders, Unusual orders")
	weir.awaitStage(pipeline.RoleRules, "no error any more", fine)
}

// awaitFiring waits until these alerts fire, and no others.
func (p *process) awaitFiring(want string) {
	p.t.Helper()
	var got string
	eventually(p.t, func() bool {
		var firing []string
		for _, alert := range listed(p.t, p) {
			if alert.State == telemetry.AlertFiring {
				firing = append(firing, alert.Rule+" "+alert.Labels["topic"])
			}
		}
		slices.Sort(firing)
		got = strings.Join(firing, ", ")
		return got == want
	}, func() string { return fmt.Sprintf("%q fire, want %q", got, want) })
}

// usualRules compare with hours past; Known says that they are.
const usualRules = `groups:
  - name: test
    defaults: {by: [topic], where: op == "send" and topic == "orders", window: 3s}
    rules:
      - {alert: Known, expr: ago(1d).tps > 0 and baseline(3d).tps > 0}
      - {alert: Surge, expr: tps > 10000 * baseline(3d).tps and tps > 10000 * ago(1d).tps and ago(2d).tps == 1000}
`

// TestABacktestKnowsHoursPast: alerts by hours past are the same in a backtest as they were live, and in a test made of one.
func TestABacktestKnowsHoursPast(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), usualRules)
	h.startClickHouse()
	config, addr := h.writeConfig("lateness: 2s", "lateness: 8s") // a report that comes late is not seen by a rule, and is stored
	weir := h.launchWith(config, addr, "--roles", "aggregate,rules,clickhouse")
	weir.awaitReady()
	h.await("SELECT max(version) >= 4 FROM schema_migrations", "1")
	for day, tps := range map[int]int{1: 1, 2: 1000, 3: 1} { // the day before yesterday was odd
		h.countedDaysAgo(day, "orders", "send", 3600*tps)
	}
	l := &lived{reporter: newReporter(t, h.brokers, "orders"), clients: map[int]bool{}}
	for client := range reportedClients {
		l.clients[client] = true
	}
	began := time.Now()
	l.stage(2 * time.Second)
	weir.awaitFiring("Known orders")
	l.stage(4 * time.Second)
	l.change = func(_ int, report *telemetry.Report) { report.Messages *= 3 }
	l.stage(5 * time.Second)
	l.change = nil
	l.stage(4 * time.Second)
	h.await("SELECT count() > 0 FROM alerts WHERE rule = 'Surge' AND state = 'resolved'", "1")
	sent := l.sent()
	h.await(fmt.Sprintf("SELECT sum(messages) FROM rollup_10s FINAL WHERE topic = 'orders' AND ts >= %d", began.Unix()), fmt.Sprint(sent.messages))
	got := call(t, h.dir, "rules", "backtest", "--config", config, "--from", began.Add(-time.Minute).Format(time.RFC3339), "--format", "json",
		"--to", time.Now().Add(time.Hour).Format(time.RFC3339))
	if got.code != 0 {
		t.Fatalf("the backtest ends with %d: %s", got.code, got.stderr)
	}
	var report toldAlerts
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	isKnown := func(line string) bool { return strings.Contains(line, " Known ") } // when the store had answered
	told := report.transitions()
	if !slices.ContainsFunc(told, isKnown) || strings.Contains(got.stdout, "unknown") {
		t.Errorf("hours past are not known: %s", got.stdout)
	}
	want := slices.DeleteFunc(h.livedAlerts(report.To), isKnown)
	if diff := cmp.Diff(want, slices.DeleteFunc(told, isKnown)); diff != "" || len(want) != 2 {
		t.Errorf("-lived +backtested:\n%s", diff)
	}
	captured := call(t, h.dir, "rules", "capture", "Surge", "--config", config)
	if captured.code != 0 || !strings.Contains(captured.stdout, "messages=3600000\n") {
		t.Errorf("capture exits %d: %s\n%s", captured.code, captured.stderr, captured.stdout)
	}
}
