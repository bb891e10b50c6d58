package pipeline

import (
	"fmt"
	"html"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/telemetry"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// row returns the table row of a page that holds a text, without markup: cells are
// separated by |.
func row(page, holds string) string {
	for line := range strings.SplitSeq(page, "\n") {
		if strings.Contains(line, "<td") && strings.Contains(line, holds) {
			cells := regexp.MustCompile(`</t[dh]>`).ReplaceAllString(line, "|")
			return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(cells, "")
		}
	}
	return ""
}

func TestNumbersAreNoPowersOfTen(t *testing.T) {
	for _, c := range []struct {
		digits int
		value  float64
		want   string
	}{{3, 1190.4, "1190"}, {3, 12.345, "12.3"}, {4, 1234567.8, "1234568"}, {4, 0.000012345, "0.00001234"}, {4, 42, "42"}, {4, 0, "0"},
		{4, -12345.6, "-12346"}, {4, 999.96, "1000"}, {6, 299.65, "299.65"}, {6, 2e9, "2000000000"}, {4, math.NaN(), "NaN"}, {4, math.Inf(1), "+Inf"}} {
		if got := decimal(c.digits, c.value); got != c.want {
			t.Errorf("%g with %d digits is %s, want %s", c.value, c.digits, got, c.want)
		}
	}
}

// hostile is a topic's name that would run in a browser.
const hostile = `<script>alert("1")</script>&'`

// surging sends reports of 42 messages until the page at a path is of a state of the
// alert that held before and after it was asked for.
func surging(t *testing.T, p *Pipeline, s *sender, path func(id string) string) (telemetry.Alert, string) {
	t.Helper()
	var alert telemetry.Alert
	var page string
	await(t, "an alert that fires and its page", func() bool {
		s.report(hostile, time.Now(), 42)
		before := p.Alerts()
		if len(before) == 0 || before[0].State != telemetry.AlertFiring || before[0].Completeness < 1 { // it fires before its window is whole
			return false
		}
		alert = before[0]
		var code int
		code, page = get(p, path(alert.ID))
		after := p.Alerts()
		return code == http.StatusOK && len(after) == 1 && after[0].EvaluatedAt.Equal(alert.EvaluatedAt) && after[0].State == alert.State
	})
	if messages := alert.Values["messages"]; messages < 42 || int(messages)%42 != 0 || alert.WindowEnd.Sub(alert.WindowStart) != time.Second {
		t.Fatalf("got %+v, want a window of a second with some reports of 42 messages", alert)
	}
	return alert, page
}

func windowOf(alert *telemetry.Alert) string {
	return alert.WindowStart.Format("2006-01-02 15:04:05Z") + " – " + alert.WindowEnd.Format("2006-01-02 15:04:05Z")
}

// TestPagesOfARunningPipeline looks at what people look at when an alert fires.
func TestPagesOfARunningPipeline(t *testing.T) {
	am := newReceiver(t)
	config := runConfig(t, am.URL)
	p := run(t, config)
	s := newSender(t, &config)
	alert, page := surging(t, p, s, func(string) string { return "/" })
	want := fmt.Sprintf("Surge|firing|alertname=Surge topic=%s |messages=%.4g |%s|100%%|", html.EscapeString(hostile), alert.Values["messages"], windowOf(&alert))
	if got := row(page, "/alerts/"+alert.ID); got != want {
		t.Errorf("the alert's row is\n%s, want\n%s", got, want)
	}
	if got := row(page, `<td>Surge</td>`); !regexp.MustCompile(`^Surge\|1\|0\|1\|20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ\|\|$`).MatchString(got) {
		t.Errorf("the rule's row is %s, want one group that fires, when it was evaluated, and no error", got)
	}
	alert, alertPage := surging(t, p, s, func(id string) string { return "/alerts/" + id })
	for _, want := range []string{"<h1>Surge is firing</h1>", fmt.Sprintf("messages = %.6g", alert.Values["messages"]), windowOf(&alert), "100% of sources",
		"action: Call &lt;nobody&gt;", fmt.Sprintf("messages &gt; 10: %.6g &gt; 10: true", alert.Values["messages"]), "summary: " + html.EscapeString(hostile) + " surges", "topic=" + html.EscapeString(hostile)} {
		if !contains(alertPage, want) {
			t.Errorf("the alert's page does not say %q:\n%s", want, alertPage)
		}
	}
	if contains(page+alertPage, "<script") {
		t.Errorf("a label's value is markup:\n%s%s", page, alertPage)
	}
	for _, role := range config.Roles {
		await(t, "the row of "+role, func() bool {
			s.report("other", time.Now(), 1) // something flows
			_, page := get(p, "/")
			return regexp.MustCompile(`^` + role + `\|running\|20[^|]*\|1\|[1-9]\d*\|\d+\.\d\|[1-9]\d*\|\d+\|[\d.e+-]+ ms\|[\d.e+-]+ ms\|0\|\|$`).MatchString(row(page, "<td>"+role+"</td>"))
		})
	}
	await(t, "a post", func() bool { return len(am.taken()) > 0 })
	if want := config.Alertmanager.ExternalURL + "/alerts/" + alert.ID; am.taken()[0] != want {
		t.Errorf("Alertmanager links to %s, want %s", am.taken()[0], want)
	}
	other, err := New(config, testLog(t)) // evaluates nothing, and has read weir.alerts
	if err != nil {
		t.Fatal(err)
	}
	other.told.Store(p.told.Load())
	if code, page := get(other, "/alerts/"+alert.ID); code != http.StatusOK || !contains(page, "<h1>Surge is ") {
		t.Errorf("an alert that was told answers %d:\n%s", code, page)
	}
}

// TestAlertOfAnotherProcess: the page leads on.
func TestAlertOfAnotherProcess(t *testing.T) {
	config := DefaultConfig()
	config.Rules.Dir, config.Roles = "../rules.d", []string{RoleAggregate, RoleClickHouse}
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	const id = "00c0ffee00c0ffee"
	code, page := get(p, "/alerts/"+id)
	for _, want := range []string{"has no alert " + id, "the roles aggregate, clickhouse.", "ask the others of these roles for the same path, /alerts/" + id,
		"FROM alerts FINAL WHERE fingerprint = '" + id + "'", `<a href="/">`} {
		if code != http.StatusNotFound || !contains(page, want) {
			t.Errorf("answers %d and does not say %q:\n%s", code, want, page)
		}
	}
	code, page = get(p, "/alerts/%3Cscript%3E'")
	if code != http.StatusNotFound || contains(page, "<script") || contains(page, "SELECT") || !contains(page, "16 hexadecimal digits") {
		t.Errorf("answers %d:\n%s", code, page)
	}
}

// TestFeedsFindAlerts: the newest state, while there is one.
func TestFeedsFindAlerts(t *testing.T) {
	var feeds alertFeeds
	playFeed(t, feeds.of(0, 1), []feedStep{{0, "a pending 1", "a pending 1"}, {1, "a firing 2", "a firing 2"}})
	playFeed(t, feeds.of(1, 9), []feedStep{{0, "b firing 2", ""}}) // history is shown too
	for id, want := range map[string]string{"a": "firing 2 true", "b": "firing 2 true", "c": " 0 false"} {
		alert, found := feeds.find(id)
		if got := fmt.Sprint(alert.State, " ", alert.Seq, " ", found); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	playFeed(t, feeds.of(0, 1), []feedStep{{2, "a", ""}})
	feeds.drop(1)
	for _, id := range []string{"a", "b"} {
		if _, found := feeds.find(id); found {
			t.Errorf("%s is found: it ended, or its partition moved", id)
		}
	}
}

// TestPageNamesWhatIsOverTheLimit: which labels have how many values, and of which topic.
func TestPageNamesWhatIsOverTheLimit(t *testing.T) {
	config := DefaultConfig()
	config.Rules.Dir = "../rules.d"
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	p.status.setSource(telemetry.Source{Partition: 3}, SourceStatus{Partition: 3, Excess: &aggregate.Excess{Minute: time.Unix(1_800_000_000, 0).UTC(),
		Reports: 7_000, Topics: []aggregate.ExcessTopic{{Cluster: "eu-1", Topic: "orders", Op: "send", Reports: 6_900,
			Labels: []aggregate.ExcessLabel{{Name: "client", Values: 1234}, {Name: "node", Values: 3}}}}}})
	_, page := get(p, "/")
	for _, want := range []string{"partition 3, minute of 2027-01-15 08:00:00Z", "7000 reports"} {
		if !contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got, want := strings.Join(strings.Fields(row(page, "orders")), " "), "eu-1 orders send|6900|client: 1234 node: 3 |"; got != want {
		t.Errorf("the topic's row is %q, want %q", got, want)
	}
	if _, status := get(p, "/api/v1/status"); !contains(status, `"name": "client"`) && !contains(status, `"name":"client"`) {
		t.Errorf("the status does not name the label: %s", status)
	}
}
