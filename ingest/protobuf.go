package ingest

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// errMalformed is the error of a record that is not protobuf.
var errMalformed = errors.New("not a protobuf report")

var errUTF8 = errors.New("string is not UTF-8")

// decodeProtobuf reads a report into r, whose slices are reused. Strings and
// RawLabels alias value. It accepts what the generated decoder accepts.
func decodeProtobuf(value []byte, r *telemetry.Report) error {
	resetReport(r)
	labelRegions := 0
	for len(value) > 0 {
		number, kind, n := protowire.ConsumeTag(value)
		if n < 0 {
			return errMalformed
		}
		value = value[n:]
		field, n, err := consumeField(value, number, kind)
		if err != nil {
			return err
		}
		value = value[n:]
		if number == 2 && kind == protowire.BytesType {
			labelRegions++
			r.RawLabels = field.bytes
		}
		if err := setReportField(r, number, kind, field); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
	}
	if labelRegions > 1 { // legal: later fields win, but the last region alone is not the series
		raw, err := telemetry.MarshalLabels(&r.Labels)
		if err != nil {
			return err
		}
		r.RawLabels = raw
	}
	return nil
}

// field is one field's value, by its wire type.
type field struct {
	varint uint64
	fixed  uint64
	bytes  []byte
}

func consumeField(b []byte, number protowire.Number, kind protowire.Type) (field, int, error) {
	var f field
	n := 0
	switch kind {
	case protowire.VarintType:
		f.varint, n = protowire.ConsumeVarint(b)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	case protowire.Fixed64Type:
		f.fixed, n = protowire.ConsumeFixed64(b)
	default:
		n = protowire.ConsumeFieldValue(number, kind, b)
	}
	if n < 0 {
		return f, 0, errMalformed
	}
	return f, n, nil
}

func setReportField(r *telemetry.Report, number protowire.Number, kind protowire.Type, f field) error {
	switch {
	case kind == protowire.VarintType:
		switch number {
		case 1:
			r.Schema = uint32(f.varint)
		case 3:
			r.StartUnixMillis = int64(f.varint)
		case 4:
			r.LengthMillis = uint32(f.varint)
		case 5:
			r.Messages = f.varint
		case 6:
			r.Bytes = f.varint
		case 13:
			r.Rebalances = f.varint
		case 14:
			r.DroppedReports = f.varint
		}
		return nil
	case kind != protowire.BytesType:
		return nil
	}
	switch number {
	case 2:
		return decodeLabels(f.bytes, &r.Labels)
	case 7:
		return appendError(f.bytes, r)
	case 8:
		return decodeHistogram(f.bytes, &r.LatencyMicros)
	case 9:
		return decodeHistogram(f.bytes, &r.DelayMicros)
	case 10:
		return decodeHistogram(f.bytes, &r.SizeBytes)
	case 11:
		return decodeHistogram(f.bytes, &r.HeartbeatMicros)
	case 12:
		return appendGauge(f.bytes, r)
	case 15:
		return appendExemplar(f.bytes, r)
	case 16:
		return appendEvent(f.bytes, r)
	}
	return nil
}

// each calls set for every field of a message.
func each(b []byte, set func(protowire.Number, protowire.Type, field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
		f, n, err := consumeField(b, number, kind)
		if err != nil {
			return err
		}
		b = b[n:]
		if err := set(number, kind, f); err != nil {
			return err
		}
	}
	return nil
}

func decodeLabels(b []byte, labels *telemetry.Labels) error {
	return each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		if kind != protowire.BytesType {
			return nil
		}
		if number == 15 {
			var extra telemetry.Label
			err := each(f.bytes, func(number protowire.Number, kind protowire.Type, f field) error {
				switch {
				case number == 1 && kind == protowire.BytesType:
					return setString(&extra.Name, f.bytes)
				case number == 2 && kind == protowire.BytesType:
					return setString(&extra.Value, f.bytes)
				}
				return nil
			})
			labels.Extra = append(labels.Extra, extra)
			return err
		}
		if at := labels.FieldAt(int(number) - 1); at != nil {
			return setString(at, f.bytes)
		}
		return nil
	})
}

func decodeHistogram(b []byte, h *telemetry.Histogram) error {
	return each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		switch {
		case number == 1 && kind == protowire.VarintType:
			h.Indexes = append(h.Indexes, zigZag(f.varint))
		case number == 1 && kind == protowire.BytesType:
			return eachVarint(f.bytes, func(v uint64) { h.Indexes = append(h.Indexes, zigZag(v)) })
		case number == 2 && kind == protowire.VarintType:
			h.Counts = append(h.Counts, f.varint)
		case number == 2 && kind == protowire.BytesType:
			return eachVarint(f.bytes, func(v uint64) { h.Counts = append(h.Counts, v) })
		case number == 3 && kind == protowire.VarintType:
			h.Sum = f.varint
		case number == 4 && kind == protowire.VarintType:
			h.Max = f.varint
		}
		return nil
	})
}

func zigZag(v uint64) int32 { return int32(protowire.DecodeZigZag(v & math.MaxUint32)) }

func eachVarint(b []byte, add func(uint64)) error {
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return errMalformed
		}
		add(v)
		b = b[n:]
	}
	return nil
}

func appendError(b []byte, r *telemetry.Report) error {
	var e telemetry.ErrorCount
	err := each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		switch {
		case number == 1 && kind == protowire.BytesType:
			return setString(&e.Class, f.bytes)
		case number == 2 && kind == protowire.VarintType:
			e.Count = f.varint
		}
		return nil
	})
	r.Errors = append(r.Errors, e)
	return err
}

func appendGauge(b []byte, r *telemetry.Report) error {
	var g telemetry.Gauge
	err := each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		switch {
		case number == 1 && kind == protowire.BytesType:
			return setString(&g.Name, f.bytes)
		case number == 2 && kind == protowire.Fixed64Type:
			g.Value = math.Float64frombits(f.fixed)
		}
		return nil
	})
	r.Gauges = append(r.Gauges, g)
	return err
}

func appendExemplar(b []byte, r *telemetry.Report) error {
	var e telemetry.Exemplar
	err := each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		switch {
		case number == 1 && kind == protowire.VarintType:
			e.TimeUnixMillis = int64(f.varint)
		case number == 2 && kind == protowire.BytesType:
			return setString(&e.TraceID, f.bytes)
		case number == 3 && kind == protowire.BytesType:
			return setString(&e.MessageID, f.bytes)
		case number == 4 && kind == protowire.VarintType:
			e.LatencyMicros = f.varint
		case number == 5 && kind == protowire.VarintType:
			e.SizeBytes = f.varint
		}
		return nil
	})
	r.Exemplars = append(r.Exemplars, e)
	return err
}

func appendEvent(b []byte, r *telemetry.Report) error {
	var e telemetry.Event
	err := each(b, func(number protowire.Number, kind protowire.Type, f field) error {
		switch {
		case number == 1 && kind == protowire.VarintType:
			e.Kind = telemetry.EventKind(f.varint)
		case number == 2 && kind == protowire.VarintType:
			e.TimeUnixMillis = int64(f.varint)
		case number == 3 && kind == protowire.BytesType:
			return setString(&e.Detail, f.bytes)
		}
		return nil
	})
	r.Events = append(r.Events, e)
	return err
}

// setString aliases b without copying.
func setString(to *string, b []byte) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	*to = unsafe.String(unsafe.SliceData(b), len(b))
	return nil
}

func resetReport(r *telemetry.Report) {
	extra, errs, gauges := r.Labels.Extra[:0], r.Errors[:0], r.Gauges[:0]
	exemplars, events := r.Exemplars[:0], r.Events[:0]
	histograms := [4]telemetry.Histogram{r.LatencyMicros, r.DelayMicros, r.SizeBytes, r.HeartbeatMicros}
	for i := range histograms {
		histograms[i].Reset()
	}
	*r = telemetry.Report{Labels: telemetry.Labels{Extra: extra}, Errors: errs, Gauges: gauges, Exemplars: exemplars,
		Events: events, LatencyMicros: histograms[0], DelayMicros: histograms[1], SizeBytes: histograms[2], HeartbeatMicros: histograms[3]}
}
