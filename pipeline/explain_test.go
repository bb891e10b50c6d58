package pipeline

import (
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

const explainedRule = `groups:
  - name: test
    rules:
      - alert: Surge
        by: [topic]
        where: op == "send" and lane startsWith "a"
        window: 10s
        expr: tps > 50 and tps > 2 * over(30s).tps and clients > 1
        annotations: {summary: '{{ .topic }} surges'}
`

// explaining is a pipeline that does not run and has the alerts of an evaluator, one for each topic, behind a token.
func explaining(t *testing.T, topics ...string) (*Pipeline, Config) {
	t.Helper()
	config := DefaultConfig()
	config.Rules.Dir, config.HTTP.Token = t.TempDir(), "secret"
	config.Grafana.DashboardURL = "https://grafana.example.com/d/weir"
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(explainedRule), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	set, _ := p.rules.current()
	e, begin := rules.NewEvaluator(set, rules.Config{Pane: 10 * time.Second}), time.Unix(1_800_000_000, 0).UTC()
	heard := func(at time.Duration) {
		e.ApplyWatermark(telemetry.Watermark{EventTime: begin.Add(at), At: begin.Add(at), Sources: 1})
		e.Advance()
	}
	heard(0)
	for pane, messages := range []uint64{100, 100, 1000} {
		at := time.Duration(pane) * 10 * time.Second
		for _, topic := range topics {
			e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: set.Groupings()[0].ID, Values: []string{topic},
				Partials: []telemetry.GroupPartial{{Pane: begin.Add(at), Totals: telemetry.Totals{Reports: 1, Messages: messages, Clients: []string{"a", "b"},
					Versions: []telemetry.VersionTotals{{SDKLang: "go", SDKVersion: "1.0", Messages: 30}, {SDKLang: "java", SDKVersion: "2.1", Messages: 970}}}}}}}})
		}
		heard(at + 10*time.Second)
	}
	p.alerts.set(0, e)
	return p, config
}

// TestAlertsAreExplained holds the text that people see, on the page and in a terminal.
func TestAlertsAreExplained(t *testing.T) {
	p, config := explaining(t, "orders")
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	const sql = `-- left out: lane startsWith "a"
SELECT client, partition, sdk_lang, sdk_version, sum(messages) AS messages, sum(errors) AS errors,
       max(latency_max_us) / 1000 AS latency_max_ms
FROM rollup_10s FINAL
WHERE ts >= '2027-01-15 08:00:20'
  AND ts < '2027-01-15 08:00:30'
  AND topic = 'orders'
  AND op = 'send'
GROUP BY client, partition, sdk_lang, sdk_version
ORDER BY messages DESC, errors DESC, client, partition
LIMIT 20`
	id := p.Alerts()[0].ID
	want := `Surge{topic=orders} is firing
orders surges

  tps > 50 and tps > 2 * over(30s).tps and clients > 1: true
    tps > 50: 100 /s > 50: true
    tps > 2 * over(30s).tps: 100 /s > 80 /s: true
      2 * over(30s).tps = 80 /s
        over(30s).tps = 40 /s
    clients > 1: 2 > 1: true

window        2027-01-15T08:00:20Z to 2027-01-15T08:00:30Z, 100% of sources, 0 late reports
true since    2027-01-15T08:00:30Z
firing since  2027-01-15T08:00:30Z
clients       2
versions      java 2.1: 970 messages
              go 1.0: 30 messages
page          ` + server.URL + "/alerts/" + id + `
dashboard     https://grafana.example.com/d/weir?from=1799999120000&to=1800000930000&var-alertname=Surge&var-topic=orders

Who contributed:

  ` + strings.ReplaceAll(sql, "\n", "\n  ") + "\n"
	for _, alert := range []string{"Surge", "Surge{topic=orders}", id} {
		var out strings.Builder
		if err := ExplainAlert(t.Context(), &config, AlertQuestion{Alert: alert, URL: server.URL, Out: &out}); err != nil || out.String() != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", alert, err, out.String(), want)
		}
	}
	var out strings.Builder
	var got ExplainedAlert
	err := ExplainAlert(t.Context(), &config, AlertQuestion{Alert: id, URL: server.URL, JSON: true, Out: &out})
	if err != nil || json.Unmarshal([]byte(out.String()), &got) != nil || got.ID != id || got.SQL != sql || len(got.Lines) != 6 || len(got.Explanation.Parts) != 12 {
		t.Errorf("as JSON: %v, %s", err, out.String())
	}
	code, page := get(p, "/alerts/"+id)
	for _, want := range []string{html.EscapeString("  tps > 2 * over(30s).tps: 100 /s > 80 /s: true\n"), html.EscapeString(sql), "java 2.1: 970<br>", "<td>2</td>", `<a href="https://grafana.example.com/d/weir?from=`} {
		if code != http.StatusOK || !contains(page, want) {
			t.Errorf("the page answers %d and does not say %q:\n%s", code, want, page)
		}
	}
}

// TestWhatIsUnknownIsToldOf holds that people see since when it is unknown whether an alert's condition holds.
func TestWhatIsUnknownIsToldOf(t *testing.T) {
	p, config := explaining(t)
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	e, at := rules.NewEvaluator(&rules.Set{}, rules.Config{Pane: 10 * time.Second}), time.Unix(1_800_000_000, 0).UTC()
	e.Restore([]telemetry.Alert{{ID: "00000000000000aa", Rule: "Behind", State: telemetry.AlertFiring, ActiveAt: at, UnknownSince: at.Add(time.Minute)}}, rules.Progress{EvaluatedUntil: at})
	p.alerts.set(0, e)
	var out strings.Builder
	if err := ExplainAlert(t.Context(), &config, AlertQuestion{Alert: "Behind", URL: server.URL, Out: &out}); err != nil || !strings.Contains(out.String(), "\nunknown since  2027-01-15T08:01:00Z\n") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	if code, page := get(p, "/alerts/00000000000000aa"); code != http.StatusOK || !contains(page, "<tr><th>Unknown since</th><td>2027-01-15 08:01:00") {
		t.Errorf("the page answers %d:\n%s", code, page)
	}
}

// TestExplanationsThatFail hold what is said where it is not clear which alert is meant, or weir does not answer.
func TestExplanationsThatFail(t *testing.T) {
	p, config := explaining(t, "bills", "orders")
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	alerts := p.Alerts()
	both := "\n  " + alerts[0].ID + "  firing    Surge{topic=" + alerts[0].Labels["topic"] + "}\n  " + alerts[1].ID + "  firing    Surge{topic=" + alerts[1].Labels["topic"] + "}"
	stranger := config
	stranger.HTTP.Token = "guessed"
	for _, c := range []struct {
		config     Config
		alert, url string
		want       string
	}{
		{config, "Surge", server.URL, "2 alerts match Surge; choose one by its id, or by labels:" + both},
		{config, "Surge{topic=c}", server.URL, "no alert matches Surge{topic=c}; " + server.URL + " has these:" + both},
		{config, "00c0ffee00c0ffee", server.URL, "ask weir: " + server.URL + "/api/v1/alerts/00c0ffee00c0ffee answers 404 Not Found: this process has no such alert"},
		{config, "Surge", "weir:8686", `got the URL "weir:8686", want http:// or https:// and a host, as in http://127.0.0.1:8686`},
		{stranger, "Surge", server.URL, "ask weir: " + server.URL + "/api/v1/alerts answers 401 Unauthorized: send the token of weir.yaml (http.token) as a bearer token, or as the password of any user"},
	} {
		var out strings.Builder
		if err := ExplainAlert(t.Context(), &c.config, AlertQuestion{Alert: c.alert, URL: c.url, Out: &out}); err == nil || err.Error() != c.want || out.String() != "" {
			t.Errorf("%s at %s: got %v and %q, want %s", c.alert, c.url, err, out.String(), c.want)
		}
	}
}

// TestAWeirBehindTLSIsAsked trusts the configuration's certificate, which nobody else signed, and no other one.
func TestAWeirBehindTLSIsAsked(t *testing.T) {
	p, config := explaining(t, "orders")
	server := httptest.NewTLSServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	ask := func(contributors bool) error {
		return ExplainAlert(t.Context(), &config, AlertQuestion{Alert: "Surge", URL: server.URL, Contributors: contributors, Out: io.Discard})
	}
	if err := ask(false); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	config.HTTP.TLSCertFile = filepath.Join(t.TempDir(), "weir.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(config.HTTP.TLSCertFile, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(false); err != nil {
		t.Errorf("weir's own certificate: %v", err)
	}
	config.ClickHouse.DSN = ""
	const want = "clickhouse.dsn is empty: name a store to ask who contributed"
	if err := ask(true); err == nil || err.Error() != want {
		t.Errorf("without a store: %v, want %s", err, want)
	}
}

// TestAnAlertOfOtherRulesSaysSo once the process evaluates by others, in all places; a process that evaluates none says nothing.
func TestAnAlertOfOtherRulesSaysSo(t *testing.T) {
	p, config := explaining(t, "orders")
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	alert := p.Alerts()[0]
	edited := strings.Replace(explainedRule, "clients > 1", "clients > 2", 1)
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.explained(&alert).RulesChanged; got != "" {
		t.Errorf("before the reload it says %q", got)
	}
	if _, err := p.Reload(); err != nil {
		t.Fatal(err)
	}
	set, _ := p.rules.current()
	want := "the rules changed since: revision " + alert.Revision + " then, " + set.Revision + " now"
	var out strings.Builder
	if err := ExplainAlert(t.Context(), &config, AlertQuestion{Alert: alert.ID, URL: server.URL, Out: &out}); err != nil || !strings.Contains(out.String(), "\nnote          "+want+"\n") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	if code, page := get(p, "/alerts/"+alert.ID); code != http.StatusOK || !contains(page, "<tr><th>Note</th><td>"+want+"</td></tr>") {
		t.Errorf("the page answers %d\n%s", code, page)
	}
	p.config.Roles = []string{RoleAlertmanager}
	if got := p.explained(&alert).RulesChanged; got != "" {
		t.Errorf("where no rules are evaluated it says %q", got)
	}
}
