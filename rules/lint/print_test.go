package lint_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/lint"
	"github.com/weirmq/weir/telemetry"
)

// found is one problem of each kind: of a whole file, of a line with characters that formats escape, and a folder without files.
var found = []lint.Checked{
	{Dir: "r", Problems: []lint.Problem{
		{Fault: rules.Fault{File: "r/a: b.yaml", Message: "the file cannot be read"}, Check: lint.FaultCheck, Severity: lint.Error},
		{Fault: rules.Fault{File: "r/ä.yaml", Line: 3, Column: 7, Message: `5% of "x" < 1,000`, Hint: "write 5", Source: "  expr: x"}, Check: "never-true", Severity: lint.Warning},
	}},
	{Dir: "good", Rules: 2},
	{Dir: "none", Error: "there is\nnone"},
}

func TestFormats(t *testing.T) {
	for format, want := range map[string][2]string{
		"text": {"good: 2 rules, no faults\n", `r/a: b.yaml: the file cannot be read
r/ä.yaml:3:7: warning: 5% of "x" < 1,000; write 5 [never-true]
      expr: x
          ^
`},
		"github": {`::error file=r/a%3A b.yaml,title=fault::the file cannot be read
::warning file=r/ä.yaml,line=3,col=7,title=never-true::5%25 of "x" < 1,000; write 5
::error::there is%0Anone
`, ""},
		"json": {`{"dir":"r","rules":0,"faults":[{"file":"r/a: b.yaml","line":0,"column":0,"message":"the file cannot be read"}],` +
			`"warnings":[{"check":"never-true","file":"r/ä.yaml","line":3,"column":7,"message":"5% of \"x\" \u003c 1,000","source":"  expr: x","hint":"write 5"}]}
{"dir":"good","rules":2,"faults":[],"warnings":[]}
{"dir":"none","rules":0,"faults":[],"warnings":[],"error":"there is\nnone"}
`, ""},
		"checkstyle": {`<?xml version="1.0" encoding="UTF-8"?>
<checkstyle version="4.3">
  <file name="r/a: b.yaml">
    <error line="1" severity="error" message="the file cannot be read" source="weir.fault"></error>
  </file>
  <file name="r/ä.yaml">
    <error line="3" column="7" severity="warning" message="5% of &#34;x&#34; &lt; 1,000; write 5" source="weir.never-true"></error>
  </file>
  <file name="none">
    <error line="1" severity="error" message="there is&#xA;none" source="weir.fault"></error>
  </file>
</checkstyle>
`, ""},
	} {
		var out, errs bytes.Buffer
		printer := lint.Printer{Format: format, Version: "1", Out: &out, Err: &errs}
		if err := printer.Print(found); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if diff := cmp.Diff(want, [2]string{out.String(), errs.String()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestFaulty(t *testing.T) {
	warned := lint.Checked{Problems: found[0].Problems[1:]}
	for i, got := range []bool{found[0].Faulty(false), found[1].Faulty(true), warned.Faulty(false), warned.Faulty(true)} {
		if want := []bool{true, false, false, true}[i]; got != want {
			t.Errorf("case %d: faulty is %v, want %v", i, got, want)
		}
	}
}

// TestTheTableCountsGroups has what a store holds of a rule with variants for tiers, in the table and as JSON.
func TestTheTableCountsGroups(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte("groups:\n  - name: g\n    rules:\n"+
		"      - {alert: A, by: [topic, tier], expr: tps > 9, by_tier: {S1: {window: 1m}}}\n      - {alert: B, by: [client], where: op == \"send\", expr: p99 > 1s}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	seen := &lint.Seen{Span: 24 * time.Hour}
	for i := range 1200 {
		seen.Series = append(seen.Series, telemetry.Labels{Topic: "orders", Tier: "S1", Op: "send", Client: fmt.Sprint(i)}, telemetry.Labels{Topic: fmt.Sprint("t", i%3), Tier: "S2", Client: "x"})
	}
	checked := []lint.Checked{{Dir: "d", Rules: 2, Table: parsed, Against: &lint.Against{Seen: seen, Pane: pane, Rules: parsed}}}
	for format, want := range map[string]string{
		"text": `RULE       GROUPS BY    GROUPS  WRITES A DAY  LOOKS BACK  READS  FIRES EARLY
A S1       topic, tier  1       907KB         1m          tps    yes
A default  topic, tier  3       2.72MB        1m          tps    yes
B          client       1200    1.09GB        1m          p99    no: p99 > 1s may become false while more comes in
d: 2 rules, no faults
`,
		"json": `{"dir":"d","rules":2,"faults":[],"warnings":[],"against":{"span":"1d","rules":[{"rule":"A","tier":"S1","groups":1,"bytes_per_day":907200},` +
			`{"rule":"A","tier":"default","groups":3,"bytes_per_day":2721600},{"rule":"B","groups":1200,"bytes_per_day":1088640000}]}}
`,
	} {
		var out, errs bytes.Buffer
		printer := lint.Printer{Format: format, Out: &out, Err: &errs}
		if err := printer.Print(checked); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()+errs.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestTheTableNamesTiers has a rule with a variant for S1 and one for the others, and one that fires early as critical only.
func TestTheTableNamesTiers(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte("groups:\n  - name: g\n    rules:\n"+
		"      - {alert: A, by: [tier], window: 5m, expr: tps > 9, by_tier: {S1: {window: 1m, expr: bps > 1MB/s}}}\n"+
		"      - {alert: B, warn: lag > 9, crit: errors > 9}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var out, errs bytes.Buffer
	printer := lint.Printer{Format: "text", Out: &out, Err: &errs}
	if err := printer.Print([]lint.Checked{{Dir: "d", Rules: rules.Count(parsed), Table: parsed}}); err != nil {
		t.Fatal(err)
	}
	const want = "RULE       GROUPS BY  LOOKS BACK  READS        FIRES EARLY\nA S1       tier       1m          bps          yes\nA default  tier       5m          tps          yes\n" +
		"B          -          1m          lag, errors  only as critical: lag > 9 may become false while more comes in\nd: 2 rules, no faults\n"
	if diff := cmp.Diff(want, out.String()+errs.String()); diff != "" {
		t.Errorf("the table is another (-want +got):\n%s", diff)
	}
}
