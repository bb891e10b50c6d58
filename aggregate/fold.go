// Package aggregate folds the reports of one source into cells and group partials.
//
// In: reports in the order of their source's log. Out: flushes. A cell's totals run
// from where its segment began, so a cell is a pure function of a prefix of the log:
// whatever is flushed twice, by whomever, the version with more reports contains the
// other. A Fold belongs to one goroutine, knows no clock and no Kafka.
package aggregate

import (
	"strings"
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
type Fold struct {
	source     telemetry.Source
	parameters Parameters
	lateness   time.Duration
	groupings  []telemetry.Grouping

	segment       telemetry.Segment
	open          bool
	ledger        telemetry.Ledger
	ledgerFlushed uint64 // records in the ledger when it was last flushed

	byRaw   map[string]*series          // raw label bytes, several for one series
	byLabel map[string]*series          // canonical label bytes
	cells   map[int64]map[*series]*cell // by pane start, Unix seconds
	groups  map[string]*group           // by group key
	dirty   map[groupPane]struct{}

	watermark time.Time
	late      uint64 // in the open segment
	counters  Counters
}

// Counters count what happened to reports since the fold began.
type Counters struct {
	Reports, Late, Clamped, Overflowed uint64
}

type series struct {
	labels telemetry.Labels
	groups []*group // one for each grouping that admits the series
}

type cell struct {
	totals  telemetry.Totals
	flushed uint64 // version last flushed
}

type group struct {
	grouping string
	values   []string
	members  []*series
}

type groupPane struct {
	group *group
	pane  int64
}

// NewFold returns an empty fold.
func NewFold(source telemetry.Source, parameters Parameters, lateness time.Duration, groupings []telemetry.Grouping) *Fold {
	f := &Fold{source: source, parameters: parameters, lateness: lateness, groupings: groupings}
	f.reset()
	return f
}

func (f *Fold) reset() {
	f.ledger, f.ledgerFlushed, f.late = telemetry.Ledger{}, 0, 0
	f.byRaw, f.byLabel = map[string]*series{}, map[string]*series{}
	f.cells, f.groups, f.dirty = map[int64]map[*series]*cell{}, map[string]*group{}, map[groupPane]struct{}{}
}

// Begin says where a record belongs, before it is added or refused. Where it opens
// a new segment, what the one before has not flushed yet is returned: once that is
// acknowledged, the record's offset may be committed.
func (f *Fold) Begin(at Position) (closed *Flush) {
	next := telemetry.Segment{Block: uint64(at.Offset) / telemetry.BlockOffsets, MinuteUnix: at.AppendUnixMillis / 60_000}
	if f.open && next.Block == f.segment.Block {
		next.MinuteUnix = max(next.MinuteUnix, f.segment.MinuteUnix)
	}
	if f.open && next == f.segment {
		return nil
	}
	if f.open {
		f.ledger.Closed = true
		closed = f.flush(true)
		closed.CommitOffset = at.Offset
	}
	f.reset()
	f.segment, f.open = next, true
	f.ledger.FirstOffset = at.Offset
	return closed
}

// Add folds a report in, and sets its start to the event time that it is folded at.
// Begin has been called with the same position.
func (f *Fold) Add(at Position, r *telemetry.Report) {
	f.note(at)
	f.ledger.Reports++
	f.counters.Reports++
	start := f.eventTime(at, r)
	r.StartUnixMillis = start.UnixMilli() // the time of its gauges
	pane := start.Unix() - start.Unix()%int64(f.parameters.Pane/time.Second)
	if !time.Unix(pane, 0).Add(f.parameters.Pane).After(f.watermark) {
		f.late++
		f.counters.Late++
	}
	s := f.seriesOf(r)
	panes := f.cells[pane]
	if panes == nil {
		panes = map[*series]*cell{}
		f.cells[pane] = panes
	}
	c := panes[s]
	if c == nil {
		c = &cell{}
		panes[s] = c
	}
	c.totals.AddReport(r)
	for _, g := range s.groups {
		f.dirty[groupPane{g, pane}] = struct{}{}
	}
	// A clock that runs ahead must not close the panes of others.
	f.advance(time.UnixMilli(min(start.UnixMilli(), at.AppendUnixMillis)).UTC().Add(-f.lateness))
}

// Refuse counts a record that is no report into the ledger.
func (f *Fold) Refuse(at Position) {
	f.note(at)
	f.ledger.Refused++
}

func (f *Fold) note(at Position) {
	f.ledger.Bytes += uint64(at.ValueBytes)
	f.ledger.EndOffset = at.Offset + 1
}

// eventTime clamps a report's start to the broker's time plus or minus the tolerance.
func (f *Fold) eventTime(at Position, r *telemetry.Report) time.Time {
	tolerance := f.parameters.Tolerance.Milliseconds()
	low, high := at.AppendUnixMillis-tolerance, at.AppendUnixMillis+tolerance
	millis := min(max(r.StartUnixMillis, low), high)
	if millis != r.StartUnixMillis {
		f.counters.Clamped++
	}
	return time.UnixMilli(millis).UTC()
}

func (f *Fold) advance(to time.Time) {
	if to.After(f.watermark) {
		f.watermark = to
	}
}

// Idle says that the source was read to its end at now: panes close although
// nothing comes.
func (f *Fold) Idle(now time.Time) { f.advance(now.Add(-f.lateness)) }

// Watermark returns the event time up to which panes are closed.
func (f *Fold) Watermark() time.Time { return f.watermark }

// LateReports counts the late reports of the open segment.
func (f *Fold) LateReports() uint64 { return f.late }

// Counters returns what happened so far.
func (f *Fold) Counters() Counters { return f.counters }

// Series returns how many series the open segment holds.
func (f *Fold) Series() int { return len(f.byLabel) }

// seriesOf finds a report's series by its raw label bytes; only a first sight
// copies and parses.
func (f *Fold) seriesOf(r *telemetry.Report) *series {
	if s := f.byRaw[string(r.RawLabels)]; s != nil {
		return s
	}
	labels := r.Labels.Clone()
	labels.Canonical()
	canonical := canonicalKey(&labels)
	s := f.byLabel[canonical]
	if s == nil {
		if len(f.byLabel) >= f.parameters.MaxSeries {
			f.counters.Overflowed++
			return f.overflow()
		}
		s = f.newSeries(canonical, labels)
	}
	if len(f.byRaw) < 4*f.parameters.MaxSeries { // bounds encodings that differ only in order
		f.byRaw[string(r.RawLabels)] = s
	}
	return s
}

func (f *Fold) overflow() *series {
	labels := telemetry.Labels{Extra: []telemetry.Label{{Name: "overflow", Value: "true"}}}
	canonical := canonicalKey(&labels)
	if s := f.byLabel[canonical]; s != nil {
		return s
	}
	return f.newSeries(canonical, labels)
}

func (f *Fold) newSeries(canonical string, labels telemetry.Labels) *series {
	s := &series{labels: labels}
	f.byLabel[canonical] = s
	for i := range f.groupings {
		f.join(s, &f.groupings[i])
	}
	return s
}

func (f *Fold) join(s *series, grouping *telemetry.Grouping) {
	values, ok := grouping.Values(&s.labels)
	if !ok {
		return
	}
	key := telemetry.GroupKey(grouping.ID, values)
	g := f.groups[key]
	if g == nil {
		g = &group{grouping: grouping.ID, values: values}
		f.groups[key] = g
	}
	g.members = append(g.members, s)
	s.groups = append(s.groups, g)
}

func canonicalKey(l *telemetry.Labels) string {
	var b strings.Builder
	for i := range telemetry.LabelNames {
		b.WriteString(*l.FieldAt(i))
		b.WriteByte(0xff)
	}
	for _, extra := range l.Extra {
		b.WriteString(extra.Name)
		b.WriteByte(0xfe)
		b.WriteString(extra.Value)
		b.WriteByte(0xff)
	}
	return b.String()
}
