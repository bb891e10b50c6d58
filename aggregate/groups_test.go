package aggregate

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestClientsThatAreNotListedAreCountedOnce holds that a group larger than its list of clients knows how many it has,
// each once, however many series it sends, and lists as many by version, though they sent no message.
func TestClientsThatAreNotListedAreCountedOnce(t *testing.T) {
	const clients = telemetry.MaxListedClients + 500
	parameters := DefaultParameters()
	fold := NewFold(telemetry.Source{}, parameters, 5*time.Second, []telemetry.Grouping{{ID: "op", By: []string{"op"}}})
	offset := int64(0)
	for _, topic := range []string{"a", "b", "c"} {
		for client := range clients {
			at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli()}
			labels := telemetry.Labels{Op: "send", Topic: topic, Client: fmt.Sprintf("client-%05d", client*7919%clients), SDKLang: "go", SDKVersion: "1.0.0"}
			fold.Begin(at)
			report := &telemetry.Report{Labels: labels, RawLabels: fmt.Append(nil, offset), StartUnixMillis: at.AppendUnixMillis}
			if err := fold.Add(at, report, labelsOf(report)); err != nil {
				t.Fatal(err)
			}
			offset++
		}
	}
	totals := groupsOf(t, fold.Flush())[0].Partials[0].Totals
	if got := len(totals.Clients); got != telemetry.MaxListedClients {
		t.Errorf("%d clients are listed, want %d", got, telemetry.MaxListedClients)
	}
	if got := totals.OverflowedClients; got != clients-telemetry.MaxListedClients {
		t.Errorf("%d clients are counted beside the list, want %d", got, clients-telemetry.MaxListedClients)
	}
	if versions := totals.Versions; len(versions) != 1 || len(versions[0].Clients) != telemetry.MaxListedClients || versions[0].Messages != 0 {
		t.Errorf("got %d versions, %+.200v, want one with %d clients and no message", len(versions), versions, telemetry.MaxListedClients)
	}
	if totals.Reports != 3*clients {
		t.Errorf("%d reports, want %d", totals.Reports, 3*clients)
	}
}

// TestWhatNoRuleReadsIsLeftOut holds that a grouping's partials lack what it omits, say so, and have all else.
func TestWhatNoRuleReadsIsLeftOut(t *testing.T) {
	groupings := []telemetry.Grouping{{ID: "whole"}, {ID: "some", Omit: telemetry.PartLatency | telemetry.PartDistincts}, {ID: "sums", Omit: telemetry.AllParts}}
	fold := NewFold(telemetry.Source{}, DefaultParameters(), 5*time.Second, groupings)
	report := &telemetry.Report{Labels: telemetry.Labels{Op: "send", Client: "c", Node: "n", SDKLang: "go", SDKVersion: "1.0.0"},
		StartUnixMillis: epoch.UnixMilli(), Messages: 7, Errors: []telemetry.ErrorCount{{Class: "timeout", Count: 2}}}
	for _, h := range []*telemetry.Histogram{&report.LatencyMicros, &report.DelayMicros, &report.SizeBytes, &report.HeartbeatMicros} {
		h.Observe(1000)
	}
	report.RawLabels = telemetry.AppendLabels(nil, &report.Labels)
	at := Position{AppendUnixMillis: epoch.UnixMilli()}
	for range 2 { // the second is pending when the first was absorbed
		fold.Begin(at)
		if err := fold.Add(at, report, labelsOf(report)); err != nil {
			t.Fatal(err)
		}
		at.Offset++
		fold.Flush()
	}
	fold.Regroup(groupings)
	got := map[string]string{}
	for _, group := range groupsOf(t, fold.Flush()) {
		totals := &group.Partials[0].Totals
		got[group.Grouping] = fmt.Sprintf("omitted=%05b reports=%d messages=%d errors=%d histograms=%d,%d,%d,%d listed=%d,%d,%d", group.Omitted,
			totals.Reports, totals.Messages, totals.ErrorTotal(), totals.LatencyMicros.Count(), totals.DelayMicros.Count(), totals.SizeBytes.Count(),
			totals.HeartbeatMicros.Count(), len(totals.Clients), len(totals.Nodes), len(totals.Versions))
	}
	for grouping, want := range map[string]string{
		"whole": "omitted=00000 reports=2 messages=14 errors=4 histograms=2,2,2,2 listed=1,1,1",
		"some":  "omitted=10001 reports=2 messages=14 errors=4 histograms=0,2,2,2 listed=0,0,0",
		"sums":  "omitted=11111 reports=2 messages=14 errors=4 histograms=0,0,0,0 listed=0,0,0",
	} {
		if got[grouping] != want {
			t.Errorf("%s: got  %s\nwant %s", grouping, got[grouping], want)
		}
	}
}
