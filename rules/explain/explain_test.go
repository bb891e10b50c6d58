package explain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/explain"
	"github.com/weirmq/weir/telemetry"
)

// TestLines: a comparison has its two sides and the outcome in one line, and below it what they are made of.
func TestLines(t *testing.T) {
	e := &telemetry.Explanation{More: 2, Parts: []telemetry.ExplainedPart{
		{Text: "tps >= 10000 and\n  tps >= 2 * over(5m).tps and owner == \"a\"", Op: "and", Value: nil},
		{Text: "tps >= 10000", Depth: 1, Op: ">=", Value: true}, {Text: "tps", Depth: 2, Value: 20000.0, Unit: "/s"}, {Text: "10000", Depth: 2, Value: 10000.0},
		{Text: "tps >= 2 * over(5m).tps", Depth: 1, Op: ">=", Value: true}, {Text: "tps", Depth: 2, Value: 20000.0, Unit: "/s"},
		{Text: "2 * over(5m).tps", Depth: 2, Op: "*", Value: 8046.0, Unit: "/s"}, {Text: "2", Depth: 3, Value: 2.0}, {Text: "over(5m).tps", Depth: 3, Value: 4023.0, Unit: "/s"},
		{Text: "p99 > 800ms", Depth: 1, Op: ">", Value: true}, {Text: "p99", Depth: 2, Value: 0.9531234567, Unit: "s"}, {Text: "800ms", Depth: 2, Value: 0.8, Unit: "s"},
		{Text: "lag / 0 > lag_max", Depth: 1, Op: ">", Value: nil}, {Text: "lag / 0", Depth: 2, Op: "/", Value: "+Inf"}, {Text: "lag", Depth: 3, Value: 12345678.0}, {Text: "0", Depth: 3, Value: 0.0},
		{Text: "lag_max", Depth: 2, Value: nil},
		{Text: `label("owner") == "a"`, Depth: 1, Op: "==", Value: false}, {Text: `label("owner")`, Depth: 2, Value: "b"}, {Text: `"a"`, Depth: 2, Value: "a"},
		{Text: "max(lag, 7)", Depth: 1, Value: 9.0}, {Text: "lag", Depth: 2, Value: nil, Unit: ""},
	}}
	const want = `tps >= 10000 and tps >= 2 * over(5m).tps and owner == "a": unknown
  tps >= 10000: 20000 /s >= 10000: true
  tps >= 2 * over(5m).tps: 20000 /s >= 8046 /s: true
    2 * over(5m).tps = 8046 /s
      over(5m).tps = 4023 /s
  p99 > 800ms: 0.953123 s > 0.8 s: true
  lag / 0 > lag_max: +Inf > unknown: unknown
    lag / 0: +Inf
      lag = 12345678
  label("owner") == "a": "b" == "a": false
  max(lag, 7) = 9
    lag: unknown
and 2 more`
	if got := strings.Join(explain.Lines(e), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if explain.Lines(nil) != nil {
		t.Error("what nobody explained has lines")
	}
}

// TestLinesOfSeverities: the condition of the severity that the alert has stands first, by its name in the rule.
func TestLinesOfSeverities(t *testing.T) {
	parsed, faults := rules.Parse("rules.yaml", []byte("groups:\n  - name: g\n    rules:\n"+
		"      - {alert: Surge, by: [topic], window: 10s, let: {much: 300/s}, expr: clients > 1, warn: tps > 10 and bps >= 0B/s, crit: tps > much}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set, at := &rules.Set{Rules: parsed}, time.Unix(1_800_000_000, 0).UTC()
	e := rules.NewEvaluator(set, rules.Config{Pane: 10 * time.Second})
	e.ApplyWatermark(telemetry.Watermark{EventTime: at, At: at, Sources: 1})
	evaluated := func(messages uint64) string {
		e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: set.Groupings()[0].ID, Values: []string{"orders"},
			Partials: []telemetry.GroupPartial{{Pane: at, Totals: telemetry.Totals{Reports: 1, Messages: messages, Clients: []string{"a", "b"}}}}}}})
		at = at.Add(10 * time.Second)
		e.ApplyWatermark(telemetry.Watermark{EventTime: at, At: at, Sources: 1})
		e.Advance()
		alert := e.Alerts()[0]
		return alert.Labels["severity"] + "\n" + strings.Join(explain.Lines(alert.Explanation), "\n")
	}
	for _, c := range []struct {
		messages uint64
		want     string
	}{
		{1000, `warning
warn: tps > 10 and bps >= 0B/s: true
  tps > 10: 100 /s > 10: true
  bps >= 0B/s: 0 B/s >= 0 B/s: true
crit: tps > much: 100 /s > 300 /s: false
expr: clients > 1: 2 > 1: true`},
		{4000, `critical
crit: tps > much: 400 /s > 300 /s: true
warn: tps > 10 and bps >= 0B/s: true
  tps > 10: 400 /s > 10: true
  bps >= 0B/s: 0 B/s >= 0 B/s: true
expr: clients > 1: 2 > 1: true`},
	} {
		if got := evaluated(c.messages); got != c.want {
			t.Errorf("of %d messages:\n%s\nwant\n%s", c.messages, got, c.want)
		}
	}
}

// TestSQL: labels are compared, each once where the rule groups by them, and the rest of the where is said to be left out.
func TestSQL(t *testing.T) {
	parsed, faults := rules.Parse("rules.yaml", []byte(`groups:
  - name: g
    rules:
      - alert: Slow
        by: [cluster, group, owner, shard]
        where: op == "send" and cluster != "" and group in ["billing", "audit"] and tier in ["S1", "S2"] and lane != "a" and label("owner") != "b" and label("team") != "b" and (env == "x" or env == "y") and sdk_version < "1.2"
        window: 1m
        expr: p99 > 800ms
`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	alert := &telemetry.Alert{Rule: "Slow", WindowStart: begin, WindowEnd: begin.Add(time.Minute),
		Labels: map[string]string{"alertname": "Slow", "cluster": `o'r\`, "group": "billing", "owner": "me=you"}}
	const want = `-- left out: env == "x" or env == "y"
-- left out: sdk_version < "1.2"
SELECT client, partition, sdk_lang, sdk_version, sum(messages) AS messages, sum(errors) AS errors,
       max(latency_max_us) / 1000 AS latency_max_ms
FROM rollup_10s FINAL
WHERE ts >= '2026-11-26 08:00:00'
  AND ts < '2026-11-26 08:01:00'
  AND cluster = 'o\'r\\'
  AND consumer_group = 'billing'
  AND has(extra, 'owner=me=you')
  AND NOT arrayExists(x -> startsWith(x, 'shard='), extra)
  AND op = 'send'
  AND (tier = 'S1' OR tier = 'S2')
  AND NOT lane = 'a'
  AND NOT has(extra, 'team=b')
GROUP BY client, partition, sdk_lang, sdk_version
ORDER BY messages DESC, errors DESC, client, partition
LIMIT 20`
	if got := explain.SQL(parsed[0], alert); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := explain.SQL(nil, alert); !strings.HasPrefix(got, "-- left out: its rule is not known here: by what it groups, and its where\nSELECT ") {
		t.Errorf("without a rule: %s", got)
	}
	const link = "https://grafana.example.com/d/weir?from=1795679100000&orgId=1&to=1795680960000&var-alertname=Slow&var-cluster=o%27r%5C&var-group=billing&var-owner=me%3Dyou"
	if got := explain.Dashboard("https://grafana.example.com/d/weir?orgId=1", alert); got != link {
		t.Errorf("the dashboard is %s, want %s", got, link)
	}
	if got := explain.Dashboard("", alert); got != "" {
		t.Errorf("without a dashboard there is a link to %s", got)
	}
}

// TestSelectors: an id, a name, a name with labels.
func TestSelectors(t *testing.T) {
	alert := &telemetry.Alert{ID: "00c0ffee00c0ffee", Rule: "Slow", Labels: map[string]string{"alertname": "Slow", "topic": "a, b", "cluster": "eu"}}
	for text, want := range map[string]bool{"Slow": true, "Fast": false, "00c0ffee00c0ffee": true, "00c0ffee00c0fff0": false, "Slow{cluster=eu}": true,
		`Slow{topic="a, b", cluster=eu}`: true, "Slow{cluster=us}": false, `Slow{}`: true, explain.Name(alert): true} {
		selector, err := explain.ParseSelector(text)
		if err != nil || selector.Matches(alert) != want {
			t.Errorf("%s: %+v, %v; want a match: %t", text, selector, err, want)
		}
	}
	for _, text := range []string{"", "Slow{cluster}", `Slow{topic="a}`, "Slow fast"} {
		const want = `, want the name of an alert, its id of 16 hexadecimal digits, or name{label=value}, as in SendSlow{topic=orders}`
		if _, err := explain.ParseSelector(text); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got, want := explain.Name(alert), `Slow{cluster=eu,topic="a, b"}`; got != want {
		t.Errorf("the name is %s, want %s", got, want)
	}
}
