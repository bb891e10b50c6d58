package telemetry

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxBucketIndex is the greatest that a value has.
const maxBucketIndex = MaxHistogramBuckets - 2

// Add decodes a record and appends its cells. A record that cannot be read, or that
// holds what no store could take, is an error, and leaves the table as it was.
func (t *CellTable) Add(value []byte) error {
	cells := t.Len()
	if err := t.add(value); err != nil {
		t.truncate(cells)
		return fmt.Errorf("decode a cell batch: %w", err)
	}
	return nil
}

func (t *CellTable) add(value []byte) error {
	c := &t.columns
	*c = cellFields{lists: c.lists[:0], details: c.details[:0]}
	if err := c.readRecord(value); err != nil {
		return err
	}
	if err := t.checkRecord(); err != nil {
		return err
	}
	before := t.Len()
	if err := t.addNumbers(); err != nil {
		return err
	}
	c.record.Cells = t.Len() - before
	if c.record.Cells > 0 {
		for _, add := range []func(before int) error{t.addPanes, t.addSeries, t.addHistograms, t.addLists} {
			if err := add(before); err != nil {
				return err
			}
		}
	}
	if err := t.addDetails(); err != nil {
		return err
	}
	t.Records = append(t.Records, c.record)
	return nil
}

func (t *CellTable) checkRecord() error {
	c := &t.columns
	if err := checkSchema(c.schema); err != nil {
		return err
	}
	source := &c.record.Source
	if got := len(c.topicID); got != len(source.TopicID) {
		return fmt.Errorf("source has a topic id of %d bytes, want %d", got, len(source.TopicID))
	}
	copy(source.TopicID[:], c.topicID)
	if minute := c.record.Segment.MinuteUnix; minute < 0 || minute > math.MaxUint32/60 {
		return fmt.Errorf("segment of minute %d, want 0 to %d", minute, math.MaxUint32/60)
	}
	return nil
}

// addNumbers reads the columns of plain numbers; that of reports says how many cells there are.
func (t *CellTable) addNumbers() (err error) {
	c := &t.columns
	before := t.Len()
	const first = 3 // reports, in numberFields
	for i, column := range t.numbers() {
		if *column, err = appendNumbers(*column, c.numbers[first+i]); err != nil {
			return err
		}
		if i == 0 && len(*column) == before && c.present {
			return errors.New("cells without reports")
		}
		if *column, err = t.complete(*column, before, numberNames[first+i]); err != nil {
			return err
		}
	}
	return nil
}

// complete appends zeros where a column was left out, and refuses one of another length.
func (t *CellTable) complete(column []uint64, before int, name string) ([]uint64, error) {
	switch cells := t.Len() - before; len(column) - before {
	case cells:
	case 0:
		return append(column, make([]uint64, cells)...), nil
	default:
		return column, fmt.Errorf("column %s has %d numbers for %d cells", name, len(column)-before, cells)
	}
	return column, nil
}

func (t *CellTable) addPanes(before int) (err error) {
	c := &t.columns
	steps := t.scratch[0][:0]
	if steps, err = appendNumbers(steps, c.numbers[0]); err != nil {
		return err
	}
	t.scratch[0] = steps
	if len(steps) != 0 && len(steps) != t.Len()-before {
		return fmt.Errorf("column %s has %d numbers for %d cells", numberNames[0], len(steps), t.Len()-before)
	}
	var pane int64
	for i := range t.Len() - before {
		if len(steps) > 0 {
			pane += protowire.DecodeZigZag(steps[i])
		}
		if pane < 0 || pane > math.MaxUint32 {
			return fmt.Errorf("pane of cell %d at %d s since 1970, want 0 to %d", i, pane, uint32(math.MaxUint32))
		}
		t.Panes = append(t.Panes, uint32(pane))
	}
	return nil
}

// addSeries puts the labels together again, and decodes those that no cell had before.
func (t *CellTable) addSeries(before int) (err error) {
	c := &t.columns
	for i := range t.scratch {
		if t.scratch[i], err = appendNumbers(t.scratch[i][:0], c.numbers[1+i]); err != nil {
			return err
		}
		if got := len(t.scratch[i]); got != 0 && got != t.Len()-before {
			return fmt.Errorf("column %s has %d numbers for %d cells", numberNames[1+i], got, t.Len()-before)
		}
	}
	prefixes, suffixes, rest := t.scratch[0], t.scratch[1], c.labelBytes
	t.labels = t.labels[:0]
	for i := range t.Len() - before {
		prefix, suffix := at(prefixes, i)&math.MaxUint32, at(suffixes, i)&math.MaxUint32
		if prefix > uint64(len(t.labels)) || suffix > uint64(len(rest)) {
			return fmt.Errorf("labels of cell %d take %d bytes of the %d before and %d of the %d left", i, prefix, len(t.labels), suffix, len(rest))
		}
		if i > 0 && suffix == 0 && prefix == uint64(len(t.labels)) { // those of the cell before
			t.Series = append(t.Series, t.Series[len(t.Series)-1])
			continue
		}
		t.labels = append(t.labels[:prefix], rest[:suffix]...)
		rest = rest[suffix:]
		series, ok := t.series[string(t.labels)]
		if !ok {
			if series, err = t.newSeries(); err != nil {
				return fmt.Errorf("cell %d: %w", i, err)
			}
		}
		t.Series = append(t.Series, series)
	}
	return nil
}

func (t *CellTable) newSeries() (uint32, error) {
	labels, err := decodeLabels(t.labels)
	if err != nil {
		return 0, fmt.Errorf("decode labels: %w", err)
	}
	if t.series == nil {
		t.series = map[string]uint32{}
	}
	series := uint32(len(t.Labels))
	t.Labels, t.series[string(t.labels)] = append(t.Labels, labels), series
	return series, nil
}

func (t *CellTable) addHistograms(before int) error {
	for kind := range t.Histograms {
		if err := t.addHistogramsOf(kind, before); err != nil {
			return err
		}
	}
	latencies := &t.Histograms[TableLatency]
	begin := uint64(0)
	if before > 0 {
		begin = latencies.Ends[before-1]
	}
	for i := before; i < t.Len(); i++ {
		messages := uint64(protowire.DecodeZigZag(t.Messages[i])) // beyond those that have a latency
		for _, count := range latencies.Counts[begin:latencies.Ends[i]] {
			messages += count
		}
		t.Messages[i], begin = messages, latencies.Ends[i]
	}
	return nil
}
