// Package aggregate folds the reports of one source into cells and group partials.
//
// In: reports in the order of their source's log. Out: flushes. A cell's totals run
// from where its segment began, so a cell is a pure function of a prefix of the log:
// whatever is flushed twice, by whomever, the version with more reports contains the
// other. A Fold belongs to one goroutine, knows no clock and no Kafka.
package aggregate

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Position is where a record stands in its source.
type Position struct {
	Offset           int64
	AppendUnixMillis int64 // by the broker's clock
	ValueBytes       int
}

// Fold holds the open segment of one source.
//
// A report is added to its cell until the series' groups absorb the cell at a flush;
// what comes after that is pending, and absorbed by the next. So a report costs one
// addition however many groupings there are. Where cells have hardly more than one report
// between two flushes, nothing is saved by that: reports are added to cell and groups
// at once then.
type Fold struct {
	source     telemetry.Source
	parameters Parameters
	lateness   time.Duration
	groupings  []telemetry.Grouping

	segment       telemetry.Segment
	open          bool
	ledger        telemetry.Ledger
	ledgerFlushed uint64 // records in the ledger when it was last flushed

	series      seriesTable
	excess      excess
	panes       []*pane
	paneAt      map[int64]uint32 // by start, Unix milliseconds
	recent      *pane            // of the report before: most are of the same
	recentAt    uint32
	cells       cellTable
	fresh       []uint32          // cells that no group has absorbed
	pendings    []pendingSums     // of the other cells
	direct      bool              // reports are added to groups at once
	interval    uint16            // counts flushes, to tell touched cells
	added       int               // reports since the last flush
	touched     int               // cells that they were added to
	arena       arena             // of cells, pendings and group partials
	groups      map[string]*group // by key
	key         []byte            // of a group, to find it
	memberships []membership      // of series, one after the other
	dirty       []*groupPane      // group partials that changed since the last flush
	spare       spares[groupPane]
	sparePanes  spares[pane]
	over        bool // the cells are of a segment that is over; its last flush may still be read

	// What is written is unpacked here, one at a time.
	unpacked       telemetry.Totals
	clients, nodes []string
	gauges         []telemetry.GaugeValue
	listed         versionList
	columns        telemetry.CellColumns
	groupColumns   telemetry.GroupColumns

	watermarkMillis int64  // Unix milliseconds; 0 before the first report
	atEnd           bool   // nothing came since the source was read to its end
	late            uint64 // in the open segment
	counters        Counters
}

// Counters count what happened to reports since the fold began.
type Counters struct {
	Reports, Late, Clamped, Overflowed uint64
}

// NewFold returns an empty fold.
func NewFold(source telemetry.Source, parameters Parameters, lateness time.Duration, groupings []telemetry.Grouping) *Fold {
	return &Fold{source: source, parameters: parameters, lateness: lateness, groupings: groupings,
		series: newSeriesTable(parameters), paneAt: map[int64]uint32{}, groups: map[string]*group{},
		interval: 1, excess: newExcess(), listed: versionList{place: map[uint32]int{}}}
}

// reclaim empties what the segment held that is over, for the open one.
func (f *Fold) reclaim() {
	if !f.over {
		return
	}
	f.over = false
	for _, p := range f.panes {
		for _, g := range p.groups {
			g.empty()
			f.spare = append(f.spare, g)
		}
		if cap(p.cells) < sparePaneRoom*len(p.cells) {
			*p = pane{cells: p.cells[:0], groups: p.groups[:0]}
			f.sparePanes = append(f.sparePanes, p)
		}
	}
	f.panes, f.recent = f.panes[:0], nil
	clear(f.paneAt)
	f.dirty, f.fresh, f.pendings = f.dirty[:0], f.fresh[:0], f.pendings[:0]
	f.cells.empty()
	f.arena.empty()
	if f.series.begin() {
		f.groups, f.memberships = map[string]*group{}, nil
	}
}

// Begin says where a record belongs, before it is added or refused. Where it opens
// a new segment, what the one before has not flushed yet is returned: once that is
// acknowledged, the record's offset may be committed.
func (f *Fold) Begin(at Position) (closed *Flush) {
	f.atEnd = false
	f.reclaim()
	next := telemetry.Segment{Block: uint64(at.Offset) / telemetry.BlockOffsets, MinuteUnix: at.AppendUnixMillis / telemetry.SegmentLength.Milliseconds()}
	if f.open && next.Block == f.segment.Block {
		next.MinuteUnix = max(next.MinuteUnix, f.segment.MinuteUnix)
	}
	if f.open && next == f.segment {
		return nil
	}
	if f.open {
		f.ledger.Closed = true
		closed = f.flush(everyPane)
		closed.CommitOffset = at.Offset
	}
	f.over = true
	f.segment, f.open = next, true
	f.ledger, f.ledgerFlushed, f.late = telemetry.Ledger{FirstOffset: at.Offset}, 0, 0
	return closed
}

// LabelReader reads a report's encoded labels. The fold asks it when it meets an
// encoding for the first time.
type LabelReader interface {
	ReadLabels(raw []byte, into *telemetry.Labels) error
}

// Add folds a report in, and sets its start to the event time that it is folded at.
// Begin has been called with the same position. The error is the reader's, which
// refused the labels: nothing was folded then, and Refuse is to be called.
func (f *Fold) Add(at Position, r *telemetry.Report, reader LabelReader) error {
	f.reclaim()
	id, err := f.seriesOf(r, reader)
	if err != nil {
		return err
	}
	f.note(at)
	f.ledger.Reports++
	f.counters.Reports++
	f.clamp(at, r)
	pane := f.paneOf(r.StartUnixMillis)
	if f.recent.endMillis <= f.watermarkMillis {
		f.late++
		f.counters.Late++
	}
	cellAt, c := f.cellOf(id, pane)
	f.add(cellAt, c, r)
	// A clock that runs ahead must not close the panes of others.
	f.advance(min(r.StartUnixMillis, at.AppendUnixMillis))
	return nil
}

// Release lets go of the reports that were added, whose memory may be that of all records
// which were read with them.
func (f *Fold) Release() { f.series.release() }

// Refuse counts records that are no reports into the ledger: as many offsets of the
// segment from at on.
func (f *Fold) Refuse(at Position, offsets int64) {
	f.note(at)
	f.ledger.EndOffset = at.Offset + offsets
	f.ledger.Refused += uint64(offsets)
}

func (f *Fold) note(at Position) {
	f.ledger.Bytes += uint64(at.ValueBytes)
	f.ledger.EndOffset = at.Offset + 1
}

// clamp sets a report's start to the broker's time plus or minus the tolerance, where
// it is further from it.
func (f *Fold) clamp(at Position, r *telemetry.Report) {
	tolerance := f.parameters.Tolerance.Milliseconds()
	millis := min(max(r.StartUnixMillis, at.AppendUnixMillis-tolerance), at.AppendUnixMillis+tolerance)
	if millis != r.StartUnixMillis {
		f.counters.Clamped++
		r.StartUnixMillis = millis
	}
}

// advance moves the watermark to the lateness before an event time.
func (f *Fold) advance(eventUnixMillis int64) {
	f.watermarkMillis = max(f.watermarkMillis, eventUnixMillis-f.lateness.Milliseconds())
}

// Idle says that the source was read to its end at now: panes close although
// nothing comes.
func (f *Fold) Idle(now time.Time) {
	f.atEnd = true
	f.advance(now.UnixMilli())
}

// Watermark returns the event time up to which panes are closed; zero before the first
// report.
func (f *Fold) Watermark() time.Time {
	if f.watermarkMillis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(f.watermarkMillis).UTC()
}

// LateReports counts the late reports of the open segment.
func (f *Fold) LateReports() uint64 { return f.late }

// Counters returns what happened so far.
func (f *Fold) Counters() Counters { return f.counters }

// SegmentBegin returns the offset at which the open segment begins: a fold that reads
// from there makes the same cells. There is none before the first record.
func (f *Fold) SegmentBegin() (offset int64, open bool) { return f.ledger.FirstOffset, f.open }

// AppendHeader begins a record of weir.cells of the open segment.
func (f *Fold) AppendHeader(b []byte) []byte {
	return telemetry.AppendBatchHeader(b, &f.source, &f.segment)
}

// Cells returns how many cells the open segment holds.
func (f *Fold) Cells() int { return int(f.cells.held) }

// Series returns how many series the open segment holds, overflow series included.
func (f *Fold) Series() int { return f.series.live + f.series.overflows }
