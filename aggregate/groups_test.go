package aggregate

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestClientsThatAreNotListedAreCountedOnce holds that a group larger than its list of clients knows how many it has,
// each once, however many series it sends.
func TestClientsThatAreNotListedAreCountedOnce(t *testing.T) {
	const clients = telemetry.MaxListedClients + 500
	parameters := DefaultParameters()
	fold := NewFold(telemetry.Source{}, parameters, 5*time.Second, []telemetry.Grouping{{ID: "op", By: []string{"op"}}})
	offset := int64(0)
	for _, topic := range []string{"a", "b", "c"} {
		for client := range clients {
			at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli()}
			labels := telemetry.Labels{Op: "send", Topic: topic, Client: fmt.Sprintf("client-%05d", client*7919%clients)}
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
	if totals.Reports != 3*clients {
		t.Errorf("%d reports, want %d", totals.Reports, 3*clients)
	}
}
