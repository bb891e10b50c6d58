package aggregate

import (
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// series is one set of label values in the open segment.
type series struct {
	labels telemetry.Labels
	groups []*group // one for each grouping that admits it
	cells  []*cell  // one for each pane, the newest last
}

// seriesTable finds series by their encoded labels. One series may be encoded in
// several ways; only the first sight of an encoding copies and parses it.
type seriesTable struct {
	limit    int
	byRaw    map[string]*series // raw label bytes
	byLabel  map[string]*series // canonical label bytes
	overflow *series            // of the series beyond the limit, nil before any
}

// rawPerSeries bounds the encodings remembered for each series. Not fewer: clients in
// several languages order labels differently; not more: each is a key in memory.
const rawPerSeries = 4

func newSeriesTable(limit int) seriesTable {
	return seriesTable{limit: limit, byRaw: map[string]*series{}, byLabel: map[string]*series{}}
}

func (t *seriesTable) remember(raw []byte, s *series) {
	if len(t.byRaw) < rawPerSeries*t.limit {
		t.byRaw[string(raw)] = s
	}
}

func (f *Fold) seriesOf(r *telemetry.Report) *series {
	s := f.series.byRaw[string(r.RawLabels)]
	if s == nil {
		s = f.newSeriesOf(r)
		f.series.remember(r.RawLabels, s)
	}
	if s == f.series.overflow {
		f.counters.Overflowed++
	}
	return s
}

// newSeriesOf finds or makes the series of an encoding seen for the first time.
func (f *Fold) newSeriesOf(r *telemetry.Report) *series {
	labels := r.Labels.Clone()
	labels.Canonical()
	canonical := canonicalKey(&labels)
	if s := f.series.byLabel[canonical]; s != nil {
		return s
	}
	if len(f.series.byLabel) < f.series.limit {
		return f.newSeries(canonical, labels)
	}
	if f.series.overflow == nil {
		labels = telemetry.Labels{Extra: []telemetry.Label{{Name: "overflow", Value: "true"}}}
		f.series.overflow = f.newSeries(canonicalKey(&labels), labels)
	}
	return f.series.overflow
}

func (f *Fold) newSeries(canonical string, labels telemetry.Labels) *series {
	s := &series{labels: labels}
	f.series.byLabel[canonical] = s
	f.group(s)
	return s
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
