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

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// maxLoggedCells is how many cells a backtest holds of weir.cells, which has no order by event time. Not fewer: 1,000 series
// have 360,000 in an hour; not more: each takes half a kilobyte and more.
const maxLoggedCells = 2_000_000

// handedCells is about how many cells of the log are handed on at a time, as whole panes.
const handedCells = 50_000

// cellLog is the history that weir.cells holds: where there is no store, or where it is away.
type cellLog struct {
	from   time.Time // event time of what was asked for
	since  time.Time // where retention has taken what was before, zero where it has not
	begun  bool      // there are records from before
	omit   telemetry.Parts
	most   int // cells; maxLoggedCells
	places map[cellPlace]int
	cells  []telemetry.StoredCell // the highest version of each; in order of panes once sorted
	series map[string]uint32
	labels []*telemetry.Labels
	ledger map[clickhouse.SegmentOf]telemetry.Ledger
}

// cellPlace is what versions of a cell have in common.
type cellPlace struct {
	of       clickhouse.SegmentOf
	paneUnix int64
	series   uint32
}

// readCellLog reads the cells of an event time and later, without what no rule reads. Every record is read that was written since
// then, as the aggregate stage may write cells long after their time, but for the tolerance not before it.
func readCellLog(ctx context.Context, config *Config, from time.Time, omit telemetry.Parts) (*cellLog, error) {
	l := newCellLog(from, omit)
	options, err := clientOptions(config.Kafka)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if err := checkRecordedPane(ctx, config, admin); err != nil {
		return nil, err
	}
	next, ends, err := l.find(ctx, admin, from.Add(-config.Telemetry.Tolerance))
	if err != nil {
		return nil, err
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{telemetry.TopicCells: next})
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := fetchError(fetches); err != nil {
			return nil, err
		}
		for _, record := range fetches.Records() {
			if err := l.take(record); err != nil {
				return nil, err
			}
			if end, reading := ends[record.Partition]; reading && record.Offset+1 >= end {
				delete(ends, record.Partition)
			}
		}
	}
	l.cells = slices.DeleteFunc(l.cells, func(c telemetry.StoredCell) bool { return c.PaneUnix < l.since.Unix() })
	l.places, l.series = nil, nil // nothing is taken any more
	slices.SortStableFunc(l.cells, func(a, b telemetry.StoredCell) int { return cmp.Compare(a.PaneUnix, b.PaneUnix) })
	return l, nil
}

func newCellLog(from time.Time, omit telemetry.Parts) *cellLog {
	return &cellLog{from: from, omit: omit, most: maxLoggedCells, places: map[cellPlace]int{}, series: map[string]uint32{}, ledger: map[clickhouse.SegmentOf]telemetry.Ledger{}}
}

// find returns where to read the topic's partitions, of records written at a time and later, and where those end that have some.
func (l *cellLog) find(ctx context.Context, admin *kadm.Client, since time.Time) (next map[int32]kgo.Offset, ends map[int32]int64, err error) {
	starts, err := admin.ListStartOffsets(ctx, telemetry.TopicCells)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find where %s begins: %w", telemetry.TopicCells, err)
	}
	after, err := admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), telemetry.TopicCells)
	if err == nil {
		err = after.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find where %s has records of %s: %w", telemetry.TopicCells, since.Format(time.RFC3339), err)
	}
	listed, err := admin.ListEndOffsets(ctx, telemetry.TopicCells)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find where %s ends: %w", telemetry.TopicCells, err)
	}
	next, ends = map[int32]kgo.Offset{}, map[int32]int64{}
	listed.Each(func(end kadm.ListedOffset) {
		first, _ := after.Lookup(end.Topic, end.Partition)
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if first.Offset < 0 || first.Offset >= end.Offset {
			return
		}
		next[end.Partition], ends[end.Partition] = kgo.NewOffset().At(first.Offset), end.Offset
		if first.Offset > start.Offset {
			l.begun = true
		} else if taken := time.UnixMilli(first.Timestamp).UTC(); start.Offset > 0 && taken.After(l.since) {
			l.since = taken
		}
	})
	return next, ends, nil
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
		if cell.Pane.Before(l.from) {
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
			return fmt.Errorf("%s has more than %d cells from %s on, and all are held in memory: ask for a shorter time, or ClickHouse", record.Topic, l.most, l.from.UTC().Format(time.RFC3339))
		case !known:
			l.places[place] = len(l.cells)
			l.cells = append(l.cells, stored)
		case stored.Totals.Reports > l.cells[at].Totals.Reports:
			l.cells[at] = stored
		}
	}
	return nil
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

// Held says of which time there are cells, as the store's does: the first is from before what was asked for where all of that is
// known.
func (l *cellLog) Held(context.Context) (first, last time.Time, err error) {
	if len(l.cells) == 0 {
		return first, last, nil
	}
	first, last = time.Unix(l.cells[0].PaneUnix, 0).UTC(), time.Unix(l.cells[len(l.cells)-1].PaneUnix, 0).UTC()
	if l.begun && l.since.Before(l.from) {
		first = l.from.Add(-time.Nanosecond)
	}
	return first, last, nil
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
