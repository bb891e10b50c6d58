package aggregate

import (
	"github.com/weirmq/weir/telemetry"
)

// series is one set of label values.
type series struct {
	labels  telemetry.Labels
	encoded []byte   // labels
	segment uint64   // the table's segment that it was last seen in
	grouped uint64   // the table's groupings that groups is of
	groups  []*group // one for each grouping that admits it
	cells   []*cell  // of that segment, one for each pane, the newest last
}

// seriesTable finds series by their encoded labels. One series may be encoded in
// several ways; only the first sight of an encoding copies and parses it. Series are
// remembered beyond their segment, since nearly all come again; which of them count
// against the limit depends on the segment alone.
type seriesTable struct {
	limit     int
	byRaw     map[string]*series // raw label bytes
	byLabel   map[string]*series // canonical label bytes
	segment   uint64             // counts segments
	groupings uint64             // counts sets of groupings
	live      int                // series in the open segment
	overflow  *series            // of the series beyond the limit
	scratch   telemetry.Labels   // as read, before they are copied
}

const (
	// rawPerSeries bounds the encodings remembered for each series. Not fewer: clients
	// in several languages order labels differently; not more: each is a key in memory.
	rawPerSeries = 4
	// rememberedPerLive bounds the series that are remembered, by those of a segment.
	// Not fewer: clients that pause for a minute would be parsed again; not more: they
	// are memory.
	rememberedPerLive = 2
	minRemembered     = 1000
)

func newSeriesTable(limit int) seriesTable {
	t := seriesTable{limit: limit, groupings: 1}
	t.forget()
	return t
}

func (t *seriesTable) forget() {
	t.byRaw, t.byLabel = map[string]*series{}, map[string]*series{}
	labels := telemetry.Labels{Extra: []telemetry.Label{{Name: "overflow", Value: "true"}}}
	t.overflow = &series{labels: labels, encoded: telemetry.AppendLabels(nil, &labels)}
	t.byLabel[string(t.overflow.encoded)] = t.overflow
}

// begin begins a segment. It returns true where all series were forgotten, because
// most of those remembered had not come in the segment before.
func (t *seriesTable) begin() (forgot bool) {
	if len(t.byLabel) > minRemembered+rememberedPerLive*t.live || len(t.byRaw) > rawPerSeries*t.limit {
		t.forget()
		forgot = true
	}
	t.segment++
	t.live = 0
	return forgot
}

// seriesOf finds the series of a report, the overflow series beyond the limit.
func (f *Fold) seriesOf(r *telemetry.Report, reader LabelReader) (*series, error) {
	s := f.series.byRaw[string(r.RawLabels)]
	if s == nil {
		var err error
		if s, err = f.newSeries(r, reader); err != nil {
			return nil, err
		}
	}
	if s.segment == f.series.segment {
		return s, nil
	}
	if f.series.live >= f.series.limit && s != f.series.overflow {
		f.counters.Overflowed++
		if s = f.series.overflow; s.segment == f.series.segment {
			return s, nil
		}
	}
	f.enter(s)
	return s, nil
}

// enter makes a series one of the open segment.
func (f *Fold) enter(s *series) {
	f.series.live++
	s.segment, s.cells = f.series.segment, s.cells[:0]
	if s.grouped != f.series.groupings {
		f.group(s)
	}
}

// newSeries finds or makes the series of an encoding seen for the first time.
func (f *Fold) newSeries(r *telemetry.Report, reader LabelReader) (*series, error) {
	if err := reader.ReadLabels(r.RawLabels, &f.series.scratch); err != nil {
		return nil, err
	}
	labels := f.series.scratch.Clone()
	labels.Canonical()
	canonical := string(telemetry.AppendLabels(nil, &labels))
	s := f.series.byLabel[canonical]
	if s == nil {
		s = &series{labels: labels, encoded: []byte(canonical)}
		f.series.byLabel[canonical] = s
	}
	if len(f.series.byRaw) < rawPerSeries*f.series.limit {
		f.series.byRaw[string(r.RawLabels)] = s
	}
	return s, nil
}
