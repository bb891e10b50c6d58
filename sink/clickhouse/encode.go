package clickhouse

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/weirmq/weir/telemetry"
)

// cellEncoder encodes rows of a table, one column at a time, as ClickHouse's Native
// format has them. Its memory is used again.
type cellEncoder struct {
	table    *telemetry.CellTable
	from, to int // the rows of one insert
	out      proto.Buffer

	labels  [numLabels]dictionary // keys are by series
	extras  [][]string            // by series
	origins dictionary            // of sources; keys are by record
	named   dictionary            // of errors and gauges; keys are by name
	rowKeys []uint32
}

const (
	numLabels   = 14
	clientLabel = 7 // the one that is kept as plain strings
)

// dictionary numbers the distinct values of a LowCardinality column. A value that
// thousands of rows have is looked up once, and a row takes its key.
type dictionary struct {
	numbers map[string]uint32
	values  []string
	keys    []uint32
}

func (d *dictionary) reset() {
	if d.numbers == nil {
		d.numbers = map[string]uint32{}
	}
	clear(d.numbers)
	clear(d.values)
	d.values, d.keys = d.values[:0], d.keys[:0]
}

// add appends the key of a value.
func (d *dictionary) add(value string) {
	number, ok := d.numbers[value]
	if !ok {
		number = uint32(len(d.values))
		d.values, d.numbers[value] = append(d.values, value), number
	}
	d.keys = append(d.keys, number)
}

// begin reads what many rows of a table share.
func (e *cellEncoder) begin(table *telemetry.CellTable) {
	e.table = table
	for label := range e.labels {
		d := &e.labels[label]
		d.reset()
		for i := range table.Labels {
			if label != clientLabel {
				d.add(*table.Labels[i].FieldAt(label))
			}
		}
	}
	clear(e.extras)
	e.extras = e.extras[:0]
	for i := range table.Labels {
		e.extras = append(e.extras, extraColumn(table.Labels[i].Extra))
	}
	e.origins.reset()
	for i := range table.Records {
		e.origins.add(table.Records[i].Source.String())
	}
	e.named.reset()
	for _, name := range table.Names {
		e.named.add(name)
	}
}

func (e *cellEncoder) clients() {
	for _, series := range e.table.Series[e.from:e.to] {
		e.out.PutString(e.table.Labels[series].Client)
	}
}

func (e *cellEncoder) label(label int) {
	d := &e.labels[label]
	keys := e.rowKeys[:0]
	for _, series := range e.table.Series[e.from:e.to] {
		keys = append(keys, d.keys[series])
	}
	e.rowKeys = keys
	e.out.PutInt64(sharedDictionaries)
	e.lowCardinality(d, keys)
}

func (e *cellEncoder) sources() {
	keys := e.rowKeys[:0]
	e.eachRow(func(record int) { keys = append(keys, e.origins.keys[record]) })
	e.rowKeys = keys
	e.out.PutInt64(sharedDictionaries)
	e.lowCardinality(&e.origins, keys)
}

// names encodes lists of names.
func (e *cellEncoder) names(ends []uint64, names []uint32) {
	e.out.PutInt64(sharedDictionaries)
	first, last := e.ends(ends)
	keys := e.rowKeys[:0]
	for _, name := range names[first:last] {
		keys = append(keys, e.named.keys[name])
	}
	e.rowKeys = keys
	e.lowCardinality(&e.named, keys)
}

// Of LowCardinality in the Native format.
const (
	sharedDictionaries = 1            // the version of keys
	ownDictionary      = 1<<9 | 1<<10 // a block has a dictionary of its own
)

// lowCardinality encodes a dictionary and the keys of values, as narrow as they go.
func (e *cellEncoder) lowCardinality(d *dictionary, keys []uint32) {
	if len(keys) == 0 {
		return
	}
	width := proto.KeyUInt8
	switch {
	case len(d.values) > math.MaxUint16+1:
		width = proto.KeyUInt32
	case len(d.values) > math.MaxUint8+1:
		width = proto.KeyUInt16
	}
	e.out.PutInt64(ownDictionary | int64(width))
	e.out.PutInt64(int64(len(d.values)))
	for _, value := range d.values {
		e.out.PutString(value)
	}
	e.out.PutInt64(int64(len(keys)))
	buf := slices.Grow(e.out.Buf, len(keys)<<width)
	for _, key := range keys {
		switch width {
		case proto.KeyUInt8:
			buf = append(buf, byte(key))
		case proto.KeyUInt16:
			buf = binary.LittleEndian.AppendUint16(buf, uint16(key))
		default:
			buf = binary.LittleEndian.AppendUint32(buf, key)
		}
	}
	e.out.Buf = buf
}

func (e *cellEncoder) extra() {
	var end uint64
	series := e.table.Series[e.from:e.to]
	for _, s := range series {
		end += uint64(len(e.extras[s]))
		e.out.PutUInt64(end)
	}
	if end == 0 {
		return
	}
	for _, s := range series {
		for _, text := range e.extras[s] {
			e.out.PutString(text)
		}
	}
}

// errors encodes each row's sum over its classes.
func (e *cellEncoder) errors() {
	first := e.before(e.table.Errors.Ends)
	for _, end := range e.table.Errors.Ends[e.from:e.to] {
		var sum uint64
		for _, count := range e.table.Errors.Counts[first:end] {
			sum += count
		}
		e.out.PutUInt64(sum)
		first = end
	}
}

// before is where the lists of the first row begin.
func (e *cellEncoder) before(ends []uint64) uint64 {
	if e.from == 0 {
		return 0
	}
	return ends[e.from-1]
}

// ends encodes where lists end, counted from the first row's begin, and returns which
// of all values are in them.
func (e *cellEncoder) ends(ends []uint64) (first, last uint64) {
	first = e.before(ends)
	buf := slices.Grow(e.out.Buf, 8*(e.to-e.from))
	for _, end := range ends[e.from:e.to] {
		buf = binary.LittleEndian.AppendUint64(buf, end-first)
	}
	e.out.Buf = buf
	return first, ends[e.to-1]
}

// eachRow calls with each row's record.
func (e *cellEncoder) eachRow(do func(record int)) {
	begin := 0
	for record := range e.table.Records {
		end := begin + e.table.Records[record].Cells
		for range min(end, e.to) - max(begin, e.from) {
			do(record)
		}
		begin = end
	}
}
