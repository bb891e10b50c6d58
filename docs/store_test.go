package docs_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// answers are what the named queries of the pages give on the rows of seed.
var answers = map[string]string{
	"tps":        "orders\tsend\t4",
	"p99":        "orders\t10\t900",
	"incomplete": "00000000000000000000000000000001/0\t0\t60\t59",
	"gaps":       "00000000000000000000000000000001/0\t60\t70",
	"total":      "240",
	"volume":     "orders-kafka\torders\t500\norders-kafka\tinvoices\t0\norders-kafka\trare\t0",
	"resources":  "orders-kafka\tclient\ta\t\t\norders-kafka\tclient\tb\t\t\norders-kafka\ttopic\taudit\t\t\norders-kafka\ttopic\tinvoices\tbilling\t\norders-kafka\ttopic\torders\tbilling\tS2\norders-kafka\ttopic\trare\tbilling\tS2",
	"unowned":    "orders-kafka\ttopic\taudit\t1970-01-01 00:00:00",
	"cold":       "orders-kafka\ttopic\tinvoices\tbilling\t1970-01-01 00:00:00",
	"lazy":       "orders-kafka\trare\t7\t9",
	"minutes":    "orders\t240\t2",
	"handlers":   "orders\tbilling\tbilling-1\thandler\t2\t2\torders/3/1041",
	"asked":      "pause-billing\t1\tapplied\tpause\torders\tli\tledger is migrated",
	"findings":   "ColdTopic\taudit\tnobody sends to audit",
}

// TestSQL runs every query of the pages on the real engine, with the schema that the
// sink makes and rows that the sink writes.
func TestSQL(t *testing.T) {
	t.Parallel()
	engine := startEngine(t)
	engine.seed(t)
	fleet := engine.seedFleet(t)
	asked := map[string]bool{}
	eachBlock(t, "sql", func(b *block) {
		if b.page.path == fleetPage {
			fleet.compare(t, b)
			return
		}
		got, err := engine.query(b.text)
		if err != nil {
			b.errorf(t, "%v", err)
			return
		}
		if !b.is("query") {
			return
		}
		want, known := answers[b.mark[1]]
		if !known {
			b.errorf(t, "no answer is known for the query %s", b.mark[1])
		}
		if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
			b.errorf(t, "query %s (-want +got):\n%s", b.mark[1], diff)
		}
		asked[b.mark[1]] = true
	})
	for name := range answers {
		if !asked[name] {
			t.Errorf("no page has the query %s", name)
		}
	}
	fleet.rewritten(t)
	fleet.checkViews(t)
	p := readPage(t, "docs/store.md")
	columns, err := engine.query("SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN ('rollup_10s', 'gauges', 'ledger', 'alerts', 'inspections', 'resources', 'rollup_1m', 'rollup_1h', 'topic_1m', 'rollup_marks', 'rollup_backlog', 'group_1m', 'gauges_1m', 'traces', 'client_events', 'control_history')")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(columns), "\n") {
		table, column, _ := strings.Cut(line, "\t")
		says(t, p, "a column of "+table, "`"+column+"`")
	}
}

// engine is a running ClickHouse, and the database in it that is asked: default where it is empty.
type engine struct{ url, database string }

func startEngine(t *testing.T) engine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	logs, dir := &strings.Builder{}, t.TempDir()
	running, err := child.Start(t.Context(), child.Config{Executable: weir(t), ReadyURL: "http://" + addr + "/ping", LogWriter: logs,
		Args: []string{"clickhouse", "--addr", addr, "--data", filepath.Join(dir, "clickhouse")},
		Env:  append(os.Environ(), "TMPDIR="+dir)}) // a killed engine leaves its scratch folder
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(running.Kill)
	return engine{url: "http://" + addr}
}

func (e engine) query(sql string) (string, error) {
	return e.ask(sql, url.Values{"default_format": {"TSV"}})
}

// ask sends a query with parameters of the HTTP interface.
func (e engine) ask(sql string, parameters url.Values) (string, error) {
	if e.database != "" {
		parameters.Set("database", e.database)
	}
	response, err := http.Post(e.url+"/?"+parameters.Encode(), "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), nil
}

var seedSource = telemetry.Source{TopicID: [16]byte{15: 1}}

// seed writes two clients' minute of orders: 60 reports of 4 messages. A retry, an older
// version and a newer one of every cell are among the rows. The next segment begins ten
// offsets late, and holds one report less than its ledger says.
func (e engine) seed(t *testing.T) {
	t.Helper()
	store := e.open(t)
	minute := time.Now().UTC().Truncate(time.Minute).Add(-2 * time.Minute)
	first := seedBatch(minute, &telemetry.Ledger{Reports: 60, Bytes: 12_000, FirstOffset: 0, EndOffset: 60, Closed: true}, 60)
	older := seedBatch(minute, nil, 30)
	second := seedBatch(minute.Add(time.Minute), &telemetry.Ledger{Reports: 60, FirstOffset: 70, EndOffset: 130, Closed: true}, 59)
	for i := range second.Cells { // of a topic of its own, so that other queries see one minute only
		second.Cells[i].Labels.Topic, second.Cells[i].Labels.Op = "audit", "consume"
		second.Cells[i].Totals.Messages = 0
	}
	for _, batch := range []telemetry.CellBatch{older, first, first, older, second, seedRate(minute, 0), seedRate(minute, 1), seedByBrokers(minute)} {
		write(t, store, batch)
	}
	if err := store.WriteDetails(t.Context(), []telemetry.CellRecord{{Source: seedSource, Details: seedDetails(minute)}}); err != nil {
		t.Fatal(err)
	}
	if err := store.NewCompactor(func(clickhouse.Compaction) {}).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	alert := telemetry.Alert{ID: "7b23eb520e487060", Rule: "TrafficSurge", State: telemetry.AlertPending, ActiveAt: minute, EvaluatedAt: minute,
		Labels: map[string]string{"alertname": "TrafficSurge", "topic": "orders"}, Seq: 1, Completeness: 1,
		Annotations: map[string]string{"summary": "orders jumped to 300 msg/s"}}
	fired := alert
	fired.State, fired.Seq, fired.FiredAt, fired.EvaluatedAt = telemetry.AlertFiring, 2, minute.Add(30*time.Second), minute.Add(30*time.Second)
	if err := store.WriteAlerts(t.Context(), []telemetry.Alert{alert, fired, alert}); err != nil {
		t.Fatal(err)
	}
	owners := []telemetry.Owner{{Name: "billing", Tier: "S2", Topics: []string{"orders", "rare"}}, {Name: "billing", Topics: []string{"invoices"}}}
	if err := store.WriteOwners(t.Context(), owners, minute); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	inspection := &telemetry.Inspection{Day: yesterday, AskedAt: minute, Completeness: 1, Revision: "0f3a", Rules: 1, Findings: []telemetry.Finding{{
		Rule: "ColdTopic", Severity: "info", ID: "b7e1", Labels: map[string]string{"alertname": "ColdTopic", "topic": "audit"},
		Annotations: map[string]string{"summary": "nobody sends to audit"}, WindowStart: yesterday, WindowEnd: yesterday.Add(24 * time.Hour), Completeness: 1}}}
	if err := store.WriteInspection(t.Context(), inspection); err != nil {
		t.Fatal(err)
	}
	asked := clickhouse.ControlRecord{At: minute, Source: seedSource.String(), Kind: "command", Name: "pause-billing", Revision: 1, Outcome: "applied", Action: "pause",
		Scope: map[string]string{"topic": "orders"}, Author: "li", Reason: "ledger is migrated", CreatedAt: minute, ExpiresAt: minute.Add(time.Hour), Percent: 100, MadeBy: "file"}
	if err := store.WriteControl(t.Context(), []clickhouse.ControlRecord{asked, asked}); err != nil {
		t.Fatal(err)
	}
}

// open migrates the database and returns what writes into it.
func (e engine) open(t *testing.T) *clickhouse.Store {
	t.Helper()
	store, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: e.url + "/" + e.database, OnError: func(err error) {
		if err != nil {
			t.Errorf("%v", err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func write(t *testing.T, store *clickhouse.Store, batch telemetry.CellBatch) {
	t.Helper()
	var table telemetry.CellTable
	if err := table.Add(telemetry.AppendCellBatch(nil, &batch)); err != nil {
		t.Fatal(err)
	}
	if err := store.WriteCells(t.Context(), &table); err != nil {
		t.Fatal(err)
	}
}

// seedDetails are two failed attempts with one message, and one message that was handled.
func seedDetails(minute time.Time) []telemetry.ReportDetail {
	labels := telemetry.Labels{Env: "production", Cluster: "orders-kafka", System: "kafka", Topic: "orders", Op: "consume", Group: "billing", Client: "billing-1"}
	failed := telemetry.Exemplar{TimeUnixMillis: minute.UnixMilli(), MessageID: "orders/3/1041", LatencyMicros: 900, ErrorClass: telemetry.ErrorClassHandler,
		Attempt: 1, Kept: telemetry.KeptError, Step: telemetry.StepHandled}
	again, other := failed, failed
	again.Attempt, again.Step = 2, telemetry.StepDeadLettered
	other.ErrorClass, other.Kept, other.MessageID = "", telemetry.KeptSlow, "orders/3/1042"
	return []telemetry.ReportDetail{{Offset: 7, Labels: labels, Exemplars: []telemetry.Exemplar{failed, again, other}}}
}

// seedRate is what a broker says in a pane of one partition, in a segment of its own.
func seedRate(minute time.Time, block uint64) telemetry.CellBatch {
	cell := telemetry.Cell{Pane: minute, Labels: telemetry.Labels{Env: "production", Cluster: "orders-kafka", System: "kafka", Topic: "orders",
		Partition: "0", Op: "broker"}}
	cell.Totals.AddReport(&telemetry.Report{StartUnixMillis: minute.UnixMilli(), LengthMillis: 1, Gauges: []telemetry.Gauge{{Name: telemetry.GaugePartitionRate, Value: 50}}})
	return telemetry.CellBatch{Source: seedSource, Segment: telemetry.Segment{Block: block, MinuteUnix: minute.Unix()/60 + 2}, Cells: []telemetry.Cell{cell}}
}

// seedByBrokers is what a collector saw: a topic that nobody writes to for nine days, and one that two messages and then seven were
// written to on two of them.
func seedByBrokers(minute time.Time) telemetry.CellBatch {
	batch := telemetry.CellBatch{Source: telemetry.Source{TopicID: seedSource.TopicID, Partition: 1}, Segment: telemetry.Segment{MinuteUnix: minute.Unix() / 60}}
	noon := minute.Truncate(24 * time.Hour).Add(-12 * time.Hour)
	for at, written := range map[time.Time]float64{minute: 0, noon: 2, noon.AddDate(0, 0, -1): 0, noon.AddDate(0, 0, -2): 7, noon.AddDate(0, 0, -9): 0} {
		for topic, messages := range map[string]float64{"rare": written, "invoices": 0} {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: at, Labels: telemetry.Labels{Env: "production", Cluster: "orders-kafka",
				System: "kafka", Topic: topic, Partition: "0", Op: "broker"}, Totals: telemetry.Totals{Reports: 1, Gauges: []telemetry.GaugeValue{
				{Name: telemetry.GaugePartitionRate, Max: messages / 5, Series: 1}}}})
		}
	}
	return batch
}

// seedBatch is a segment of so many reports, half of each client, in panes of 10 s.
func seedBatch(minute time.Time, ledger *telemetry.Ledger, reports int) telemetry.CellBatch {
	batch := telemetry.CellBatch{Source: seedSource, Segment: telemetry.Segment{MinuteUnix: minute.Unix() / 60}, Ledger: ledger}
	cells := map[string]int{}
	for i := range reports {
		client, version := "a", "1.2.0"
		if i%2 == 1 {
			client, version = "b", "1.1.0"
		}
		pane := minute.Add(time.Duration(i/2%6) * 10 * time.Second)
		key := client + pane.String()
		if _, ok := cells[key]; !ok {
			cells[key] = len(batch.Cells)
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: pane, Labels: telemetry.Labels{Env: "production", Cluster: "orders-kafka",
				System: "kafka", Topic: "orders", Op: "send", Client: client, SDKLang: "go", SDKVersion: version}})
		}
		report := telemetry.Report{Messages: 4, Bytes: 400, LengthMillis: 1000}
		for range 4 {
			report.LatencyMicros.Observe(10_000)
		}
		if i%10 == 0 { // 6 of 240 take 900 ms, and 6 more messages fail
			report.LatencyMicros = telemetry.Histogram{}
			for _, micros := range []uint64{10_000, 10_000, 10_000, 900_000} {
				report.LatencyMicros.Observe(micros)
			}
			report.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 1}}
		}
		batch.Cells[cells[key]].Totals.AddReport(&report)
	}
	return batch
}
