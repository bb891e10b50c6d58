package clickhouse

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of one insert. ClickHouse refuses more than 100 partitions, which are days
// here; not fewer rows: every insert is a part that must be merged; not more: memory.
const (
	maxInsertRows = 100_000
	maxInsertDays = 50
)

const insertLedger = `INSERT INTO ledger (source, segment_block, segment_minute, reports, refused, bytes,
	first_offset, end_offset, closed, version)`

// WriteCells writes cells, ledgers and what of the inventory is new in them, trying until
// ClickHouse has acknowledged all or ctx ends. Writing again what was written changes nothing.
func (s *Store) WriteCells(ctx context.Context, table *telemetry.CellTable) error {
	e, _ := s.encoders.Get().(*cellEncoder)
	if e == nil {
		e = &cellEncoder{}
	}
	defer s.encoders.Put(e)
	e.begin(table)
	for e.from = 0; e.from < table.Len(); e.from = e.to {
		e.to = endOfInsert(table.Panes, e.from)
		if err := s.insertColumns(ctx, e); err != nil {
			return err
		}
	}
	var ledger [][]any
	for i := range table.Records {
		if table.Records[i].Ledger != nil {
			ledger = append(ledger, ledgerRow(&table.Records[i]))
		}
	}
	if err := s.insertChunks(ctx, insertLedger, ledger); err != nil {
		return err
	}
	return s.writeInventory(ctx, table)
}

// endOfInsert is where an insert that begins with a row must end.
func endOfInsert(panes []uint32, from int) int {
	days := map[uint32]bool{}
	latest := uint32(math.MaxUint32)
	for i, pane := range panes[from:min(len(panes), from+maxInsertRows)] {
		day := pane / secondsOfDay
		if day == latest {
			continue
		}
		if latest = day; !days[day] && len(days) == maxInsertDays {
			return from + i
		}
		days[day] = true
	}
	return min(len(panes), from+maxInsertRows)
}

const secondsOfDay = 24 * 60 * 60

func (s *Store) insertChunks(ctx context.Context, statement string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, maxInsertRows) {
		if err := s.insert(ctx, statement, chunk); err != nil {
			return err
		}
	}
	return nil
}

// inNames escapes what divides a name from its value, in names only.
var inNames = strings.NewReplacer(`\`, `\\`, "=", `\=`)

// extraColumn writes labels as name=value. They are part of a cell's identity, so no
// two sets may be written alike: k=v with w is k\=v=w, k with v=w is k=v=w.
func extraColumn(labels []telemetry.Label) []string {
	if len(labels) == 0 {
		return nil
	}
	out := make([]string, len(labels))
	for i, label := range labels {
		out[i] = inNames.Replace(label.Name) + "=" + label.Value
	}
	return out
}

func ledgerRow(record *telemetry.CellRecord) []any {
	l := record.Ledger
	version := 2 * (l.Reports + l.Refused)
	if l.Closed { // says more than an open one of the same counts
		version++
	}
	return []any{record.Source.String(), record.Segment.Block, record.Segment.Begin(), l.Reports, l.Refused, l.Bytes,
		l.FirstOffset, l.EndOffset, l.Closed, version}
}
