package pipeline

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// TestReportsAtTheLongestIntervalComeInTime has a client report as seldom as commands may ask, and four times as seldom: of the former fewer than one report in twenty
// is late, though the worker looks just when a pane closes, of the latter most are.
func TestReportsAtTheLongestIntervalComeInTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ pane, lateness time.Duration }{
		{10 * time.Second, 5 * time.Second}, {10 * time.Second, 15 * time.Second}, {10 * time.Second, 50 * time.Second},
		{time.Second, 1500 * time.Millisecond}, {5 * time.Second, 2 * time.Second}, {time.Minute, 5 * time.Second}, {time.Minute, time.Minute},
	} {
		c := DefaultConfig().Telemetry
		c.Pane, c.Lateness = test.pane, test.lateness
		longest := c.longestReports()
		if late := lateShare(t, c, longest); late >= 1.0/graceOfPane {
			t.Errorf("pane %s, lateness %s: each %s, %.2f%% of reports are late", c.Pane, c.Lateness, longest, 100*late)
		}
	}
	c := DefaultConfig().Telemetry
	if got := c.longestReports(); got != 5*time.Second {
		t.Errorf("with the defaults the longest interval is %s, want 5s", got)
	}
	if late := lateShare(t, c, 20*time.Second); late < 0.5 {
		t.Errorf("each 20s, only %.2f%% of reports are late", 100*late)
	}
}

// lateShare is the share of reports that come late of a client that reports at an interval, spread as sdk/report does, to a source whose worker ticks.
func lateShare(t *testing.T, c TelemetryConfig, interval time.Duration) float64 {
	t.Helper()
	const underWay = 100 * time.Millisecond // from the client into the fold
	const reports = 20000
	config := Config{Telemetry: c}
	fold := aggregate.NewFold(telemetry.Source{}, config.Parameters(), c.Lateness, nil)
	random, decoder := rand.New(rand.NewPCG(1, 2)), ingest.NewDecoder(ingest.DefaultLimits())
	every := min(max(c.Pane/4, minFlushInterval), maxFlushInterval)
	began := controlNow
	ticked := began
	for i := range reports {
		end := began.Add(time.Duration(float64(interval) * (0.9 + 0.2*random.Float64())))
		came := end.Add(underWay)
		for next := ticked.Add(every); !next.After(came); next = ticked.Add(every) {
			ticked = next
			fold.Idle(ticked)
		}
		at := aggregate.Position{Offset: int64(i), AppendUnixMillis: came.UnixMilli()}
		fold.Begin(at)
		value, err := telemetry.MarshalReport(&telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: began.UnixMilli(), LengthMillis: uint32(end.Sub(began).Milliseconds()),
			Labels: telemetry.Labels{Cluster: "eu", Op: "send", Topic: "orders", Client: "shop-1", System: "kafka"}, Messages: 1})
		if err != nil {
			t.Fatal(err)
		}
		report, err := decoder.DecodeValues(value, at.AppendUnixMillis)
		if err != nil {
			t.Fatal(err)
		}
		if err := fold.Add(at, report, decoder); err != nil {
			t.Fatal(err)
		}
		began = end
	}
	return float64(fold.Counters().Late) / reports
}

// seldom is a file with a command to report each 20 s, until a time.
func seldom(until time.Time) string {
	return "commands:\n  - {name: seldom, scope: {topic: orders}, author: li, reason: r, expires_at: " + until.UTC().Format(time.RFC3339) + ", report_interval: {seconds: 20}}\n"
}

// TestApplyRefusesSeldomReports: `weir control apply` refuses an interval that the configuration's lateness does not leave, also dry and before anything is asked.
func TestApplyRefusesSeldomReports(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seldom.yaml")
	if err := os.WriteFile(path, []byte(seldom(time.Now().Add(time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "report_interval.seconds: got 20, want at most 5: telemetry.lateness is 5s"
	for _, dry := range []bool{true, false} {
		config := DefaultConfig()
		config.Kafka.Brokers = []string{"127.0.0.1:1"}
		err := ApplyControl(t.Context(), &config, ControlApply{Path: path, DryRun: dry, Out: t.Output()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dry run %t: got %v, want %q", dry, err, want)
		}
	}
	config := DefaultConfig()
	config.Telemetry.Lateness = 25 * time.Second
	if _, err := readControlFiles(path, time.Now(), config.Telemetry); err != nil {
		t.Errorf("a lateness of 25s: %v", err)
	}
	config = DefaultConfig()
	if _, err := readControlFiles(path, time.Now().Add(2*time.Hour), config.Telemetry); err != nil {
		t.Errorf("a command that is over: %v", err)
	}
}

// TestPostedSeldomReports: what is posted is refused likewise.
func TestPostedSeldomReports(t *testing.T) {
	t.Parallel()
	c := DefaultConfig().Telemetry
	posted := []control.Command{{Name: "often", ReportInterval: &control.ReportInterval{Seconds: 5}}, {Name: "seldom", ReportInterval: &control.ReportInterval{Seconds: 5.1}}}
	if err := c.postedReports(posted[:1], controlNow); err != nil {
		t.Error(err)
	}
	if err := c.postedReports(posted, controlNow); err == nil || !strings.Contains(err.Error(), "commands[1]: ") || !strings.Contains(err.Error(), "report_interval.seconds: got 5.1") {
		t.Errorf("got %v", err)
	}
}
