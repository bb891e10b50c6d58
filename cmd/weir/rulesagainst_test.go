package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const againstRules = `# weir:ignore missing-severity, missing-runbook: the store is what this is about
groups:
  - name: test
    rules:
      - alert: Peak
        by: [topic]
        window: 10s
        expr: messages > 1000
        annotations: {summary: '{{ .topic }} peaks'}
      - alert: Misspelt
        by: [topic, op]
        where: topic == "order"
        window: 10s
        expr: tps_median > 5
        annotations: {summary: '{{ .topic }} is busy'}
`

// TestRulesCheckAgainstAStore compares rules with what a ClickHouse holds, by its address and by the configuration's.
func TestRulesCheckAgainstAStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []string{freeAddr(t)}, againstRules)
	h.startClickHouse()
	config, _ := h.writeConfig()
	url := "http://" + h.clickhouseAddr
	nothing := call(t, h.dir, "rules", "check", "--against", url)
	if nothing.code != exitFailed || !strings.Contains(nothing.stderr, "weir: check rules against the store: read series: ") {
		t.Errorf("got %+v of a store without tables", nothing)
	}
	h.peaks(time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Hour))
	const warning = `rules.d/rules.yaml:12:16: warning: where admits nothing of what the store holds of the last 1d; nothing has topic "order"; did you mean "orders"? [matches-nothing]
            where: topic == "order"
                   ^
`
	table := func(day string) string {
		return "RULE      GROUPS BY  GROUPS  WRITES A DAY  LOOKS BACK  READS       FIRES EARLY\n" +
			"Peak      topic      2       " + day + "        10s         messages    yes\n" +
			"Misspelt  topic, op  0       0B            10s         tps_median  no: tps_median > 5 may become false while more comes in\n" +
			"rules.d: 2 rules, no faults, 1 warning\n"
	}
	for _, c := range []struct {
		args []string
		want ended
	}{
		{[]string{"-v", "--against", url}, ended{table("1.81MB"), warning, 0}},
		{[]string{"-v", "--config", config, "--strict"}, ended{table("18.1MB"), warning, exitFaults}}, // its pane is 1s
		{nil, ended{"rules.d: 2 rules, no faults\n", "", 0}},
		{[]string{"--against", url, "--since", "1m"},
			ended{"", "weir: check rules against the store: it has no cells of the last 1m; ask for a longer time with --since, or for another store\n", exitFailed}},
		{[]string{"--against", url, "--since", "long"}, ended{"", `weir: --since: got "long": want RFC 3339 as 2026-11-25T08:00:00Z, or how long before now as 24h or 7d` + "\n", exitFailed}},
		{[]string{"--against", "htp://weir:hunter2@store"},
			ended{"", "weir: check rules against a store: its address: want http://, https:// or clickhouse://, with user:password@host:port/database\n", exitFailed}},
	} {
		if diff := cmp.Diff(c.want, call(t, h.dir, append([]string{"rules", "check"}, c.args...)...), cmp.AllowUnexported(ended{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, diff)
		}
	}
	addr := freeAddr(t)
	away := call(t, h.dir, "rules", "check", "--against", "http://"+addr)
	want := "weir: open the store: no connection to the address of --against: dial tcp " + addr + ": connect: connection refused; start ClickHouse there, or give --against another address\n"
	if away.code != exitFailed || away.stderr != want {
		t.Errorf("got %+v of a store that is away, want %s", away, want)
	}
}
