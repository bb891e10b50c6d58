package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// TestMain lets the test binary be the engine's process, too, and that of weir.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"engine", "storing", "overhead-ground", "overhead-side"}, os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

// smallRows are enough that each question of the page has an answer: they go back further than an hour.
const smallRows = 20_000

// TestStore makes a small store, and holds that all can be asked of it that is measured, that every panel and every question shows
// something, and that each table has a size. Rows that are generated are those that the stage clickhouse writes.
func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running, addr, err := startEngine(t.Context(), dir+"/clickhouse")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Process.Kill(); _ = running.Wait() })
	engine := storeEngine{addr: addr, process: running.Process.Pid}
	c := storeCommand{Rows: smallRows, Runs: 1, Questions: "../../docs/sql.md", Only: `^[a-z]+: panel .* 24h$|^question .* as is$|^find`}
	made, err := c.made(t.Context(), engine, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("rows", func(t *testing.T) { expectRowsOfTheWriter(t, engine, made) })
	t.Run("rare", func(t *testing.T) { expectWhatIsRare(t, engine, made) })
	result, err := c.measure(t.Context(), engine, made, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	expectFigures(t, result)
	expectTables(t, engine, result.Tables)
	again, err := c.made(t.Context(), engine, dir)
	if err != nil || again != made {
		t.Errorf("the folder is said to hold %v, %v, want %v", again, err, made)
	}
}

// expectWhatIsRare wants that in an hour each member has rebalanced, and each client has had errors: else some questions of an hour show something only mostly.
func expectWhatIsRare(t *testing.T, engine storeEngine, made storeMade) {
	got := askLines(t, engine, fmt.Sprintf("SELECT uniqExactIf(client, op = 'group' AND rebalances > 0) AS rebalanced, uniqExactIf(client, op = 'consume') AS consumers, uniqExactIf(client, errors > 0) AS failed, "+
		"uniqExactIf(client, op IN ('send', 'consume')) AS clients FROM rollup_10s FINAL WHERE ts > toDateTime(%d, 'UTC')", made.End.Add(-time.Hour).Unix()))
	if want := `{"rebalanced":11,"consumers":11,"failed":33,"clients":33}`; len(got) != 1 || got[0] != want {
		t.Errorf("in the last hour %s, want %s", got, want)
	}
}

func expectFigures(t *testing.T, result *storeResult) {
	t.Helper()
	kinds := map[string]int{}
	for _, f := range result.Queries {
		kind, _, _ := strings.Cut(f.What, " ")
		kinds[kind]++
		if f.empty {
			t.Errorf("%s, %s: shows nothing", f.What, f.Range)
		}
		if f.Median <= 0 || f.Worst < f.Median || len(f.Millis) != 1 || kind != "find" && f.Answered > 0 && f.Read == 0 {
			t.Errorf("%s, %s: is not measured: %+v", f.What, f.Range, f)
		}
	}
	if kinds["question"] < 25 || kinds["topic:"] < 15 || kinds["find"] != 3 || len(kinds) < 11 {
		t.Errorf("measured %v, want every dashboard, the questions and where messages are", kinds)
	}
}

// expectTables holds that every table with rows has a size, and those of series what a day takes.
func expectTables(t *testing.T, engine storeEngine, tables []storeTable) {
	t.Helper()
	names, err := engine.values(t.Context(), "SELECT name FROM system.tables WHERE database = 'default' AND engine LIKE '%MergeTree' AND total_rows > 0")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if i := slices.IndexFunc(tables, func(s storeTable) bool { return s.Table == name[0] }); i < 0 || tables[i].Row <= 0 {
			t.Errorf("%s has no size", name[0])
		}
	}
	for _, name := range []string{"rollup_10s", "rollup_1m", "topic_1m", "gauges", "alerts", "ledger", "trace_hops", "client_event_log", "inventory"} {
		i := slices.IndexFunc(tables, func(s storeTable) bool { return s.Table == name })
		if i < 0 || tables[i].Rows == 0 {
			t.Errorf("%s has no rows", name)
		} else if strings.HasPrefix(name, "rollup") && tables[i].Day <= 0 {
			t.Errorf("%s: %+v does not say what a day takes", name, tables[i])
		}
	}
}

// storedRow is a row of rollup_10s as far as the generator makes it.
type storedRow struct {
	Ts, Env, Cluster, System, Topic, Partition, Op, Client, Node, Tier, Lane, Tag, Source string

	Group      string `json:"consumer_group"`
	SDKLang    string `json:"sdk_lang"`
	SDKVersion string `json:"sdk_version"`
	Minute     string `json:"segment_minute"`

	Reports, Messages, Bytes, Rebalances uint64

	Dropped    uint64    `json:"dropped_reports"`
	Interval   uint64    `json:"interval_ms"`
	Classes    []string  `json:"error.class"`
	Counts     []uint64  `json:"error.count"`
	LatencyI   []int32   `json:"latency.i"`
	LatencyC   []uint64  `json:"latency.c"`
	LatencySum uint64    `json:"latency_sum_us"`
	LatencyMax uint64    `json:"latency_max_us"`
	DelayI     []int32   `json:"delay.i"`
	DelayC     []uint64  `json:"delay.c"`
	DelaySum   uint64    `json:"delay_sum_us"`
	DelayMax   uint64    `json:"delay_max_us"`
	SizeI      []int32   `json:"size.i"`
	SizeC      []uint64  `json:"size.c"`
	SizeSum    uint64    `json:"size_sum_bytes"`
	SizeMax    uint64    `json:"size_max_bytes"`
	BeatI      []int32   `json:"heartbeat.i"`
	BeatC      []uint64  `json:"heartbeat.c"`
	BeatSum    uint64    `json:"heartbeat_sum_us"`
	BeatMax    uint64    `json:"heartbeat_max_us"`
	Gauges     []string  `json:"gauge.name"`
	Last       []float64 `json:"gauge.last"`
	Max        []float64 `json:"gauge.max"`
	At         []string  `json:"gauge.at"`
}

func clock(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// cell is the row as the stage aggregate would have written it.
func (r *storedRow) cell(t *testing.T) telemetry.Cell {
	t.Helper()
	totals := telemetry.Totals{Reports: r.Reports, Messages: r.Messages, Bytes: r.Bytes, Rebalances: r.Rebalances, DroppedReports: r.Dropped, IntervalMillis: r.Interval,
		LatencyMicros:   telemetry.Histogram{Indexes: r.LatencyI, Counts: r.LatencyC, Sum: r.LatencySum, Max: r.LatencyMax},
		DelayMicros:     telemetry.Histogram{Indexes: r.DelayI, Counts: r.DelayC, Sum: r.DelaySum, Max: r.DelayMax},
		SizeBytes:       telemetry.Histogram{Indexes: r.SizeI, Counts: r.SizeC, Sum: r.SizeSum, Max: r.SizeMax},
		HeartbeatMicros: telemetry.Histogram{Indexes: r.BeatI, Counts: r.BeatC, Sum: r.BeatSum, Max: r.BeatMax}}
	for i, class := range r.Classes {
		totals.Errors = append(totals.Errors, telemetry.ErrorCount{Class: class, Count: r.Counts[i]})
	}
	for i, name := range r.Gauges {
		totals.Gauges = append(totals.Gauges, telemetry.GaugeValue{Name: name, Last: r.Last[i], Max: r.Max[i], Series: 1, TimeUnixMillis: clock(t, r.At[i]).UnixMilli()})
	}
	return telemetry.Cell{Pane: clock(t, r.Ts), Totals: totals, Labels: telemetry.Labels{Env: r.Env, Cluster: r.Cluster, System: r.System, Topic: r.Topic, Partition: r.Partition,
		Group: r.Group, Op: r.Op, Client: r.Client, Node: r.Node, SDKLang: r.SDKLang, SDKVersion: r.SDKVersion, Tier: r.Tier, Lane: r.Lane, Tag: r.Tag}}
}

// expectRowsOfTheWriter writes the newest panes of the store into another database by what the stage clickhouse writes with, and holds that
// the rows are the same there, and what has come of them by minute, too.
func expectRowsOfTheWriter(t *testing.T, engine storeEngine, made storeMade) {
	const panes = 6
	where := fmt.Sprintf("WHERE ts >= toDateTime(%d, 'UTC')", made.End.Unix()-panes*fleetPane)
	rows := askLines(t, engine, "SELECT * FROM rollup_10s FINAL "+where)
	batches, ops := map[string]*telemetry.CellBatch{}, map[string]bool{}
	for _, line := range rows {
		var row storedRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		key := row.Source + row.Minute
		if batches[key] == nil {
			source := telemetry.Source{TopicID: [16]byte{15: 1}}
			if _, err := fmt.Sscanf(row.Source, "00000000000000000000000000000001/%d", &source.Partition); err != nil {
				t.Fatal(err)
			}
			batches[key] = &telemetry.CellBatch{Source: source, Segment: telemetry.Segment{MinuteUnix: clock(t, row.Minute).Unix() / 60}}
		}
		batches[key].Cells, ops[row.Op] = append(batches[key].Cells, row.cell(t)), true
	}
	if len(rows) < panes*smallSeries || len(ops) != 5 {
		t.Fatalf("%d rows have the operations %v, want those of clients, groups, brokers and probes", len(rows), ops)
	}
	written := writtenStore(t, engine)
	for _, batch := range batches {
		var table telemetry.CellTable
		if err := table.Add(telemetry.AppendCellBatch(nil, batch)); err != nil {
			t.Fatal(err)
		}
		if err := written.WriteCells(t.Context(), &table); err != nil {
			t.Fatal(err)
		}
	}
	if err := written.NewCompactor(func(clickhouse.Compaction) {}).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"rollup_10s", "gauges", "rollup_1m", "topic_1m"} {
		query := "SELECT * " + exceptTimes(of) + " FROM %s." + of + " FINAL " + where + " ORDER BY ALL"
		made, wrote := askLines(t, engine, fmt.Sprintf(query, "default")), askLines(t, engine, fmt.Sprintf(query, "written"))
		if diff := cmp.Diff(wrote, made); diff != "" || len(made) == 0 {
			t.Errorf("%d rows of %s are other than those that are written (-written +generated):\n%s", len(made), of, diff)
		}
	}
}

// exceptTimes leaves out when a row was inserted.
func exceptTimes(table string) string {
	if table == "gauges" {
		return ""
	}
	return "EXCEPT (inserted_at)"
}

// writtenStore is another database of the engine, with Weir's schema.
func writtenStore(t *testing.T, engine storeEngine) *clickhouse.Store {
	t.Helper()
	if _, err := engine.send(t.Context(), "CREATE DATABASE written"); err != nil {
		t.Fatal(err)
	}
	store, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: "http://" + engine.addr + "/written"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func askLines(t *testing.T, engine storeEngine, query string) []string {
	t.Helper()
	text, err := engine.send(context.Background(), query+"\nSETTINGS output_format_json_quote_64bit_integers = 0\nFORMAT JSONEachRow")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestQuestionsAreWidened holds which questions are asked of a day and of a week.
func TestQuestionsAreWidened(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	ranges := map[string]string{}
	for _, q := range questions(string(text), time.Unix(1_795_737_600, 0).UTC()) {
		ranges[q.what] += " " + q.span
		if regexp.MustCompile(`now\(\)|today\(\)`).MatchString(q.sql) {
			t.Errorf("%s asks for another time than the data's: %s", q.what, q.sql)
		}
	}
	for name, want := range map[string]string{"behind": " as is", "surge": " as is", "volume-by-owner": " as is", "error-classes": " as is 24h 7d", "peaks": " as is 24h 7d"} {
		if got := ranges["question "+name]; got != want {
			t.Errorf("the question %s is asked for%s, want%s", name, got, want)
		}
	}
}
