package telemetry

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

type histogramFields struct {
	present bool
	columns [7][]byte // as numbered in telemetry.proto
}

// sumNames are those of columns in errors.
var sumNames = [2]string{"sums", "maxes"}

// firstHistogramField is that of latencies.
const firstHistogramField = 11

// Where histogramFields has its columns.
const (
	columnRuns = iota
	columnGaps
	columnMore
	columnSums
	columnMaxes
	columnLows
	columnHighSteps
)

// addHistogramsOf adds the histograms of one kind.
func (t *CellTable) addHistogramsOf(kind, before int) (err error) {
	h, c, cells := &t.Histograms[kind], &t.columns.histograms[kind], t.Len()-before
	runs := t.scratch[0][:0]
	if runs, err = appendNumbers(runs, c.columns[columnRuns]); err != nil {
		return err
	}
	t.scratch[0] = runs
	if c.present && len(runs) != cells {
		return fmt.Errorf("histograms of %d cells, there are %d cells", len(runs), cells)
	}
	reader := histogramReader{gaps: c.columns[columnGaps], more: c.columns[columnMore], lows: c.columns[columnLows], steps: c.columns[columnHighSteps]}
	reader.noMore, reader.noSteps = len(reader.more) == 0, len(reader.steps) == 0
	for i := range cells {
		if err := reader.read(h, at(runs, i)&math.MaxUint32); err != nil {
			return fmt.Errorf("histogram of cell %d %w", i, err)
		}
		h.Ends = append(h.Ends, uint64(len(h.Counts)))
	}
	if len(reader.gaps)+len(reader.more)+len(reader.lows)+len(reader.steps) > 0 {
		return fmt.Errorf("%d bytes of runs and %d buckets belong to no cell", len(reader.gaps)+len(reader.more), max(len(reader.lows), len(reader.steps)))
	}
	for i, column := range []*[]uint64{&h.Sums, &h.Maxes} {
		if *column, err = appendNumbers(*column, c.columns[columnSums+i]); err != nil {
			return err
		}
		if *column, err = t.complete(*column, before, sumNames[i]); err != nil {
			return err
		}
	}
	return nil
}

// histogramReader holds what is left of the columns.
type histogramReader struct {
	gaps, more, lows, steps []byte
	noMore, noSteps         bool // columns that were left out hold zeros
}

// nextNumber reads a packed number, and returns what follows it; ok is false where there is
// none. Nearly all have one byte.
func nextNumber(packed []byte) (v uint64, rest []byte, ok bool) {
	if len(packed) > 0 && packed[0] < 0x80 {
		return uint64(packed[0]), packed[1:], true
	}
	v, n := protowire.ConsumeVarint(packed)
	return v, packed[max(n, 0):], n > 0
}

// read reads the histogram of one cell. Its errors go on after the cell's name.
func (r *histogramReader) read(h *HistogramTable, runs uint64) (err error) {
	begin, last := len(h.Indexes), int64(firstGapFrom)
	for range runs {
		if last, err = r.readRun(h, begin, last); err != nil {
			return err
		}
	}
	buckets := len(h.Indexes) - begin
	high := int64(0)
	for _, low := range r.lows[:buckets] {
		if !r.noSteps {
			step, rest, ok := nextNumber(r.steps)
			if !ok {
				return errors.New("has more low counts than high ones")
			}
			r.steps = rest
			if high += protowire.DecodeZigZag(step); high < 0 || high > maxHigh {
				return countFault(high)
			}
		}
		h.Counts = append(h.Counts, uint64(high)<<lowBits|uint64(low))
	}
	r.lows = r.lows[buckets:]
	return nil
}

// readRun adds the indexes of a run that comes after the bucket last, and returns its own
// last one. The cell's indexes begin at begin.
func (r *histogramReader) readRun(h *HistogramTable, begin int, last int64) (int64, error) {
	gap, rest, ok := nextNumber(r.gaps)
	if !ok {
		return 0, errors.New("has more runs of buckets than there are gaps")
	}
	r.gaps = rest
	more := uint64(0)
	if !r.noMore {
		if more, rest, ok = nextNumber(r.more); !ok {
			return 0, errors.New("has more runs of buckets than there are lengths")
		}
		r.more = rest
	}
	first := last + int64(gap&math.MaxUint32)
	last = first + int64(more&math.MaxUint32)
	if left := len(r.lows) - (len(h.Indexes) - begin); gap&math.MaxUint32 == 0 || last > maxBucketIndex || last-first >= int64(left) {
		return 0, bucketsFault(first, last, left)
	}
	for index := first; index <= last; index++ {
		h.Indexes = append(h.Indexes, int16(index))
	}
	return last, nil
}

func bucketsFault(first, last int64, left int) error {
	return fmt.Errorf("has buckets %d to %d, want ascending ones of at most %d and not more than the %d that are left", first, last, maxBucketIndex, left)
}

func countFault(high int64) error {
	return fmt.Errorf("has a count of %d times 256, want 0 to %d", high, int64(maxHigh))
}
