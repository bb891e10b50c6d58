package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/webhook"
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

// loseReports has the ledger tell of a segment of a day whose cells are not there.
func (h *house) loseReports(day time.Time) {
	h.t.Helper()
	statement := fmt.Sprintf("INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('00000000000000000000000000000001/0', 0, %d, 12, true, 25), ('00000000000000000000000000000001/0', 0, %d, 0, true, 1)",
		day.Add(12*time.Hour).Unix(), day.Add(24*time.Hour).Unix())
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
	if code, body := read(response, err); code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", statement, code, body)
	}
}

// fallBehind has the ledger tell of a source that the store has only up to nine o'clock.
func (h *house) fallBehind(day time.Time) {
	h.t.Helper()
	statement := fmt.Sprintf("INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('00000000000000000000000000000002/3', 0, %d, 0, true, 1)",
		day.Add(9*time.Hour).Unix())
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
	if code, body := read(response, err); code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", statement, code, body)
	}
}

// inspectedHouse is a house whose store has those days.
func inspectedHouse(t *testing.T) (h *house, day time.Time) {
	t.Helper()
	h = newHouse(t, embeddedBroker(t), inspectedRules)
	h.startClickHouse()
	migrating := h.startWeir("--roles", "clickhouse")
	h.await("SELECT max(version) >= 7 FROM schema_migrations", "1")
	migrating.stopInOrder()
	return h, h.storeDays()
}

// TestInspectADay by hand: what is found is printed, and kept only where that is asked for, however often.
func TestInspectADay(t *testing.T) {
	t.Parallel()
	h, day := inspectedHouse(t)
	config, _ := h.writeConfig()
	yesterday := day.Format(time.DateOnly)
	want := yesterday + `: 3 findings of 3 rules, how many of the day's reports are stored is unknown.

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
	h.loseReports(day)
	got = call(t, h.dir, "rules", "inspect", "--config", config)
	want = yesterday + `: 1 finding of 3 rules, 0% of the day's reports are stored.
Note: the store lacks 12 of 12 reports of ` + yesterday + `.
Note: LazyTopic is undecided of 1 group: too much is unknown.
Note: ColdTopic is undecided of 1 group: too much is unknown.
`
	if got.code != 0 || !strings.HasPrefix(got.stdout, want) {
		t.Errorf("where reports are lost it ends with %d and says %s%s\nwant\n%s", got.code, got.stdout, got.stderr, want)
	}
	h.fallBehind(day)
	got = call(t, h.dir, "rules", "inspect", "--config", config)
	want = yesterday + ": 1 finding of 3 rules, how many of the day's reports are stored is unknown.\n" +
		"Note: the store does not have 1 of the sources to the end of the day: 00000000000000000000000000000002/3 up to " + day.Add(9*time.Hour).Format(time.RFC3339) + ".\n"
	if got.code != 0 || !strings.HasPrefix(got.stdout, want) {
		t.Errorf("where a source is behind it ends with %d and says %s%s\nwant\n%s", got.code, got.stdout, got.stderr, want)
	}
	begins := day.Add(-10 * 24 * time.Hour)
	before, between := begins.Add(-24*time.Hour).Format(time.DateOnly), begins.Add(48*time.Hour).Format(time.DateOnly)
	today := day.Add(24 * time.Hour).Format(time.DateOnly)
	for arguments, want := range map[string]struct {
		code int
		text string
	}{
		"--day " + today:                        {1, "weir: inspect: the day " + today + " is not over: choose one before " + today + "\n"},
		"--day 25.11.2026":                      {1, `weir: --day: got "25.11.2026": want a day as 2026-11-25` + "\n"},
		"--write --day " + before:               {1, "weir: inspect: the store has nothing of the day " + before + ": its first cells are of " + begins.Format(time.RFC3339) + "\n"},
		"--write --day " + between:              {1, "weir: inspect: the store has nothing of the day " + between + ", though of days before and after it\n"},
		"--format yaml":                         {2, ""},
		folder(t, "empty.yaml", "groups: []\n"): {1, ""},
	} {
		got := call(t, h.dir, append([]string{"rules", "inspect", "--config", config}, strings.Fields(arguments)...)...)
		if got.code != want.code || want.text != "" && got.stderr != want.text {
			t.Errorf("%s ends with %d and says %s", arguments, got.code, got.stderr)
		}
	}
}

// TestTheDailyDigest reaches the chat once for each day, though two processes evaluate rules, and all are killed and start again.
func TestTheDailyDigest(t *testing.T) {
	t.Parallel()
	h, day := inspectedHouse(t)
	h.startAlertmanager()
	owners := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(h.rulesDir(), "policy.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owners("owners:\n  - {owner: sales, topics: [order*]}\n")
	at := []string{"http: {addr", `inspection: {at: "00:00"}` + "\nhttp: {addr"}
	start := func(roles string) *process {
		config, addr := h.writeConfig(at...)
		return h.launchWith(config, addr, "--roles", roles)
	}
	running := []*process{start("aggregate,rules,alertmanager"), start("rules")}
	r := newReporter(t, h.brokers, "live")
	if err := r.write(t.Context(), r.report(0, smallBytes)); err != nil {
		t.Fatal(err)
	}
	digests := func() (firing []webhook.Notification) {
		for _, n := range h.chat.Notifications() {
			if n.Labels["alertname"] == "Inspection" && n.Status == "firing" {
				firing = append(firing, n)
			}
		}
		return firing
	}
	eventually(t, func() bool { return len(digests()) > 0 }, func() string { return "no digest came" + h.state() })
	got := digests()[0]
	yesterday := day.Format(time.DateOnly)
	if want := map[string]string{"alertname": "Inspection", "severity": "info", "lane": "inspection", "day": yesterday}; !maps.Equal(got.Labels, want) {
		t.Errorf("its labels are %v, want %v", got.Labels, want)
	}
	if want := "3 findings on " + yesterday + ": LargeMessage 1, LazyTopic 1, ColdTopic 1"; got.Annotations["summary"] != want {
		t.Errorf("it says %q, want %q", got.Annotations["summary"], want)
	}
	if want := "LargeMessage: orders carries 20KiB\nLazyTopic: rare has 4 messages a day\nColdTopic: nobody sends to idle\n" +
		"All of them: weir rules inspect --day " + yesterday + ", or SELECT * FROM inspections WHERE day = '" + yesterday + "'."; got.Annotations["description"] != want {
		t.Errorf("it describes %q, want %q", got.Annotations["description"], want)
	}
	h.await("SELECT count() FROM inspections WHERE day = '"+yesterday+"'", "3")
	const whose = "SELECT owner, topics FROM owners FINAL WHERE written_at = (SELECT max(written_at) FROM owners) ORDER BY position"
	h.await(whose, "[]\nsales\t['order%']")
	owners("owners:\n  - {owner: shop, topics: [orders]}\n")
	for _, p := range running {
		p.Kill()
	}
	running = []*process{start("aggregate,rules,alertmanager"), start("rules")}
	running[0].awaitReady()
	running[1].awaitReady()
	eventually(t, func() bool {
		newest := 0.0
		for _, p := range running {
			newest = max(newest, p.metric("weir_inspections_last_day_timestamp_seconds"))
		}
		return newest == float64(day.Unix())
	}, func() string { return "nobody knows of the day after a restart" + h.state() })
	h.await(whose, "[]\nshop\t['orders']")
	h.await("SELECT uniqExact(asked_at) FROM inspection_findings WHERE day = '"+yesterday+"'", "1")
	page := ""
	eventually(t, func() bool {
		var code int
		code, page = running[0].get("/alerts/" + telemetry.Fingerprint(got.Labels))
		return code == http.StatusOK
	}, func() string { return "the digest has no page: " + page })
	if want := "SELECT rule, severity, labels, summary FROM inspections WHERE day = &#39;" + yesterday + "&#39; ORDER BY rule, fingerprint"; !strings.Contains(page, want) {
		t.Errorf("its page lacks %s: %s", want, page)
	}
	if n := len(digests()); n != 1 {
		t.Errorf("%d digests came", n)
	}
}
