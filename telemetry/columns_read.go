package telemetry

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// cellsFromPB reads columns. A column that was left out holds zeros.
func cellsFromPB(pb *telemetrypb.CellColumns) ([]Cell, error) {
	if pb == nil {
		return nil, nil
	}
	cells := make([]Cell, len(pb.GetReports()))
	if len(cells) == 0 {
		return nil, errors.New("cells without reports: an earlier build wrote this record; let that one store it")
	}
	for _, c := range []struct {
		name string
		got  int
	}{{"pane_steps_s", len(pb.GetPaneStepsS())}, {"label_prefixes", len(pb.GetLabelPrefixes())}, {"label_suffixes", len(pb.GetLabelSuffixes())},
		{"messages", len(pb.GetMessages())}, {"bytes", len(pb.GetBytes())}, {"rebalances", len(pb.GetRebalances())},
		{"dropped_reports", len(pb.GetDroppedReports())}, {"interval_reports_ms", len(pb.GetIntervalReportsMs())}} {
		if c.got != 0 && c.got != len(cells) {
			return nil, fmt.Errorf("column %s has %d numbers for %d cells", c.name, c.got, len(cells))
		}
	}
	if err := readLabels(cells, pb); err != nil {
		return nil, err
	}
	var pane int64
	for i := range cells {
		t := &cells[i].Totals
		pane += at(pb.GetPaneStepsS(), i)
		cells[i].Pane = time.Unix(pane, 0).UTC()
		t.Reports, t.Messages, t.Bytes = pb.GetReports()[i], at(pb.GetMessages(), i), at(pb.GetBytes(), i)
		t.Rebalances, t.DroppedReports, t.IntervalMillis = at(pb.GetRebalances(), i), at(pb.GetDroppedReports(), i), at(pb.GetIntervalReportsMs(), i)
	}
	for kind, columns := range []*telemetrypb.HistogramColumns{pb.GetLatency(), pb.GetDelay(), pb.GetSize(), pb.GetHeartbeat()} {
		if err := readHistograms(cells, kind, columns); err != nil {
			return nil, err
		}
	}
	next := 0
	for _, lists := range pb.GetLists() {
		if int(lists.GetCell()) >= len(cells) {
			return nil, fmt.Errorf("lists of cell %d, there are %d", lists.GetCell(), len(cells))
		}
		if int(lists.GetCell()) < next {
			return nil, fmt.Errorf("lists of cell %d after those of a later one", lists.GetCell())
		}
		next = int(lists.GetCell()) + 1
		t := &cells[lists.GetCell()].Totals
		t.Errors, t.Gauges, t.Events = errorsFromPB(lists.GetErrors()), gaugesFromPB(lists.GetGauges()), eventsFromPB(lists.GetEvents())
	}
	return cells, nil
}

// at is a column's number, 0 where it was left out.
func at[T any](column []T, i int) (v T) {
	if i < len(column) {
		v = column[i]
	}
	return v
}

func readLabels(cells []Cell, pb *telemetrypb.CellColumns) error {
	var raw []byte
	rest := pb.GetLabelBytes()
	for i := range cells {
		prefix, suffix := int(at(pb.GetLabelPrefixes(), i)), int(at(pb.GetLabelSuffixes(), i))
		if prefix > len(raw) || suffix > len(rest) {
			return fmt.Errorf("labels of cell %d take %d bytes of the %d before and %d of the %d left", i, prefix, len(raw), suffix, len(rest))
		}
		raw = append(raw[:prefix], rest[:suffix]...)
		rest = rest[suffix:]
		labels, err := UnmarshalLabels(raw)
		if err != nil {
			return fmt.Errorf("cell %d: %w", i, err)
		}
		cells[i].Labels = labels
	}
	return nil
}

// readHistograms reads the columns of one kind. Histograms share the memory of all.
func readHistograms(cells []Cell, kind int, pb *telemetrypb.HistogramColumns) error {
	if pb == nil {
		return nil
	}
	gaps, counts := pb.GetIndexGaps(), pb.GetCounts()
	if len(pb.GetBuckets()) != len(cells) || len(gaps) != len(counts) {
		return fmt.Errorf("histograms of %d cells with %d gaps and %d counts, there are %d cells", len(pb.GetBuckets()), len(gaps), len(counts), len(cells))
	}
	for name, got := range map[string]int{"sums": len(pb.GetSums()), "maxes": len(pb.GetMaxes())} {
		if got != 0 && got != len(cells) {
			return fmt.Errorf("column %s has %d numbers for %d cells", name, got, len(cells))
		}
	}
	indexes := make([]int32, 0, len(gaps))
	for i := range cells {
		n := int(pb.GetBuckets()[i])
		if n > len(counts) {
			return fmt.Errorf("histogram of cell %d has %d buckets, %d are left", i, n, len(counts))
		}
		index, begin := int32(firstGapFrom), len(indexes)
		for _, gap := range gaps[:n] {
			index += int32(gap)
			indexes = append(indexes, index)
		}
		h := cells[i].Totals.histograms()[kind]
		h.Sum, h.Max = at(pb.GetSums(), i), at(pb.GetMaxes(), i)
		if n > 0 {
			h.Indexes, h.Counts = indexes[begin:len(indexes):len(indexes)], counts[:n:n]
		}
		gaps, counts = gaps[n:], counts[n:]
	}
	if len(counts) > 0 {
		return fmt.Errorf("%d buckets belong to no cell", len(counts))
	}
	return nil
}
