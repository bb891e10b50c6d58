package rules

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestAlertsCarryWhatWasSeen holds that an alert's record has the values of the evaluation that made it: of the pane before its
// newest one, and of the clients in its window.
func TestAlertsCarryWhatWasSeen(t *testing.T) {
	parsed, faults := Parse("rules.yaml", []byte("groups:\n  - name: g\n    rules:\n"+
		"      - {alert: Surge, by: [topic], window: 10s, for: 20s, expr: \"tps > 50 and tps > 2 * over(30s).tps and clients > 1\"}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set, begin := &Set{Rules: parsed}, time.Unix(1_800_000_000, 0).UTC()
	e := NewEvaluator(set, Config{Pane: 10 * time.Second})
	versions := []telemetry.VersionTotals{{SDKLang: "go", SDKVersion: "1.0", Messages: 3}, {SDKLang: "go", SDKVersion: "1.1", Messages: 4}, {SDKLang: "java", SDKVersion: "2", Messages: 900},
		{SDKLang: "java", SDKVersion: "3", Messages: 2}, {SDKLang: "rust", Messages: 1}, {SDKLang: "x", Messages: 90}}
	heard := func(at time.Duration) []telemetry.Alert {
		e.ApplyWatermark(telemetry.Watermark{EventTime: begin.Add(at), At: begin.Add(at), Sources: 1})
		return e.Advance()
	}
	heard(0)
	var came []telemetry.Alert
	for pane, messages := range []uint64{100, 100, 1000} {
		at := time.Duration(pane) * 10 * time.Second
		e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: set.Groupings()[0].ID, Values: []string{"orders"},
			Partials: []telemetry.GroupPartial{{Pane: begin.Add(at), Totals: telemetry.Totals{Reports: 1, Messages: messages, Clients: []string{"a", "b"}, Versions: versions}}}}}})
		came = append(came, heard(at+10*time.Second)...)
	}
	if len(came) != 1 || came[0].State != telemetry.AlertPending {
		t.Fatalf("got %+v, want a pending alert", came)
	}
	record, err := json.Marshal(came[0].Explanation)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"parts":[{"text":"tps \u003e 50 and tps \u003e 2 * over(30s).tps and clients \u003e 1","offset":0,"op":"and","value":true},` +
		`{"text":"tps \u003e 50","offset":0,"depth":1,"op":"\u003e","value":true},{"text":"tps","offset":0,"depth":2,"value":100,"unit":"/s"},{"text":"50","offset":6,"depth":2,"value":50},` +
		`{"text":"tps \u003e 2 * over(30s).tps","offset":13,"depth":1,"op":"\u003e","value":true},{"text":"tps","offset":13,"depth":2,"value":100,"unit":"/s"},` +
		`{"text":"2 * over(30s).tps","offset":19,"depth":2,"op":"*","value":80,"unit":"/s"},{"text":"2","offset":19,"depth":3,"value":2},{"text":"over(30s).tps","offset":23,"depth":3,"value":40,"unit":"/s"},` +
		`{"text":"clients \u003e 1","offset":41,"depth":1,"op":"\u003e","value":true},{"text":"clients","offset":41,"depth":2,"value":2},{"text":"1","offset":51,"depth":2,"value":1}],` +
		`"clients":2,"versions":[{"sdk_lang":"java","sdk_version":"2","messages":900},{"sdk_lang":"x","messages":90},{"sdk_lang":"go","sdk_version":"1.1","messages":4},` +
		`{"sdk_lang":"go","sdk_version":"1.0","messages":3},{"sdk_lang":"java","sdk_version":"3","messages":2}]}`
	if string(record) != want {
		t.Errorf("got\n%s\nwant\n%s", record, want)
	}
	if published := came[0].Explanation.Parts[2].Value; published != came[0].Values["tps"] {
		t.Errorf("the record says tps is %v and was %v", published, came[0].Values["tps"])
	}
	heard(40 * time.Second)
	if published := came[0].Explanation.Parts[2].Value; published != 100.0 {
		t.Errorf("a published record changed to %v", published)
	}
}
