package telemetry

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// cellFields are a record's fields as they are written, columns packed. They alias it.
type cellFields struct {
	schema     uint32
	record     CellRecord
	topicID    []byte
	present    bool // the message that holds the cells
	numbers    [len(numberFields)][]byte
	labelBytes []byte
	histograms [4]histogramFields
	lists      [][]byte
	details    [][]byte
}

// What the columns of numbers are, by their place; field numbers of telemetry.proto.
var numberFields = [...]protowire.Number{1, 2, 3, 5, 6, 7, 8, 9, 10}

// numberNames are those of columns in errors.
var numberNames = [len(numberFields)]string{"pane_steps_s", "label_prefixes", "label_suffixes", "reports", "messages_beyond", "bytes",
	"rebalances", "dropped_reports", "interval_reports_ms"}

func (c *cellFields) readRecord(value []byte) error {
	return eachField(value, func(f field) error {
		switch f.tag {
		case tagOf(1, protowire.VarintType):
			c.schema = uint32(f.number)
		case tagOf(2, protowire.BytesType):
			return eachField(f.bytes, c.readSource)
		case tagOf(3, protowire.BytesType):
			return eachField(f.bytes, c.readSegment)
		case tagOf(4, protowire.BytesType):
			c.present = true
			return eachField(f.bytes, c.readColumn)
		case tagOf(5, protowire.BytesType):
			if c.record.Ledger == nil {
				c.record.Ledger = &Ledger{}
			}
			return eachField(f.bytes, c.record.Ledger.read)
		case tagOf(detailsField, protowire.BytesType):
			c.details = append(c.details, f.bytes)
		}
		return nil
	})
}

func (c *cellFields) readSource(f field) error {
	switch f.tag {
	case tagOf(1, protowire.BytesType):
		c.topicID = f.bytes
	case tagOf(2, protowire.VarintType):
		c.record.Source.Partition = int32(f.number)
	}
	return nil
}

func (c *cellFields) readSegment(f field) error {
	switch f.tag {
	case tagOf(1, protowire.VarintType):
		c.record.Segment.Block = f.number
	case tagOf(2, protowire.VarintType):
		c.record.Segment.MinuteUnix = int64(f.number)
	}
	return nil
}

func (l *Ledger) read(f field) error {
	switch f.tag {
	case tagOf(1, protowire.VarintType):
		l.Reports = f.number
	case tagOf(2, protowire.VarintType):
		l.Refused = f.number
	case tagOf(3, protowire.VarintType):
		l.Bytes = f.number
	case tagOf(4, protowire.VarintType):
		l.FirstOffset = int64(f.number)
	case tagOf(5, protowire.VarintType):
		l.EndOffset = int64(f.number)
	case tagOf(6, protowire.VarintType):
		l.Closed = f.number != 0
	}
	return nil
}

func (c *cellFields) readColumn(f field) error {
	number := protowire.Number(f.tag >> 3)
	if i := slices.Index(numberFields[:], number); i >= 0 {
		c.numbers[i] = joined(c.numbers[i], f)
		return nil
	}
	if protowire.Type(f.tag&7) != protowire.BytesType {
		return nil
	}
	switch {
	case number == 4:
		c.labelBytes = f.bytes
	case number >= firstHistogramField && int(number) < firstHistogramField+len(c.histograms):
		h := &c.histograms[number-firstHistogramField]
		h.present = true
		return eachField(f.bytes, func(f field) error {
			switch at := f.tag>>3 - 1; {
			case f.tag == tagOf(columnLows+1, protowire.BytesType):
				h.columns[columnLows] = f.bytes
			case at < uint64(len(h.columns)) && at != columnLows:
				h.columns[at] = joined(h.columns[at], f)
			}
			return nil
		})
	case number == 15:
		c.lists = append(c.lists, f.bytes)
	}
	return nil
}

// joined is a column with what a further field of it holds: all of it, in what Weir writes.
func joined(packed []byte, f field) []byte {
	switch protowire.Type(f.tag & 7) {
	case protowire.BytesType:
		if packed == nil {
			return f.bytes
		}
		return append(slices.Clip(packed), f.bytes...)
	case protowire.VarintType:
		return protowire.AppendVarint(slices.Clip(packed), f.number)
	}
	return packed
}

// decodeLabels decodes labels; they share no memory with raw.
func decodeLabels(raw []byte) (labels Labels, err error) {
	err = eachField(raw, func(f field) error {
		if protowire.Type(f.tag&7) != protowire.BytesType {
			return nil
		}
		number := int(f.tag >> 3)
		if into := labels.FieldAt(number - 1); into != nil {
			return f.setText(into)
		}
		if number != len(LabelNames)+1 {
			return nil
		}
		labels.Extra = append(labels.Extra, Label{})
		extra := &labels.Extra[len(labels.Extra)-1]
		return eachField(f.bytes, func(f field) error {
			switch f.tag {
			case tagOf(1, protowire.BytesType):
				return f.setText(&extra.Name)
			case tagOf(2, protowire.BytesType):
				return f.setText(&extra.Value)
			}
			return nil
		})
	})
	return labels, err
}

// addLists adds what the few cells have that have any.
func (t *CellTable) addLists(before int) error {
	next := before // the first cell without
	t.stops = false
	for _, lists := range t.columns.lists {
		cell, err := cellOf(lists)
		if err != nil {
			return err
		}
		if cells := t.Len() - before; uint64(cell) >= uint64(cells) {
			return fmt.Errorf("lists of cell %d, there are %d", cell, cells)
		}
		if before+int(cell) < next {
			return fmt.Errorf("lists of cell %d after those of a later one", cell)
		}
		t.endLists(&next, before+int(cell))
		if err := eachField(lists, t.addListed); err != nil {
			return err
		}
		t.endLists(&next, before+int(cell)+1)
	}
	t.endLists(&next, t.Len())
	return nil
}

// endLists ends the lists of the cells from next to one.
func (t *CellTable) endLists(next *int, to int) {
	for ; *next < to; *next++ {
		t.Errors.Ends = append(t.Errors.Ends, uint64(len(t.Errors.Classes)))
		t.Gauges.Ends = append(t.Gauges.Ends, uint64(len(t.Gauges.Names)))
		t.Stopped = append(t.Stopped, t.stops)
		t.stops = false
	}
}

// cellOf is the cell that lists belong to.
func cellOf(lists []byte) (cell uint32, err error) {
	err = eachField(lists, func(f field) error {
		if f.tag == tagOf(1, protowire.VarintType) {
			cell = uint32(f.number)
		}
		return nil
	})
	return cell, err
}

// addListed adds an error or a gauge. Of events only those are kept that say a client
// stopped or paused, as one for the cell; all are checked.
func (t *CellTable) addListed(f field) error {
	switch f.tag {
	case tagOf(2, protowire.BytesType):
		var name []byte
		var count uint64
		err := eachField(f.bytes, func(f field) (err error) {
			switch f.tag {
			case tagOf(1, protowire.BytesType):
				name, err = f.text()
			case tagOf(2, protowire.VarintType):
				count = f.number
			}
			return err
		})
		t.Errors.Classes, t.Errors.Counts = append(t.Errors.Classes, t.name(name)), append(t.Errors.Counts, count)
		return err
	case tagOf(3, protowire.BytesType):
		var name []byte
		var at int64
		var last, greatest float64
		err := eachField(f.bytes, func(f field) (err error) {
			switch f.tag {
			case tagOf(1, protowire.BytesType):
				name, err = f.text()
			case tagOf(2, protowire.VarintType):
				at = int64(f.number)
			case tagOf(3, protowire.Fixed64Type):
				last = math.Float64frombits(f.number)
			case tagOf(4, protowire.Fixed64Type):
				greatest = math.Float64frombits(f.number)
			}
			return err
		})
		t.Gauges.Names = append(t.Gauges.Names, t.name(name))
		t.Gauges.Times = append(t.Gauges.Times, at)
		t.Gauges.Last, t.Gauges.Max = append(t.Gauges.Last, last), append(t.Gauges.Max, greatest)
		return err
	case tagOf(4, protowire.BytesType):
		return eachField(f.bytes, func(f field) (err error) {
			switch f.tag {
			case tagOf(1, protowire.VarintType):
				kind := EventKind(f.number)
				t.stops = t.stops || kind == EventStopped || kind == EventPaused
			case tagOf(3, protowire.BytesType):
				_, err = f.text()
			}
			return err
		})
	}
	return nil
}
