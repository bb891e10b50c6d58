package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// readBack is a cell with its labels, as a test compares it.
type readBack struct {
	Cell   telemetry.StoredCell
	Labels telemetry.Labels
}

func (s *store) readBack(of Range) []readBack {
	s.t.Helper()
	var out []readBack
	next, newest := of.From, int64(0)
	err := s.ReadCells(s.t.Context(), of, func(cells *telemetry.StoredCells) error {
		if !cells.From.Equal(next) {
			s.t.Errorf("cells from %s follow those until %s", cells.From, next)
		}
		next = cells.To
		for _, cell := range cells.Cells {
			if cell.PaneUnix < max(newest, cells.From.Unix()) || cell.PaneUnix >= cells.To.Unix() {
				s.t.Errorf("a cell of pane %d after one of %d, in %s to %s", cell.PaneUnix, newest, cells.From, cells.To)
			}
			newest = cell.PaneUnix
			labels := *cells.Labels[cell.Series]
			cell.Series = 0
			out = append(out, readBack{cell, labels})
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if !next.Equal(of.To) {
		s.t.Errorf("the cells end at %s, want %s", next, of.To)
	}
	sortCells(out)
	return out
}

func sortCells(cells []readBack) {
	slices.SortFunc(cells, func(a, b readBack) int {
		return cmp.Or(cmp.Compare(a.Cell.PaneUnix, b.Cell.PaneUnix), strings.Compare(fmt.Sprint(a.Labels, a.Cell.Source, a.Cell.Segment), fmt.Sprint(b.Labels, b.Cell.Source, b.Cell.Segment)))
	})
}

// cellsOf are the cells of batches as a reader must give them.
func cellsOf(omit telemetry.Parts, batches ...telemetry.CellBatch) []readBack {
	var out []readBack
	for _, b := range batches {
		for _, c := range b.Cells {
			t := c.Totals.Clone()
			for i, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
				if omit.Has(histogramParts[i]) {
					*h = telemetry.Histogram{}
				}
			}
			for i := range t.Gauges {
				g := &t.Gauges[i]
				g.Sum, g.Min, g.Series = g.Last, g.Last, 1
			}
			if stops := stopped(&t); stops {
				t.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
			} else {
				t.Events = nil
			}
			out = append(out, readBack{telemetry.StoredCell{PaneUnix: c.Pane.Unix(), Source: b.Source, Segment: b.Segment, Totals: t}, c.Labels})
		}
	}
	sortCells(out)
	return out
}

// TestCellsComeBack as they were folded, however often and in what order they were written.
func TestCellsComeBack(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := newHistory(5)
	for _, batches := range h.telling() {
		s.write(batches...)
	}
	var want []telemetry.CellBatch
	for _, segment := range h.segments {
		want = append(want, segment.batches(segmentReports, 1000)...)
	}
	first := h.segments[0].reports[0].pane.Truncate(24 * time.Hour)
	odd := telemetry.CellBatch{Source: telemetry.Source{TopicID: [16]byte{255, 1}, Partition: 7}, Segment: telemetry.Segment{Block: 3, MinuteUnix: first.Unix() / 60}}
	for i, text := range texts {
		text = strings.ToValidUTF8(text, "")
		labels := telemetry.Labels{Client: fmt.Sprint(i)}
		for field := range telemetry.LabelNames {
			*labels.FieldAt(field) += text
		}
		labels.Extra = []telemetry.Label{{Name: "extra" + text, Value: text}, {Name: "one=two", Value: `a\=b`}}
		odd.Cells = append(odd.Cells, telemetry.Cell{Pane: first, Labels: labels, Totals: extremes(text)})
	}
	odd.Cells = append(odd.Cells, telemetry.Cell{Pane: first, Totals: telemetry.Totals{Reports: 1}})
	s.write(odd)
	want = append(want, odd)
	for _, omit := range []telemetry.Parts{0, telemetry.PartLatency | telemetry.PartHeartbeat, telemetry.AllParts} {
		of := Range{From: first.Add(-time.Hour), To: first.Add(time.Hour), Omit: omit}
		if diff := gocmp.Diff(cellsOf(omit, want...), s.readBack(of), emptyIsNil); diff != "" {
			t.Fatalf("without parts %b (-want +got):\n%s", omit, diff)
		}
	}
	part := Range{From: first.Add(20 * time.Second), To: first.Add(40 * time.Second)}
	for i := range want {
		want[i].Cells = slices.DeleteFunc(want[i].Cells, func(c telemetry.Cell) bool { return c.Pane.Before(part.From) || !c.Pane.Before(part.To) })
	}
	if diff := gocmp.Diff(cellsOf(0, want...), s.readBack(part), emptyIsNil); diff != "" {
		t.Fatalf("of two panes (-want +got):\n%s", diff)
	}
	from, to, err := s.Held(t.Context())
	if err != nil || !from.Equal(first) || !to.Equal(first.Add(110*time.Second)) {
		t.Errorf("the store says it holds %s to %s and %v", from, to, err)
	}
}

// emptyIsNil compares lists by what is in them.
var emptyIsNil = gocmp.Options{
	gocmp.Transformer("histogram", func(h telemetry.Histogram) string { return fmt.Sprint(h) }),
	gocmp.Transformer("labels", func(l telemetry.Labels) string { return fmt.Sprintf("%q", l) }),
	gocmp.Transformer("classes", func(e []telemetry.ErrorCount) string { return fmt.Sprint(e) }),
	gocmp.Transformer("gauges", func(g []telemetry.GaugeValue) string { return fmt.Sprint(g) }),
}

// TestManyCellsComeBackInSteps of whole panes.
func TestManyCellsComeBackInSteps(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour)
	const panes, perPane = 5, 100
	for pane := range panes {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: begin.Unix() / 60}}
		for series := range perPane {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: begin.Add(time.Duration(pane) * 10 * time.Second),
				Labels: telemetry.Labels{Client: fmt.Sprint(series)}, Totals: telemetry.Totals{Reports: 1, Messages: uint64(pane)}})
		}
		s.write(batch)
	}
	for _, of := range []struct {
		reads readSize
		want  []string
	}{
		{readSize{500, 500}, []string{"-1m0s 1m0s 500"}},
		{readSize{400, 400}, []string{"-1m0s 40s 400", "40s 1m0s 100"}},
		{readSize{400, 250}, []string{"-1m0s 20s 200", "20s 40s 200", "40s 1m0s 100"}},
		{readSize{99, 99}, []string{"-1m0s 10s 100", "10s 20s 100", "20s 30s 100", "30s 40s 100", "40s 1m0s 100"}},
		{readSize{500, 30}, []string{"-1m0s 10s 100", "10s 20s 100", "20s 30s 100", "30s 40s 100", "40s 1m0s 100"}},
	} {
		var steps []string
		s.reads = of.reads
		err := s.ReadCells(t.Context(), Range{From: begin.Add(-time.Minute), To: begin.Add(time.Minute)}, func(cells *telemetry.StoredCells) error {
			steps = append(steps, fmt.Sprint(cells.From.Sub(begin), " ", cells.To.Sub(begin), " ", len(cells.Cells)))
			return nil
		})
		if err != nil || !slices.Equal(steps, of.want) {
			t.Errorf("%+v: read in steps %q and %v, want %q", of.reads, steps, err, of.want)
		}
	}
	stopped, stop := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	s.reads = readSize{99, 99}
	err := s.ReadCells(stopped, Range{From: begin.Add(-time.Minute), To: begin.Add(time.Minute)}, func(*telemetry.StoredCells) error {
		stop(why)
		return nil
	})
	if !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while it reads: got %v", err)
	}
	enough := errors.New("enough")
	if err := s.ReadCells(t.Context(), Range{From: begin, To: begin.Add(time.Minute)}, func(*telemetry.StoredCells) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}

// TestRowsFromBeforeTheNewColumnsComeBack with gauges whose time is not known.
func TestRowsFromBeforeTheNewColumnsComeBack(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	migrated(t, database, 2)
	begin := time.Now().UTC().Truncate(time.Hour)
	shared.query(t, database, fmt.Sprintf("INSERT INTO rollup_10s (ts, client, source, reports, `gauge.name`, `gauge.last`, `gauge.max`) VALUES (%d, 'a', '%s', 1, ['lag', 'members'], [5, 2], [7, 3])",
		begin.Unix(), telemetry.Source{}))
	s := openStore(t, shared, database, nil)
	if _, _, err := s.Held(t.Context()); fmt.Sprint(err) != "the store's schema has version 2, history needs 4: run this weir with the role clickhouse once" {
		t.Errorf("before the migration Held says %v", err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.readBack(Range{From: begin, To: begin.Add(time.Minute)})
	want := telemetry.Totals{Reports: 1, Gauges: []telemetry.GaugeValue{{Name: "lag", Last: 5, Max: 7, Sum: 5, Min: 5, Series: 1}, {Name: "members", Last: 2, Max: 3, Sum: 2, Min: 2, Series: 1}}}
	if len(got) != 1 || fmt.Sprint(got[0].Cell.Totals) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
