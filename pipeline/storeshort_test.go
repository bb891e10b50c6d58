package pipeline

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
)

// TestAShortStoreIsTold: rows that somebody takes out of a real store raise the metric that WeirStoreShort asks for, by the audit that a running Weir does of itself.
func TestAShortStoreIsTold(t *testing.T) {
	t.Parallel()
	addr := startEngine(t)
	config := runConfig(t)
	config.Roles = []string{RoleAggregate, RoleClickHouse}
	config.ClickHouse.DSN = "http://" + addr
	p := run(t, config)
	sends := newSender(t, &config)
	for i := range 20 {
		sends.report([]string{"orders", "media", "orders", "orders"}[i%4], time.Now(), 1)
	}
	s := newStorage(p)
	store, err := clickhouse.Open(t.Context(), config.ClickHouse.store(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.store, s.producer = store, client
	later := time.Now().Add(10 * time.Minute) // by when all of it has settled
	audited := func() error {
		lines, err := s.audit(t.Context(), &config, later)
		if err != nil {
			return err
		}
		s.metrics.audits.note(lines, later)
		for i := range lines {
			if lines[i].State == auditBehind {
				return errors.New("it is yet to be stored")
			}
		}
		return auditFault(lines)
	}
	await(t, "that the tables are there", func() bool {
		return askEngine(t, addr, "SELECT count() FROM system.tables WHERE database = 'default' AND name IN ('rollup_10s', 'ledger')") == "2"
	})
	const told = "SELECT sum(most) FROM (SELECT max(reports) AS most FROM ledger GROUP BY source, segment_block, segment_minute)"
	await(t, "that all reports are stored", func() bool {
		return askEngine(t, addr, "SELECT sum(reports) FROM rollup_10s FINAL") == "20" && askEngine(t, addr, told) == "20"
	})
	askEngine(t, addr, "INSERT INTO ledger SELECT * REPLACE (true AS closed, version + 1 AS version) FROM ledger FINAL") // as when the minute is over
	await(t, "that the store holds all", func() bool { return audited() == nil })
	short := func(table string) float64 { return metric(t, p.metrics, `weir_store_short_reports{table="`+table+`"}`) }
	if got := short("rollup_10s"); got != 0 {
		t.Fatalf("of a whole store %g reports are short", got)
	}
	askEngine(t, addr, "DELETE FROM rollup_10s WHERE topic = 'media'")
	if err = audited(); err == nil || !strings.Contains(err.Error(), "run weir audit") {
		t.Errorf("without rows of a topic the store is told as %v", err)
	}
	if got := short("rollup_10s"); got != 5 {
		t.Errorf("%g reports are short, want 5", got)
	}
	rules, err := os.ReadFile("../deploy/prometheus/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`alert: WeirStoreShort .*\n +expr: max by \(table\) \(weir_store_short_reports\) > 0`).Match(rules) {
		t.Error("WeirStoreShort does not ask for what is short")
	}
}
