package telemetry

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Appending is written by hand for what the aggregate stage writes most: it is an
// eighth of what the generated code takes, and the golden files hold that the bytes
// are the same.

// message begins a field of bytes; end ends it.
func message(b []byte, number protowire.Number) (out []byte, begin int) {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return append(b, 0), len(b) + 1 // the length's place: most take one byte
}

// end writes the length of a field that began at begin.
func end(b []byte, begin int) []byte {
	length := len(b) - begin
	if length < 0x80 {
		b[begin-1] = byte(length)
		return b
	}
	more := protowire.SizeVarint(uint64(length)) - 1
	for range more {
		b = append(b, 0)
	}
	copy(b[begin+more:], b[begin:begin+length])
	protowire.AppendVarint(b[begin-1:begin-1], uint64(length))
	return b
}

func appendUint(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

func appendInt(b []byte, number protowire.Number, v int64) []byte {
	return appendUint(b, number, uint64(v))
}

func appendBool(b []byte, number protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return appendUint(b, number, 1)
}

func appendDouble(b []byte, number protowire.Number, v float64) []byte {
	if bits := math.Float64bits(v); bits != 0 {
		return protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), bits)
	}
	return b
}

func appendText(b []byte, number protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
}

func appendSource(b []byte, number protowire.Number, s *Source) []byte {
	b, begin := message(b, number)
	b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), s.TopicID[:])
	return end(appendInt(b, 2, int64(s.Partition)), begin)
}

func appendSegment(b []byte, number protowire.Number, s *Segment) []byte {
	b, begin := message(b, number)
	return end(appendInt(appendUint(b, 1, s.Block), 2, s.MinuteUnix), begin)
}

func appendErrors(b []byte, number protowire.Number, errors []ErrorCount) []byte {
	for i := range errors {
		var begin int
		b, begin = message(b, number)
		b = end(appendUint(appendText(b, 1, errors[i].Class), 2, errors[i].Count), begin)
	}
	return b
}

func appendEvents(b []byte, number protowire.Number, events []Event) []byte {
	for i := range events {
		e := &events[i]
		var begin int
		b, begin = message(b, number)
		b = end(appendText(appendInt(appendInt(b, 1, int64(e.Kind)), 2, e.TimeUnixMillis), 3, e.Detail), begin)
	}
	return b
}

func appendGaugeValue(b []byte, number protowire.Number, g *GaugeValue) []byte {
	b, begin := message(b, number)
	b = appendInt(appendText(b, 1, g.Name), 2, g.TimeUnixMillis)
	b = appendDouble(appendDouble(b, 3, g.Last), 4, g.Max)
	b = appendDouble(appendDouble(b, 5, g.Sum), 6, g.Min)
	return end(appendUint(b, 7, g.Series), begin)
}

// AppendLabels appends encoded labels: the canonical encoding of canonical ones.
func AppendLabels(b []byte, l *Labels) []byte {
	for i := range LabelNames {
		b = appendText(b, protowire.Number(i+1), *l.FieldAt(i))
	}
	for i := range l.Extra {
		var extra int
		b, extra = message(b, protowire.Number(len(LabelNames)+1))
		b = end(appendText(appendText(b, 1, l.Extra[i].Name), 2, l.Extra[i].Value), extra)
	}
	return b
}

// AppendCellBatch appends a record's value of weir.cells.
func AppendCellBatch(b []byte, batch *CellBatch) []byte {
	b = AppendBatchHeader(b, &batch.Source, &batch.Segment)
	var columns CellColumns
	for i := range batch.Cells {
		c := &batch.Cells[i]
		columns.Add(c.Pane.Unix(), AppendLabels(nil, &c.Labels), &c.Totals)
	}
	b = columns.AppendTo(b)
	if batch.Ledger != nil {
		b = AppendLedger(b, batch.Ledger)
	}
	for i := range batch.Details {
		b = AppendReportDetail(b, AppendLabels(nil, &batch.Details[i].Labels), &batch.Details[i])
	}
	return b
}

// AppendBatchHeader begins a record's value of weir.cells, to which CellColumns and at most
// one ledger are appended, or of weir.groups, to which GroupColumns are.
func AppendBatchHeader(b []byte, source *Source, segment *Segment) []byte {
	return appendSegment(appendSource(appendUint(b, 1, BatchSchema), 2, source), 3, segment)
}

// AppendLedger appends the ledger.
func AppendLedger(b []byte, l *Ledger) []byte {
	b, begin := message(b, 5)
	b = appendUint(appendUint(appendUint(b, 1, l.Reports), 2, l.Refused), 3, l.Bytes)
	return end(appendBool(appendInt(appendInt(b, 4, l.FirstOffset), 5, l.EndOffset), 6, l.Closed), begin)
}

// AppendGroupBatch appends a record's value of weir.groups.
func AppendGroupBatch(b []byte, batch *GroupBatch) []byte {
	var columns GroupColumns
	for i := range batch.Groups {
		g := &batch.Groups[i]
		columns.Begin(&Grouping{ID: g.Grouping, Omit: g.Omitted}, g.Values)
		for j := range g.Partials {
			columns.Add(g.Partials[j].Pane.Unix(), &g.Partials[j].Totals)
		}
	}
	return columns.AppendTo(AppendBatchHeader(b, &batch.Source, &batch.Segment))
}
