package aggregate

import (
	"fmt"
	"strings"
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

// TestGroupRecordsAreBounded holds that groups with many clients in many panes become several records, each of one
// partition's groups, that together hold every partial once.
func TestGroupRecordsAreBounded(t *testing.T) {
	const clients, panes, partitions, groups = 300, 6, 4, 11
	fold := NewFold(telemetry.Source{Partition: 3}, DefaultParameters(), 5*time.Second, []telemetry.Grouping{{ID: "topic", By: []string{"topic"}}, {ID: "all"}})
	offset := int64(0)
	for pane := range panes {
		for client := range clients {
			at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli()}
			labels := telemetry.Labels{Op: "send", Topic: fmt.Sprintf("topic-%d", client%(groups-1)), Client: fmt.Sprintf("client-%05d", client)}
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
	for maxBytes, least := range map[int]int{1: groups * panes, 10_000: partitions + 1, 1 << 20: partitions} {
		seen, records := map[string]int{}, 0
		flush.EachGroupRecord(partitions, maxBytes, func(partition int32, value []byte) {
			records++
			batch, err := telemetry.UnmarshalGroupBatch(value)
			if err != nil {
				t.Fatal(err)
			}
			partials := 0
			for _, group := range batch.Groups {
				key := telemetry.GroupKey(group.Grouping, group.Values)
				if want := telemetry.GroupPartition(key, partitions); partition != want {
					t.Errorf("group %q is in partition %d, want %d", key, partition, want)
				}
				for i := range group.Partials {
					seen[key+since(group.Partials[i].Pane)] += len(group.Partials[i].Totals.Clients)
				}
				partials += len(group.Partials)
			}
			if partials > MaxPartialsPerBatch || len(value) > maxBytes && partials > 1 {
				t.Errorf("at most %d bytes: %d partials in %d bytes", maxBytes, partials, len(value))
			}
		})
		if len(seen) != groups*panes || records < least || maxBytes == 1<<20 && records > least {
			t.Errorf("at most %d bytes: got %d partials in %d records, want %d in %d", maxBytes, len(seen), records, groups*panes, least)
		}
		for at, listed := range seen {
			want := clients / (groups - 1)
			if strings.HasPrefix(at, "all") {
				want = clients
			}
			if listed != want {
				t.Errorf("at most %d bytes: %q lists %d clients, want %d", maxBytes, at, listed, want)
			}
		}
	}
}
