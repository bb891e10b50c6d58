package aggregate

import (
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// faults are ways to break the promise, to show that the simulation notices.
type faults struct {
	lastWriteWins  bool // the store keeps what came last, not the highest version
	commitAnywhere bool // offsets are committed inside a segment, too
}

// store keeps, as ClickHouse and the rule stage do, the highest version of each cell, partial and ledger row.
type store struct {
	faults    faults
	cells     map[cellKey]telemetry.Cell
	groups    map[groupCellKey]telemetry.Totals
	ledger    map[ledgerKey]telemetry.Ledger
	committed map[telemetry.Source]int64 // by the consumer group
}

type cellKey struct {
	ledgerKey
	series string
	pane   int64
}

type groupCellKey struct {
	ledgerKey
	group string
	pane  int64
}

func newStore(faults faults) *store {
	return &store{faults, map[cellKey]telemetry.Cell{}, map[groupCellKey]telemetry.Totals{}, map[ledgerKey]telemetry.Ledger{},
		map[telemetry.Source]int64{}}
}

// replaces says whether what came replaces what is there.
func (s *store) replaces(version, known uint64) bool {
	return version > known || s.faults.lastWriteWins
}

// written is a flush as it is on its way to the store: records.
type written struct {
	cells  []telemetry.CellBatch
	groups []telemetry.GroupBatch
}

func (w *written) batches() int { return len(w.cells) + len(w.groups) }

// smallRecord makes flushes of several records.
const smallRecord = 2000

// writtenOf encodes a flush, as the pipeline does before the fold goes on.
func writtenOf(flush *Flush) *written {
	out := &written{}
	flush.EachCellRecord(smallRecord, func(value []byte) {
		batch, err := telemetry.UnmarshalCellBatch(value)
		if err != nil {
			panic(err)
		}
		out.cells = append(out.cells, batch)
	})
	flush.EachGroupRecord(2, smallRecord, func(_ int32, value []byte) {
		batch, err := telemetry.UnmarshalGroupBatch(value)
		if err != nil {
			panic(err)
		}
		out.groups = append(out.groups, batch)
	})
	return out
}

// write stores the first batches of a flush.
func (s *store) write(flush *written, batches int) {
	for _, batch := range flush.cells[:min(batches, len(flush.cells))] {
		key := ledgerKey{batch.Source, batch.Segment}
		for _, c := range batch.Cells {
			at := cellKey{key, labelsText(&c.Labels), c.Pane.Unix()}
			if s.replaces(c.Totals.Reports, s.cells[at].Totals.Reports) {
				s.cells[at] = c
			}
		}
		if l := batch.Ledger; l != nil && s.replaces(l.Reports+l.Refused, s.ledger[key].Reports+s.ledger[key].Refused) {
			s.ledger[key] = *l
		}
	}
	for _, batch := range flush.groups[:max(0, min(batches-len(flush.cells), len(flush.groups)))] {
		for _, group := range batch.Groups {
			for _, partial := range group.Partials {
				at := groupCellKey{ledgerKey{batch.Source, batch.Segment}, group.Grouping + "=" + strings.Join(group.Values, "+"), partial.Pane.Unix()}
				if s.replaces(partial.Totals.Reports, s.groups[at].Reports) {
					s.groups[at] = partial.Totals
				}
			}
		}
	}
}

// outcome adds up over sources and segments.
func (s *store) outcome() *outcome {
	out := newOutcome()
	for at, c := range s.cells {
		cell := out.Cells[paneKey(at.series, at.pane)]
		cell.add(&c.Totals, true)
		out.Cells[paneKey(at.series, at.pane)] = cell
	}
	for at, totals := range s.groups {
		group := out.Groups[paneKey(at.group, at.pane)]
		group.add(&totals, false)
		out.Groups[paneKey(at.group, at.pane)] = group
	}
	for at, l := range s.ledger {
		out.Ledger[at] = ledgerSums{l.Reports, l.Refused, l.Bytes, l.FirstOffset, l.EndOffset}
	}
	return out
}

// epochSeconds is a time in Unix seconds as scripts write it.
func epochSeconds(unixSeconds int64) string { return since(time.Unix(unixSeconds, 0)) }
