package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestStoreMigrate: a dry run says what would be done and does nothing; two at once do it once; and what is done then is nothing.
func TestStoreMigrate(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), againstRules)
	h.startClickHouse()
	config, _ := h.writeConfig("clickhouse: {", "clickhouse: {retention: {rollup_10s: 14d, tiers: [{tier: S4, rollup_10s: 3d}]}, ")
	migrate := func(args ...string) ended {
		return call(t, h.dir, append([]string{"store", "migrate", "--config", config}, args...)...)
	}
	dry := migrate("--dry-run")
	for _, want := range []string{
		"-- The schema has version 0; this would bring it to version ", "\n-- 0001 rollup\n-- One row for each cell", "\nCREATE TABLE IF NOT EXISTS rollup_10s (\n",
		"\n-- Rows of rollup_10s expire by: ts + toIntervalDay(multiIf(tier = 'S4', 3, 14)); before: never, or as they are created\n" +
			"ALTER TABLE rollup_10s MODIFY SETTING ttl_only_drop_parts = 0;\nALTER TABLE rollup_10s MODIFY TTL ts + toIntervalDay(multiIf(tier = 'S4', 3, 14));\n",
	} {
		if !strings.Contains(dry.stdout, want) || dry.code != 0 || dry.stderr != "" {
			t.Errorf("the dry run says %+v, want %q in it", dry, want)
		}
	}
	const tables = "SELECT count() FROM system.tables WHERE database = currentDatabase()"
	h.await(tables, "0")

	var two sync.WaitGroup
	for range 2 {
		two.Go(func() {
			if done := migrate(); done.code != 0 || !strings.HasPrefix(done.stdout, "-- The schema ha") {
				t.Errorf("got %+v", done)
			}
		})
	}
	two.Wait()
	h.await("SELECT max(c) FROM (SELECT count() AS c FROM schema_migrations GROUP BY version)", "1")
	if again := migrate(); again.code != 0 || !strings.HasPrefix(again.stdout, "-- The schema has version ") ||
		!strings.HasSuffix(again.stdout, ", the newest that this Weir knows.\n") {
		t.Errorf("again: got %+v", again)
	}

	var out struct {
		From, To   uint32
		DryRun     bool                               `json:"dry_run"`
		Migrations []struct{ Statements []string }    `json:"migrations"`
		Retention  []struct{ Table, From, To string } `json:"retention"`
	}
	shorter := call(t, h.dir, "store", "migrate", "--config", h.configWith("clickhouse: {", "clickhouse: {retention: {ledger: 7d}, "), "--dry-run", "--json")
	if err := json.Unmarshal([]byte(shorter.stdout), &out); err != nil || !out.DryRun || out.From != out.To || len(out.Migrations) != 0 || len(out.Retention) != 1 ||
		out.Retention[0].Table != "ledger" || out.Retention[0].From != "segment_minute + toIntervalDay(30)" || out.Retention[0].To != "segment_minute + toIntervalDay(7)" {
		t.Errorf("got %v of %+v: %+v", err, shorter, out)
	}

	h.leaveFill()
	if dry := migrate("--dry-run"); dry.code != 0 || !strings.Contains(dry.stdout, "\n-- Left to fill gauges with what was stored before (0009_views): 0 of 24 hours, 0 rows\n") {
		t.Errorf("with hours to fill the dry run says %+v", dry)
	}
	if left := migrate("--leave-fills", "--json"); left.code != 0 || !strings.Contains(left.stdout, `"fills":[{"migration":"0009_views","table":"gauges","hours":24,"done":0,"rows":0}]`) {
		t.Errorf("hours that are left: %+v", left)
	}
	if filled := migrate(); filled.code != 0 || filled.stderr != "weir: fill gauges with what was stored before (0009_views): 24 of 24 hours, 1 rows\n" {
		t.Errorf("filled by hand: %+v", filled)
	}
	h.await("SELECT count() FROM gauges", "1")
	h.leaveFill()
	h.reloadsRetention()
	h.post("INSERT INTO schema_migrations (version, name) VALUES (4711, 'later')")
	for _, args := range [][]string{nil, {"--dry-run"}, {"--dry-run", "--json"}} {
		if newer := migrate(args...); newer.code != exitFailed || newer.stdout != "" || !strings.HasSuffix(newer.stderr, ": run a newer weir\n") ||
			!strings.Contains(newer.stderr, "weir: migrate the store: ") || !strings.Contains(newer.stderr, "the schema has version 4711, this program knows ") {
			t.Errorf("of a newer schema got %+v", newer)
		}
	}
}

// leaveFill has a store whose newest migration left a table to fill.
func (h *house) leaveFill() {
	h.t.Helper()
	h.post("TRUNCATE TABLE rollup_10s")
	h.post("INSERT INTO rollup_10s (ts, topic, source, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`) SELECT toStartOfDay(now('UTC')) - INTERVAL 30 HOUR AS at, 'orders', 's', 1, ['lag'], [1], [1], [at]")
	h.post("TRUNCATE TABLE gauges")
	h.post("TRUNCATE TABLE schema_fills")
	h.post("INSERT INTO schema_fills (version, fill, hour, done, rows) SELECT 9, 1, toStartOfDay(now('UTC')) - INTERVAL 2 DAY + toIntervalHour(number), 0, 0 FROM numbers(24)")
}

// reloadsRetention changes the configuration of a role clickhouse that runs.
func (h *house) reloadsRetention() {
	h.t.Helper()
	weir := h.startWeir("--roles", "clickhouse")
	path := filepath.Join(h.dir, fmt.Sprintf("weir-%d.yaml", h.configs))
	text, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	changed := strings.Replace(string(text), "clickhouse: {", "clickhouse: {retention: {ledger: 9d}, ", 1)
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.await("SELECT (SELECT count() FROM gauges), (SELECT count() FROM schema_fills FINAL WHERE done = 0)", "1\t0") // while it runs
	const ttl = "SELECT extract(engine_full, 'TTL (.*?)(?: SETTINGS|$)') FROM system.tables WHERE name = 'ledger'"
	h.await(ttl, "segment_minute + toIntervalDay(30)")
	if code, body := weir.post("/-/reload"); code != http.StatusOK || body != "reloaded\n" {
		h.t.Errorf("POST /-/reload answers %d %q", code, body)
	}
	h.await(ttl, "segment_minute + toIntervalDay(9)")
	weir.stopInOrder()
}

// TestStoreMigrateElsewhere: what is no address and where nobody listens.
func TestStoreMigrateElsewhere(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for dsn, want := range map[string]string{
		"http://" + freeAddr(t): "weir: open the store: no connection to the address of --dsn: ",
		"htp://weir:hunter2@h":  `weir: --dsn: clickhouse.dsn: got "htp://weir:********@h": want http://`,
	} {
		if got := call(t, dir, "store", "migrate", "--dsn", dsn); got.code != exitFailed || got.stdout != "" || !strings.HasPrefix(got.stderr, want) {
			t.Errorf("%s: got %+v, want %q", dsn, got, want)
		}
	}
}

// configWith is a configuration with changes.
func (h *house) configWith(changes ...string) string {
	h.t.Helper()
	path, _ := h.writeConfig(changes...)
	return path
}

// post runs a statement that changes something.
func (h *house) post(sql string) {
	h.t.Helper()
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(sql))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %s", sql, response.Status)
	}
}
