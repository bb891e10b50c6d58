package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// inspectedRules are a rule of each kind: of what is there, of a few, and of what is not.
const inspectedRules = `groups:
  - name: daily
    lane: inspection
    defaults: {by: [topic], labels: {severity: info}}
    rules:
      - alert: LargeMessage
        where: op == "send"
        expr: size_max > 10KiB
        annotations: {summary: '{{ .topic }} carries {{ .size_max | humanize1024 }}B'}
      - alert: LazyTopic
        where: op == "send"
        expr: messages > 0 and messages < 10
        annotations: {summary: '{{ .topic }} has {{ .messages }} messages a day'}
      - alert: ColdTopic
        window: 7d
        expr: messages == 0
        annotations: {summary: 'nobody sends to {{ .topic }}'}
`

// storeDays has a day of three topics in the store, of which one is silent for more than a week, and returns the day.
func (h *house) storeDays() time.Time {
	h.t.Helper()
	day := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	for _, row := range []string{
		fmt.Sprintf("(%d, 'idle', 'send', 7, 50, [400], [1])", day.Add(-10*24*time.Hour).Unix()),
		fmt.Sprintf("(%d, 'orders', 'send', 500, 20480, [400], [1])", day.Add(time.Hour).Unix()),
		fmt.Sprintf("(%d, 'orders', 'send', 500, 100, [400], [1])", day.Add(23*time.Hour).Unix()),
		fmt.Sprintf("(%d, 'rare', 'send', 4, 100, [400], [1])", day.Add(5*time.Hour).Unix()),
		fmt.Sprintf("(%d, 'rare', 'send', 100, 50000, [400], [1])", day.Add(-time.Hour).Unix()), // of the day before
		fmt.Sprintf("(%d, 'later', 'send', 1, 50000, [400], [1])", day.Add(24*time.Hour+20*time.Minute).Unix()),
	} {
		statement := "INSERT INTO rollup_10s (ts, topic, op, messages, size_max_bytes, `size.i`, `size.c`) VALUES " + row
		response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
		if code, body := read(response, err); code != http.StatusOK {
			h.t.Fatalf("%s: %d %s", statement, code, body)
		}
	}
	return day
}

// inspectedHouse is a house whose store has those days.
func inspectedHouse(t *testing.T) (h *house, day time.Time) {
	t.Helper()
	h = newHouse(t, embeddedBroker(t), inspectedRules)
	h.startClickHouse()
	migrating := h.startWeir("--roles", "clickhouse")
	h.await("SELECT max(version) >= 5 FROM schema_migrations", "1")
	migrating.stopInOrder()
	return h, h.storeDays()
}

// TestInspectADay by hand: what is found is printed, and kept only where that is asked for, however often.
func TestInspectADay(t *testing.T) {
	t.Parallel()
	h, day := inspectedHouse(t)
	config, _ := h.writeConfig()
	yesterday := day.Format(time.DateOnly)
	want := yesterday + `: 3 findings of 3 rules, 100% of the day's reports are stored.

Rule          Severity  Group         Finding
LargeMessage  info      topic=orders  orders carries 20KiB
LazyTopic     info      topic=rare    rare has 4 messages a day
ColdTopic     info      topic=idle    nobody sends to idle
`
	got := call(t, h.dir, "rules", "inspect", "--config", config)
	if got.code != 0 || got.stdout != want {
		t.Errorf("it ends with %d and says %s%s\nwant\n%s", got.code, got.stdout, got.stderr, want)
	}
	if kept, err := h.query("SELECT count() FROM inspection_findings"); err != nil || kept != "0" {
		t.Errorf("the table has %s rows, %v", kept, err)
	}
	for range 2 {
		got = call(t, h.dir, "rules", "inspect", h.rulesDir(), "--config", config, "--day", yesterday, "--write", "--format", "json")
		var report struct {
			Day      string
			Findings []telemetry.Finding
		}
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 0 || report.Day != yesterday || len(report.Findings) != 3 {
			t.Errorf("it ends with %d, %v, and says %s%s", got.code, err, got.stdout, got.stderr)
		}
	}
	h.await("SELECT rule, labels['topic'], summary FROM inspections WHERE day = '"+yesterday+"' ORDER BY rule",
		"ColdTopic\tidle\tnobody sends to idle\nLargeMessage\torders\torders carries 20KiB\nLazyTopic\trare\trare has 4 messages a day")

	got = call(t, h.dir, "rules", "inspect", "--config", config, "--day", day.Add(-10*24*time.Hour).Format(time.DateOnly), "--format", "markdown")
	for _, part := range []string{": 1 finding of 3 rules", "> the store begins at " + day.Add(-10*24*time.Hour).Format(time.RFC3339) + ": what was before is unknown."} {
		if !strings.Contains(got.stdout, part) || got.code != 0 {
			t.Errorf("of the store's first day it ends with %d and says %s%s, want %q", got.code, got.stdout, got.stderr, part)
		}
	}
	today := day.Add(24 * time.Hour).Format(time.DateOnly)
	for arguments, want := range map[string]struct {
		code int
		text string
	}{
		"--day " + today:                        {1, "weir: inspect: the day " + today + " is not over: choose one before " + today + "\n"},
		"--day 25.11.2026":                      {1, `weir: --day: got "25.11.2026": want a day as 2026-11-25` + "\n"},
		"--format yaml":                         {2, ""},
		folder(t, "empty.yaml", "groups: []\n"): {1, ""},
	} {
		got := call(t, h.dir, append([]string{"rules", "inspect", "--config", config}, strings.Fields(arguments)...)...)
		if got.code != want.code || want.text != "" && got.stderr != want.text {
			t.Errorf("%s ends with %d and says %s", arguments, got.code, got.stderr)
		}
	}
}
