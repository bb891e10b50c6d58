package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// extraLabels are sets of extra labels of which no two are equal.
var extraLabels = [][]telemetry.Label{
	{{Name: "zone", Value: "a"}},
	{{Name: "zone", Value: "b"}},
	{{Name: "room", Value: "a"}},
	{{Name: "room", Value: "a"}, {Name: "zone", Value: "a"}},
	{{Name: "k", Value: "v=w"}},
	{{Name: "k=v", Value: "w"}},
	{{Name: "k=v=w", Value: ""}},
	{{Name: `k\`, Value: "v=w"}},
	{{Name: `k\=v`, Value: "w"}},
	{{Name: `k\\`, Value: "v=w"}},
}

// variants are batches whose cells differ from the first in one part of their identity each.
func variants() []telemetry.CellBatch {
	now := time.Now().UTC().Truncate(time.Minute)
	first := telemetry.CellBatch{Source: telemetry.Source{TopicID: [16]byte{1}, Partition: 1},
		Segment: telemetry.Segment{Block: 1, MinuteUnix: now.Unix() / 60}}
	cell := telemetry.Cell{Pane: now, Labels: telemetry.Labels{Topic: "orders"}, Totals: telemetry.Totals{Reports: 1, Messages: 1}}
	with := func(change func(*telemetry.CellBatch, *telemetry.Cell)) telemetry.CellBatch {
		b, c := first, cell
		change(&b, &c)
		b.Cells = []telemetry.Cell{c}
		return b
	}
	batches := []telemetry.CellBatch{
		with(func(*telemetry.CellBatch, *telemetry.Cell) {}),
		with(func(_ *telemetry.CellBatch, c *telemetry.Cell) { c.Pane = c.Pane.Add(time.Second) }),
		with(func(b *telemetry.CellBatch, _ *telemetry.Cell) { b.Source.TopicID[15] = 1 }),
		with(func(b *telemetry.CellBatch, _ *telemetry.Cell) { b.Source.Partition = 2 }),
		with(func(b *telemetry.CellBatch, _ *telemetry.Cell) { b.Segment.Block = 2 }),
		with(func(b *telemetry.CellBatch, _ *telemetry.Cell) { b.Segment.MinuteUnix++ }),
	}
	for i := range telemetry.LabelNames {
		batches = append(batches, with(func(_ *telemetry.CellBatch, c *telemetry.Cell) { *c.Labels.FieldAt(i) += "x" }))
	}
	for _, extra := range extraLabels {
		batches = append(batches, with(func(_ *telemetry.CellBatch, c *telemetry.Cell) { c.Labels.Extra = extra }))
	}
	return batches
}

// TestCellsThatDifferInOnePartOfTheirIdentityAreBothKept writes each twice, the
// second time with more reports: each is there once, with the later totals.
func TestCellsThatDifferInOnePartOfTheirIdentityAreBothKept(t *testing.T) {
	t.Parallel()
	s, batches := newStore(t), variants()
	s.write(batches...)
	for i := range batches {
		batches[i].Cells[0].Totals = telemetry.Totals{Reports: 2, Messages: 1 << i}
	}
	s.write(batches...)
	for range 2 {
		s.expect("SELECT count(), sum(messages), sum(reports) FROM rollup_10s FINAL",
			fmt.Sprintf("%d\t%d\t%d", len(batches), 1<<len(batches)-1, 2*len(batches)))
		s.query("OPTIMIZE TABLE rollup_10s FINAL")
	}
	s.expect("SELECT uniqExact(extra) FROM rollup_10s FINAL", fmt.Sprint(1+len(extraLabels)))
	s.expect("SELECT count() FROM rollup_10s FINAL WHERE has(extra, 'zone=a')", "2")
}

// TestTheLedgerOfEachSegmentIsKept tells segments apart as cells do.
func TestTheLedgerOfEachSegmentIsKept(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	batches := variants()[:6]
	for i := range batches {
		batches[i].Ledger = &telemetry.Ledger{Reports: uint64(i), EndOffset: int64(i)}
	}
	batches = append(batches[:1:1], batches[2:]...) // the second differs in its pane only
	s.write(batches...)
	s.expectLedger(batches)
}

// TestTheFullestLedgerWins whatever is written last: more records first, then one
// that is closed.
func TestTheFullestLedgerWins(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	minute := time.Now().Unix() / 60
	entry := func(reports, refused uint64, closed bool) telemetry.CellBatch {
		return telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: minute},
			Ledger: &telemetry.Ledger{Reports: reports, Refused: refused, EndOffset: int64(reports + refused), Closed: closed}}
	}
	for _, write := range []struct{ now, wins telemetry.CellBatch }{
		{entry(1, 0, false), entry(1, 0, false)},
		{entry(3, 1, false), entry(3, 1, false)},
		{entry(2, 1, false), entry(3, 1, false)},
		{entry(3, 2, false), entry(3, 2, false)},
		{entry(3, 2, true), entry(3, 2, true)},
		{entry(3, 2, false), entry(3, 2, true)},
	} {
		s.write(write.now)
		s.expectLedger([]telemetry.CellBatch{write.wins})
	}
}
