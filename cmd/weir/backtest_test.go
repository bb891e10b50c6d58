package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// livedRules look at all that a view is made of.
const livedRules = `groups:
  - name: test
    rules:
      - alert: Large
        by: [cluster, topic]
        window: 3s
        expr: size_max > 10000B
        for: 1s
        keep_firing_for: 2s
      - alert: Surge
        by: [cluster, topic]
        window: 2s
        expr: messages > 2000 and tps > 1.5 * over("8s").tps
      - alert: Failing
        by: [cluster, topic]
        window: 3s
        expr: error_rate > 0.01
      - alert: Slow
        by: [cluster, topic]
        window: 3s
        expr: p99 > 500ms
        for: 2s
      - alert: Behind
        by: [cluster, topic]
        window: 3s
        expr: lag > 100
      - alert: Gone
        by: [cluster, topic]
        window: 4s
        expr: departed_clients > 0
      - alert: BothGone # one of the two says so
        by: [cluster, topic]
        window: 4s
        expr: departed_clients == 2
      - alert: Old
        by: [client]
        window: 3s
        expr: outdated("1.10.0") > 0
      - alert: Silent
        by: [cluster, topic]
        window: 4s
        expr: tps == 0
      - alert: SilentClient
        by: [client]
        where: op == "send"
        window: 4s
        expr: tps == 0
`

// lived is a load that changes with every stage of some seconds.
type lived struct {
	*reporter
	clients map[int]bool
	change  func(client int, report *telemetry.Report)
}

// stage reports for a while.
func (l *lived) stage(lasts time.Duration) {
	l.t.Helper()
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); <-ticker.C {
		var reports []*telemetry.Report
		for client := range reportedClients {
			if !l.clients[client] {
				continue
			}
			report := l.report(client, smallBytes)
			report.LengthMillis = 250
			report.Labels.SDKLang, report.Labels.SDKVersion = "go", "1.10.0"
			report.LatencyMicros.Observe(2000)
			report.Gauges = []telemetry.Gauge{{Name: "lag_messages", Value: 5}}
			if l.change != nil {
				l.change(client, report)
			}
			reports = append(reports, report)
		}
		if err := l.write(l.t.Context(), reports...); err != nil {
			l.t.Fatal(err)
		}
	}
}

// TestABacktestRepeatsWhatWasLived: the alerts of a backtest are those that the running
// rules raised, with the same times.
func TestABacktestRepeatsWhatWasLived(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), livedRules)
	h.startClickHouse()
	config, addr := h.writeConfig("lateness: 2s", "lateness: 8s") // a report that comes late is not seen by a rule, and is stored
	weir := h.launchWith(config, addr, "--roles", "aggregate,rules,clickhouse")
	weir.awaitReady()
	l := &lived{reporter: newReporter(t, h.brokers, "orders"), clients: map[int]bool{}}
	began := time.Now()
	for client := range reportedClients {
		l.clients[client] = true
	}
	l.stage(12 * time.Second)
	l.change = func(client int, report *telemetry.Report) {
		if report.Messages *= 3; client == 0 {
			report.SizeBytes.Observe(20_000)
			report.LatencyMicros.Observe(3_000_000)
			report.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 90}}
		}
	}
	l.stage(5 * time.Second)
	l.change = func(client int, report *telemetry.Report) {
		switch client {
		case 1: // says goodbye
			report.Events = []telemetry.Event{{Kind: telemetry.EventStopped, TimeUnixMillis: report.StartUnixMillis}}
			l.clients[1] = false
		case 2: // does not
			l.clients[2] = false
		case 3:
			report.Gauges[0].Value = 500
		case 4:
			report.Labels.SDKVersion = "1.9.9"
		}
	}
	l.stage(6 * time.Second)
	l.change = nil
	l.stage(4 * time.Second)
	end := time.Now()
	h.awaitTotals(l.reporter, 0)
	h.await("SELECT uniqExact(rule, fingerprint) FROM alerts WHERE state = 'firing' AND rule LIKE 'Silent%' AND at > "+fmt.Sprint(end.Unix()),
		fmt.Sprint(1+reportedClients-2)) // everything before was evaluated, in all partitions
	if late := weir.metric(`weir_late_reports_total{stage="aggregate"}`); late > 0 {
		t.Fatalf("%g reports were late, which a backtest cannot know", late)
	}
	for history, flags := range map[string][]string{"the store": nil, "weir.cells": {"--from-kafka"}} {
		got := call(t, h.dir, append([]string{"rules", "backtest", "--config", config, "--from", began.Add(-time.Hour).Format(time.RFC3339),
			"--to", end.Add(time.Hour).Format(time.RFC3339), "--format", "json"}, flags...)...)
		if got.code != 0 {
			t.Fatalf("the backtest of %s ends with %d: %s", history, got.code, got.stderr)
		}
		var report toldAlerts
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
			t.Fatalf("%v in %s", err, got.stdout)
		}
		want := h.livedAlerts(report.To)
		if diff := cmp.Diff(want, report.transitions()); diff != "" {
			t.Errorf("-lived +backtested by %s:\n%s", history, diff)
		}
		for _, rule := range []string{"Large", "Surge", "Failing", "Slow", "Behind", "Gone", "Old", "SilentClient"} {
			if !slices.ContainsFunc(want, func(line string) bool { return strings.Contains(line, rule+" ") && strings.Contains(line, "firing") }) {
				t.Errorf("%s did not fire:\n%s", rule, strings.Join(want, "\n"))
			}
		}
		if !strings.Contains(got.stdout, history+" begins at ") {
			t.Errorf("no note says that %s begins: %s", history, got.stdout)
		}
	}
}

// toldAlerts is what the JSON of a backtest says of alerts.
type toldAlerts struct {
	To     time.Time `json:"to"`
	Alerts []struct {
		Rule   string            `json:"rule"`
		Labels map[string]string `json:"labels"`
		Began  time.Time         `json:"began"`
		Fired  time.Time         `json:"fired"`
		Over   time.Time         `json:"over"`
	} `json:"alerts"`
}

func transition(at time.Time, rule, state string, labels map[string]string) string {
	return fmt.Sprintf("%s %s %s %v", at.UTC().Format("15:04:05.000"), rule, state, labels)
}

func (a *toldAlerts) transitions() []string {
	var out []string
	for _, alert := range a.Alerts {
		over := "resolved"
		if !alert.Fired.Equal(alert.Began) {
			out = append(out, transition(alert.Began, alert.Rule, "pending", alert.Labels))
		}
		if alert.Fired.IsZero() {
			over = "inactive"
		} else {
			out = append(out, transition(alert.Fired, alert.Rule, "firing", alert.Labels))
		}
		if !alert.Over.IsZero() {
			out = append(out, transition(alert.Over, alert.Rule, over, alert.Labels))
		}
	}
	slices.Sort(out)
	return out
}

// livedAlerts are the transitions in the store until a time.
func (h *house) livedAlerts(until time.Time) []string {
	h.t.Helper()
	answer, err := h.query("SELECT toUnixTimestamp64Milli(at) AS ms, rule, state, labels FROM alerts FINAL FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0")
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for line := range strings.SplitSeq(answer, "\n") {
		var row struct {
			Ms          int64
			Rule, State string
			Labels      map[string]string
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			h.t.Fatalf("%v in %s", err, line)
		}
		if at := time.UnixMilli(row.Ms); !at.After(until) {
			out = append(out, transition(at, row.Rule, row.State, row.Labels))
		}
	}
	slices.Sort(out)
	return out
}

// peaks writes an hour of two topics that begins at a time: orders has 1,500 messages a
// second in some minutes, and else 500.
func (h *house) peaks(begin time.Time, minutes ...int) {
	h.t.Helper()
	store, err := clickhouse.Open(h.t.Context(), clickhouse.Config{DSN: "http://" + h.clickhouseAddr})
	if err != nil {
		h.t.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	var table telemetry.CellTable
	for minute := range 60 {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: begin.Unix()/60 + int64(minute)}, Ledger: &telemetry.Ledger{Closed: true}}
		for second := range 60 {
			for _, topic := range []string{"orders", "audit"} {
				rate := uint64(500)
				if topic == "orders" && slices.Contains(minutes, minute) {
					rate = 1500
				}
				batch.Ledger.Reports++
				batch.Cells = append(batch.Cells, telemetry.Cell{Pane: begin.Add(time.Duration(60*minute+second) * time.Second),
					Labels: telemetry.Labels{Topic: topic, Op: "send", Client: "c"}, Totals: telemetry.Totals{Reports: 1, Messages: rate}})
			}
		}
		if minute == 50 { // the ledger knows of two that are not there
			batch.Ledger.Reports += 2
		}
		if err := table.Add(telemetry.AppendCellBatch(nil, &batch)); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := store.WriteCells(h.t.Context(), &table); err != nil {
		h.t.Fatal(err)
	}
}

const peakRules = `groups:
  - name: test
    rules:
      - alert: Peak
        by: [topic]
        window: 10s
        expr: tps > %d
        for: 5s
        annotations: {summary: '{{ .topic }} peaks'}
`

// TestBacktestComparesWithARevision of the rules' folder, and with another folder.
func TestBacktestComparesWithARevision(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), fmt.Sprintf(peakRules, 1000))
	h.startClickHouse()
	config, _ := h.writeConfig("pane: 1s", "pane: 1s, tolerance: 1m")
	begin := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Hour)
	h.peaks(begin, 10, 20, 25, 26)
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "rules.d"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "Rules"}, {"tag", "before"}} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-C", h.dir}, args...)...)
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	other := folder(t, "rules.yaml", fmt.Sprintf(peakRules, 1000))
	h.setRules(fmt.Sprintf(peakRules, 1450))
	from, to := begin.Format(time.RFC3339), begin.Add(time.Hour).Format(time.RFC3339)
	day := begin.Format("01-02 15:")
	for _, base := range []string{"before", other} {
		got := call(t, h.dir, "rules", "backtest", "--config", config, "--from", from, "--to", to, "--base", base, "--exit-code")
		want := fmt.Sprintf(`%s to %s, against %s: 0 new, 0 gone, 0 longer, 3 shorter, 0 moved, 0 the same.
Note: the store begins at %[1]s: what was before is unknown.
Note: the store lacks 2 reports of 1 segments of the ledger's 57: alerts may be missing, or be of silence.

Change   Alert  Group         Fired           Lasted  Fired before    Lasted before
shorter  Peak   topic=orders  %[4]s10:15  46s     %[4]s10:11  54s
shorter  Peak   topic=orders  %[4]s20:15  46s     %[4]s20:11  54s
shorter  Peak   topic=orders  %[4]s25:15  1m46s   %[4]s25:11  1m54s

Rule  Fired  Per day  Flaps  Median      In Mon-Fri 09:00-18:00 UTC
Peak  3      72       2      54s -> 46s  %[5]s
`, from, to, base, day, share(begin))
		if diff := cmp.Diff(want, got.stdout); diff != "" || got.code != exitFaults || !strings.Contains(got.stderr, "100%") {
			t.Errorf("against %s the backtest exits %d (-want +got):\n%s%s", base, got.code, diff, got.stderr)
		}
	}
	same := call(t, h.dir, "rules", "backtest", other, "--config", config, "--from", from, "--to", to, "--base", other, "--exit-code", "--format", "markdown")
	if same.code != 0 || !strings.Contains(same.stdout, "0 new, 0 gone, 0 longer, 0 shorter, 0 moved, 3 the same") {
		t.Errorf("compared with itself the backtest exits %d: %s%s", same.code, same.stdout, same.stderr)
	}
	longer, _ := h.writeConfig("pane: 1s", "pane: 10s, tolerance: 1m")
	wrong := call(t, h.dir, "rules", "backtest", "--config", longer, "--from", from, "--to", to)
	if want := "weir: backtest: the store has cells of panes shorter than telemetry.pane 10s, as one that begins at " + begin.Add(time.Second).Format(time.RFC3339) +
		"; say the pane they were made with\n"; wrong.code != exitFailed || wrong.stderr != want {
		t.Errorf("with another pane the backtest exits %d and says %s, want %s", wrong.code, wrong.stderr, want)
	}
	for name, c := range map[string]struct {
		want string
		args []string
	}{
		"no such revision": {`load the rules to compare with: nowhere is no folder, and as a git revision: read rules at "nowhere": git knows no revision nowhere; want a branch, a tag or a commit, such as main, before`,
			[]string{"--base", "nowhere"}},
		"no such time": {`--from: got "yesterday": want RFC 3339 as 2026-11-25T08:00:00Z, or how long before now as 24h or 7d`, []string{"--from", "yesterday"}},
		"no cells":     {"backtest: the store has no cells from " + to + " on: its last are of " + begin.Add(time.Hour-time.Second).Format(time.RFC3339), []string{"--from", to}},
		"too early":    {"backtest: the store has no cells before " + from + ": its first are of " + from, []string{"--to", from}},
		"no hours":     {`business hours "9-5": want days, times and a time zone, as in "Mon-Fri 09:00-18:00 Europe/Berlin" or "Mon,Wed-Thu 08:00-12:30 UTC"`, []string{"--business-hours", "9-5"}},
	} {
		got := call(t, h.dir, append([]string{"rules", "backtest", "--config", config}, c.args...)...)
		if got.code != exitFailed || got.stderr != "weir: "+c.want+"\n" {
			t.Errorf("%s: exits %d and says %q, want %q", name, got.code, got.stderr, c.want)
		}
	}
}

// share is how much of an hour is in business hours, which these tests run at any time of.
func share(hour time.Time) string {
	if day := hour.Weekday(); day == time.Saturday || day == time.Sunday || hour.Hour() < 9 || hour.Hour() >= 18 {
		return "0%"
	}
	return "100%"
}

// TestWithoutAStore commands that ask it end at once, and say which key of the configuration has its address.
func TestWithoutAStore(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	files := []string{"rules.d/rules.yaml", largeMessageRule}
	for _, scheme := range []string{"http", "clickhouse"} {
		files = append(files, scheme+".yaml", "clickhouse: {dsn: \""+scheme+"://weir:hunter2@"+addr+"\"}\nrules: {dir: rules.d}\n")
	}
	dir := folder(t, files...)
	for _, command := range []string{"rules backtest --config http.yaml", "rules backtest --config clickhouse.yaml", "rules check --config http.yaml"} {
		file := filepath.Join(dir, command[strings.LastIndexByte(command, ' ')+1:])
		want := "weir: open the store: no connection to the address of clickhouse.dsn (" + file + ":1): dial tcp " + addr +
			": connect: connection refused; start ClickHouse there, or give another address in the file of --config, or by WEIR_CLICKHOUSE_DSN\n"
		if got := call(t, dir, strings.Fields(command)...); got.code != exitFailed || got.stderr != want {
			t.Errorf("%s exits %d and says %s, want %s", command, got.code, got.stderr, want)
		}
	}
}
