package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules/backtest"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// maxLoggedCells is how many cells a backtest holds of weir.cells, which has no order by event time. Not fewer: 1,000 series
// have 360,000 in an hour; not more: each takes 800 bytes without histograms, as measured, and 1,100 with 25 buckets: 2 GB in all.
const maxLoggedCells = 2_000_000

// handedCells is about how many cells of the log are handed on at a time, as whole panes.
const handedCells = 50_000

// cellLog is the history that weir.cells holds: where there is no store, or where it is away.
type cellLog struct {
	from, to time.Time // event time of what was asked for
	since    time.Time // reports up to this event time may be in records that retention has taken, zero where it has taken none
	begun    bool      // there are records from before
	omit     telemetry.Parts
	most     int       // cells; maxLoggedCells
	first    time.Time // pane of the log's that begins soonest and is whole, also where it is not held
	last     time.Time // and the one that begins last
	places   map[cellPlace]int
	cells    []telemetry.StoredCell // the highest version of each; in order of panes once sorted
	series   map[string]uint32
	labels   []*telemetry.Labels
	ledger   map[clickhouse.SegmentOf]telemetry.Ledger
}

// cellPlace is what versions of a cell have in common.
type cellPlace struct {
	of       clickhouse.SegmentOf
	paneUnix int64
	series   uint32
}

// readCellLog reads the cells of a plan's time, without what no rule reads. Every record is read that was written since its begin, as
// the aggregate stage may write cells long after their time, but for the tolerance not before it.
func readCellLog(ctx context.Context, config *Config, plan backtest.Plan) (*cellLog, error) {
	l := newCellLog(plan.ReadFrom, plan.To, plan.Omit)
	client, err := stretchClient(config.Kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := reachKafka(ctx, config, client); err != nil {
		return nil, err
	}
	admin := kadm.NewClient(client)
	if err := checkRecordedPane(ctx, config, admin); err != nil {
		return nil, err
	}
	of, err := l.find(ctx, admin, config.Telemetry.Tolerance)
	if err != nil {
		return nil, err
	}
	if err := readStretches(ctx, client, of, l.take); err != nil {
		return nil, err
	}
	l.places, l.series = nil, nil // nothing is taken any more
	slices.SortStableFunc(l.cells, func(a, b telemetry.StoredCell) int { return cmp.Compare(a.PaneUnix, b.PaneUnix) })
	return l, nil
}

func newCellLog(from, to time.Time, omit telemetry.Parts) *cellLog {
	return &cellLog{from: from, to: to, omit: omit, most: maxLoggedCells, places: map[cellPlace]int{}, series: map[string]uint32{}, ledger: map[clickhouse.SegmentOf]telemetry.Ledger{}}
}

// find returns what to read of the topic's partitions: the records that may have reports of the time asked for, whose event time is off
// by the tolerance at most from when they were written.
func (l *cellLog) find(ctx context.Context, admin *kadm.Client, tolerance time.Duration) (map[topicPartition]stretch, error) {
	written := l.from.Add(-tolerance)
	after := func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
		return admin.ListOffsetsAfterMilli(ctx, written.UnixMilli(), topics...)
	}
	var starts, firsts, ends kadm.ListedOffsets
	for _, ask := range []struct {
		where  string
		list   func(context.Context, ...string) (kadm.ListedOffsets, error)
		listed *kadm.ListedOffsets
	}{
		{"begins", admin.ListStartOffsets, &starts},
		{"has records of " + written.Format(time.RFC3339), after, &firsts},
		{"ends", admin.ListEndOffsets, &ends},
	} {
		listed, err := ask.list(ctx, telemetry.TopicCells)
		if err = cmp.Or(err, listed.Error()); err != nil {
			return nil, fmt.Errorf("find where %s %s: %w", telemetry.TopicCells, ask.where, err)
		}
		*ask.listed = listed
	}
	out := map[topicPartition]stretch{}
	ends.Each(func(end kadm.ListedOffset) {
		first, _ := firsts.Lookup(end.Topic, end.Partition)
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if first.Offset < 0 || first.Offset >= end.Offset {
			return
		}
		out[topicPartition{end.Topic, end.Partition}] = stretch{first.Offset, end.Offset}
		if first.Offset > start.Offset {
			l.begun = true
		} else if taken := time.UnixMilli(first.Timestamp).UTC().Add(tolerance); start.Offset > 0 && taken.After(l.since) {
			l.since = taken
		}
	})
	return out, nil
}

// take keeps what a record says that is newer than what is known.
func (l *cellLog) take(record *kgo.Record) error {
	batch, err := telemetry.UnmarshalCellBatch(record.Value)
	if err != nil {
		return fmt.Errorf("read %s partition %d offset %d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	of := clickhouse.SegmentOf{Source: batch.Source, Segment: batch.Segment}
	if known := l.ledger[of]; batch.Ledger != nil && batch.Ledger.Reports+batch.Ledger.Refused >= known.Reports+known.Refused {
		l.ledger[of] = *batch.Ledger
	}
	for i := range batch.Cells {
		cell := &batch.Cells[i]
		if cell.Pane.Before(l.from) || !cell.Pane.After(l.since) || !l.note(cell.Pane) {
			continue
		}
		series, err := l.seriesOf(&cell.Labels)
		if err != nil {
			return err
		}
		cell.Totals.Drop(l.omit)
		stored := telemetry.StoredCell{PaneUnix: cell.Pane.Unix(), Series: series, Source: batch.Source, Segment: batch.Segment, Totals: cell.Totals}
		place := cellPlace{of, stored.PaneUnix, series}
		at, known := l.places[place]
		switch {
		case !known && len(l.cells) >= l.most:
			return fmt.Errorf("%s has more than %d cells from %s to %s, and all are held in memory: ask for a shorter time, or ClickHouse",
				record.Topic, l.most, l.from.UTC().Format(time.RFC3339), l.to.UTC().Format(time.RFC3339))
		case !known:
			l.places[place] = len(l.cells)
			l.cells = append(l.cells, stored)
		case stored.Totals.Reports > l.cells[at].Totals.Reports:
			l.cells[at] = stored
		}
	}
	return nil
}

// note notes that the log has cells of a pane, and says whether they are asked for.
func (l *cellLog) note(pane time.Time) (asked bool) {
	if l.first.IsZero() || pane.Before(l.first) {
		l.first = pane.UTC()
	}
	if pane.After(l.last) {
		l.last = pane.UTC()
	}
	return pane.Before(l.to)
}

func (l *cellLog) seriesOf(labels *telemetry.Labels) (uint32, error) {
	raw, err := telemetry.MarshalLabels(labels)
	if err != nil {
		return 0, fmt.Errorf("name a series: %w", err)
	}
	number, known := l.series[string(raw)]
	if !known {
		number = uint32(len(l.labels))
		kept := *labels // not the memory of the whole batch
		l.series[string(raw)], l.labels = number, append(l.labels, &kept)
	}
	return number, nil
}

// Held says of which time the log has cells, as the store's does: the first is from before what was asked for where all of that is
// known.
func (l *cellLog) Held(context.Context) (first, last time.Time, err error) {
	if l.begun && l.since.Before(l.from) && !l.last.IsZero() {
		return l.from.Add(-time.Nanosecond), l.last, nil
	}
	return l.first, l.last, nil
}

// ReadCells calls yield with the cells of a range, as the store's does.
func (l *cellLog) ReadCells(_ context.Context, of clickhouse.Range, yield func(*telemetry.StoredCells) error) error {
	place := func(at time.Time) int {
		n, _ := slices.BinarySearchFunc(l.cells, at.Unix(), func(c telemetry.StoredCell, unix int64) int { return cmp.Compare(c.PaneUnix, unix) })
		return n
	}
	rest, from := l.cells[place(of.From):place(of.To)], of.From
	for {
		n, until := len(rest), of.To
		if n > handedCells {
			cut := rest[handedCells].PaneUnix
			for n = handedCells; n < len(rest) && rest[n].PaneUnix == cut; {
				n++
			}
			if n < len(rest) {
				until = time.Unix(rest[n].PaneUnix, 0).UTC()
			}
		}
		if err := yield(&telemetry.StoredCells{From: from, To: until, Cells: rest[:n], Labels: l.labels}); err != nil {
			return err
		}
		if rest, from = rest[n:], until; len(rest) == 0 {
			return nil
		}
	}
}

// ClosedSegments returns how many reports the segments of a time held, as the store's does.
func (l *cellLog) ClosedSegments(_ context.Context, from, to time.Time) (map[clickhouse.SegmentOf]uint64, error) {
	out := map[clickhouse.SegmentOf]uint64{}
	for of, ledger := range maps.All(l.ledger) {
		if begin := of.Segment.Begin(); ledger.Closed && !begin.Before(from) && begin.Before(to) {
			out[of] = ledger.Reports
		}
	}
	return out, nil
}
