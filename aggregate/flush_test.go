package aggregate

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestCellRecordsAreBounded holds that a flush too large for one record becomes several
// that together hold every cell once, with the ledger in the last.
func TestCellRecordsAreBounded(t *testing.T) {
	const series = 2 * MaxCellsPerBatch
	fold := NewFold(telemetry.Source{Partition: 3}, DefaultParameters(), 5*time.Second, nil)
	for i := range series {
		at := Position{Offset: int64(i), AppendUnixMillis: epoch.UnixMilli()}
		labels := telemetry.Labels{Op: "send", Client: fmt.Sprintf("client-%04d", i)}
		report := &telemetry.Report{Labels: labels, RawLabels: telemetry.AppendLabels(nil, &labels), StartUnixMillis: at.AppendUnixMillis, Messages: uint64(i)}
		fold.Begin(at)
		if err := fold.Add(at, report, labelsOf(report)); err != nil {
			t.Fatal(err)
		}
	}
	flush := fold.Drain()
	for _, maxBytes := range []int{1, 200, 1000, 10_000, 1 << 20} {
		seen, records, ledgers := map[string]uint64{}, 0, 0
		flush.EachCellRecord(maxBytes, func(value []byte) {
			records++
			batch, err := telemetry.UnmarshalCellBatch(value)
			if err != nil {
				t.Fatal(err)
			}
			if ledgers > 0 || len(batch.Cells) > MaxCellsPerBatch || len(value) > maxBytes && len(batch.Cells) > 1 && batch.Ledger == nil {
				t.Errorf("at most %d bytes: record %d has %d cells in %d bytes, after %d ledgers", maxBytes, records, len(batch.Cells), len(value), ledgers)
			}
			for _, cell := range batch.Cells {
				seen[cell.Labels.Client] += 1 + cell.Totals.Messages
			}
			if batch.Ledger != nil {
				ledgers++
			}
		})
		if ledgers != 1 || len(seen) != series || records < series/MaxCellsPerBatch {
			t.Errorf("at most %d bytes: got %d cells in %d records with %d ledgers, want %d cells and 1 ledger", maxBytes, len(seen), records, ledgers, series)
		}
		for client, value := range seen {
			if client != fmt.Sprintf("client-%04d", value-1) {
				t.Errorf("at most %d bytes: the cell of %s came as %d", maxBytes, client, value)
			}
		}
	}
}

// TestGroupRecordsAreBounded holds that a group with many clients in many panes becomes several records that together
// hold every pane once.
func TestGroupRecordsAreBounded(t *testing.T) {
	const clients, panes = 300, 6
	fold := NewFold(telemetry.Source{Partition: 3}, DefaultParameters(), 5*time.Second, []telemetry.Grouping{{ID: "op", By: []string{"op"}}, {ID: "all"}})
	offset := int64(0)
	for pane := range panes {
		for client := range clients {
			at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli()}
			labels := telemetry.Labels{Op: "send", Client: fmt.Sprintf("client-%05d", client)}
			report := &telemetry.Report{Labels: labels, RawLabels: telemetry.AppendLabels(nil, &labels),
				StartUnixMillis: epoch.Add(time.Duration(pane) * 10 * time.Second).UnixMilli()}
			fold.Begin(at)
			if err := fold.Add(at, report, labelsOf(report)); err != nil {
				t.Fatal(err)
			}
			offset++
		}
	}
	flush := fold.Flush()
	for _, maxBytes := range []int{1, 4000, 10_000, 1 << 20} {
		seen, records := map[string]int{}, map[string]int{}
		flush.EachGroupRecord(maxBytes, func(key string, value []byte) {
			batch, err := telemetry.UnmarshalGroupBatch(value)
			if err != nil {
				t.Fatal(err)
			}
			if key != telemetry.GroupKey(batch.Grouping, batch.Values) || len(value) > maxBytes && len(batch.Partials) > 1 {
				t.Errorf("at most %d bytes: key %q, %d panes in %d bytes", maxBytes, key, len(batch.Partials), len(value))
			}
			records[key]++
			for i := range batch.Partials {
				seen[key+since(batch.Partials[i].Pane)] += len(batch.Partials[i].Totals.Clients)
			}
		})
		if len(seen) != 2*panes || len(records) != 2 || maxBytes == 1 && records["all\x00"] != panes || maxBytes == 1<<20 && records["all\x00"] != 1 {
			t.Errorf("at most %d bytes: got %d panes in records %v", maxBytes, len(seen), records)
		}
		for at, listed := range seen {
			if listed != clients {
				t.Errorf("at most %d bytes: %s lists %d clients, want %d", maxBytes, at, listed, clients)
			}
		}
	}
}
