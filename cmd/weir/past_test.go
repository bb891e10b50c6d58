package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestYesterdayComesFromTheStore has a topic fall silent to which something was sent at this hour of yesterday, and one to
// which nothing was. While the store is away neither is known; both are once it is back.
func TestYesterdayComesFromTheStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), yesterdayRules)
	engine := h.startClickHouse()
	migrating := h.startWeir("--roles", "clickhouse")
	h.await("SELECT max(version) >= 4 FROM schema_migrations", "1")
	migrating.stopInOrder()
	hour := time.Now().UTC().Truncate(time.Hour).Add(-24 * time.Hour)
	for _, row := range []string{
		fmt.Sprintf("(%d, 'before', 'send', 0)", hour.Add(-time.Hour).Unix()), // so that the hours are known
		fmt.Sprintf("(%d, 'orders', 'send', 5)", hour.Unix()),
		fmt.Sprintf("(%d, 'orders', 'send', 5)", hour.Add(time.Hour).Unix()), // the test may come to the next
		fmt.Sprintf("(%d, 'media', 'consume', 5)", hour.Unix()),
		fmt.Sprintf("(%d, 'before', 'send', 0)", time.Now().Unix()),
	} {
		statement := fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, op, messages) VALUES %s", row)
		response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
		if code, body := read(response, err); code != http.StatusOK {
			t.Fatalf("%s: %d %s", statement, code, body)
		}
	}
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
	weir.awaitFiring("NeverSent media, SendRateZero orders, Silent media, Silent orders")
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
