package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// change runs a statement that is not a question.
func (h *house) change(statement string) {
	h.t.Helper()
	if _, err := h.query(statement); err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

// backfill runs the command, and returns what it says of the tables of minutes: steps that lacked something.
func (h *house) backfill(config string, flags ...string) (lacking map[string]int, report pipeline.FillReport) {
	h.t.Helper()
	got := call(h.t, h.dir, append([]string{"store", "backfill", "--config", config, "--from", "2h", "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 0 {
		h.t.Fatalf("backfill %v ends with %d: %v\n%s%s", flags, got.code, err, got.stdout, got.stderr)
	}
	lacking = map[string]int{}
	for _, of := range report.Tables {
		if of.Lacking > 0 && of.Table != clickhouse.RollupHours { // an hour may end meanwhile
			lacking[of.Table] = of.Lacking
		}
	}
	return lacking, report
}

// TestRollupsAndTheirBackfill adds up what three minutes had, and again from cells or from Kafka where tables were lost.
func TestRollupsAndTheirBackfill(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	h.startClickHouse()
	config, addr := h.writeConfig()
	weir := h.launchWith(config, addr, "--roles", "aggregate,clickhouse")
	weir.awaitReady()
	r := newReporter(t, h.brokers, "orders")
	now := time.Now()
	for _, ago := range []time.Duration{8 * time.Minute, 8 * time.Minute, 6 * time.Minute, 2 * time.Minute} { // all are over
		var reports []*telemetry.Report
		for client := range reportedClients {
			report := r.report(client, smallBytes)
			report.StartUnixMillis = now.Add(-ago).UnixMilli()
			reports = append(reports, report)
		}
		if err := r.write(t.Context(), reports...); err != nil {
			t.Fatal(err)
		}
	}
	const perReports = 100 * reportedClients
	addedUp := "SELECT sum(messages), sum(clients), count() FROM topic_1m FINAL WHERE topic = 'orders'"
	want := fmt.Sprintf("%d\t%d\t3", 4*perReports, 3*reportedClients)
	h.await(addedUp, want)
	weir.awaitStage(pipeline.RoleClickHouse, "how far all tables are", func(s pipeline.StageStatus) bool {
		return len(s.Rollups) == len(clickhouse.RollupTables) && s.Rollups[0].Rows > 0 && s.Rollups[0].BehindSeconds < 60
	})
	weir.expectPageSays("topic_1m is")
	if rows := weir.metric(`weir_rollup_rows_total{table="topic_1m"}`); rows == 0 {
		t.Error("/metrics counts no rows")
	}
	h.awaitTotals(r, 0)
	weir.stopInOrder()

	h.backfill(config) // what had no time to be added up
	if lacking, _ := h.backfill(config); len(lacking) > 0 {
		t.Errorf("it fills in %v where all is right", lacking)
	}
	h.change("TRUNCATE TABLE rollup_1m")
	h.change("TRUNCATE TABLE topic_1m")
	foretold, _ := h.backfill(config, "--dry-run")
	h.await(addedUp, "0\t0\t0")
	if lacking, _ := h.backfill(config); fmt.Sprint(lacking) != fmt.Sprint(foretold) || lacking["rollup_1m"] != 3 || lacking["topic_1m"] != 3 {
		t.Errorf("it fills in %v, and a dry run says %v", lacking, foretold)
	}
	h.await(addedUp, want)

	for _, table := range []string{"rollup_10s", "ledger", "rollup_1m", "topic_1m", "rollup_1h"} {
		h.change("TRUNCATE TABLE " + table)
	}
	if lacking, report := h.backfill(config, "--from-kafka", "--dry-run"); len(lacking) > 0 || report.Cells.Cells < 3*reportedClients || report.Cells.Reports != 0 {
		t.Errorf("a dry run says %v and %+v of weir.cells", lacking, report.Cells)
	}
	h.await("SELECT count() FROM rollup_10s", "0")
	_, report := h.backfill(config, "--from-kafka")
	if sent := r.sent(); report.Cells.Reports != sent.reports {
		t.Errorf("%d reports are new in the store, want %d", report.Cells.Reports, sent.reports)
	}
	h.await(addedUp, want)
	h.awaitTotals(r, 0)
	if lacking, report := h.backfill(config, "--from-kafka"); len(lacking) > 0 || report.Cells.Reports != 0 {
		t.Errorf("it fills in %v and inserts %+v where all is right", lacking, report.Cells)
	}
	text := call(t, h.dir, "store", "backfill", "--config", config, "--from", "2h", "--from-kafka", "--dry-run")
	for _, want := range []string{"of weir.cells to be inserted again", "rollup_1m   0 of ", "steps to be made again"} {
		if !strings.Contains(text.stdout, want) {
			t.Errorf("it says\n%s\nwant %q in it", text.stdout, want)
		}
	}
}
