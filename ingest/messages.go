package ingest

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/weirmq/weir/telemetry"
)

var errUTF8 = errors.New("string is not UTF-8")

// decodeLabels reads a label region. Where all of it is ASCII, as nearly always, all of
// its strings are UTF-8, and tags and lengths have one byte.
func decodeLabels(b []byte, labels *telemetry.Labels) error {
	f := fields{message: b}
	if isASCII(b) {
		f.at = decodePlainLabels(b, labels)
	}
	for f.next() {
		if f.tag&wireMask != wireBytes {
			continue
		}
		number := f.tag >> wireBits
		if number == 15 {
			if err := appendExtra(f.bytes(), labels); err != nil {
				return err
			}
			continue
		}
		if at := labels.FieldAt(int(number) - 1); at != nil {
			if err := setString(at, f.bytes()); err != nil {
				return err
			}
		}
	}
	return f.err
}

// decodePlainLabels reads the well-known labels that an ASCII region begins with and
// returns where the first other field begins.
func decodePlainLabels(b []byte, labels *telemetry.Labels) int {
	at := 0
	for at+1 < len(b) && uint64(b[at]&wireMask) == wireBytes {
		field := labels.FieldAt(int(b[at]>>wireBits) - 1)
		end := at + 2 + int(b[at+1])
		if field == nil || end > len(b) {
			return at
		}
		*field = alias(b[at+2 : end])
		at = end
	}
	return at
}

func appendExtra(b []byte, labels *telemetry.Labels) error {
	var extra telemetry.Label
	f := fields{message: b}
	for f.next() {
		var err error
		switch f.tag {
		case 1<<wireBits | wireBytes:
			err = setString(&extra.Name, f.bytes())
		case 2<<wireBits | wireBytes:
			err = setString(&extra.Value, f.bytes())
		}
		if err != nil {
			return err
		}
	}
	labels.Extra = append(labels.Extra, extra)
	return f.err
}

func decodeHistogram(b []byte, h *telemetry.Histogram) error {
	f := fields{message: b}
	for f.next() {
		var err error
		switch f.tag {
		case 1<<wireBits | wireBytes:
			h.Indexes, err = appendIndexes(h.Indexes, f.bytes())
		case 1<<wireBits | wireVarint:
			h.Indexes = append(h.Indexes, zigZag(f.number))
		case 2<<wireBits | wireBytes:
			h.Counts, err = appendNumbers(h.Counts, f.bytes())
		case 2<<wireBits | wireVarint:
			h.Counts = append(h.Counts, f.number)
		case 3<<wireBits | wireVarint:
			h.Sum = f.number
		case 4<<wireBits | wireVarint:
			h.Max = f.number
		}
		if err != nil {
			return err
		}
	}
	return f.err
}

func appendError(b []byte, r *telemetry.Report) error {
	var e telemetry.ErrorCount
	f := fields{message: b}
	for f.next() {
		switch f.tag {
		case 1<<wireBits | wireBytes:
			if err := setString(&e.Class, f.bytes()); err != nil {
				return err
			}
		case 2<<wireBits | wireVarint:
			e.Count = f.number
		}
	}
	r.Errors = append(r.Errors, e)
	return f.err
}

func appendGauge(b []byte, r *telemetry.Report) error {
	var g telemetry.Gauge
	f := fields{message: b}
	for f.next() {
		switch f.tag {
		case 1<<wireBits | wireBytes:
			if err := setString(&g.Name, f.bytes()); err != nil {
				return err
			}
		case 2<<wireBits | wireFixed64:
			g.Value = math.Float64frombits(f.number)
		}
	}
	r.Gauges = append(r.Gauges, g)
	return f.err
}

func appendExemplar(b []byte, r *telemetry.Report) error {
	var e telemetry.Exemplar
	f := fields{message: b}
	for f.next() {
		var err error
		switch f.tag {
		case 1<<wireBits | wireVarint:
			e.TimeUnixMillis = int64(f.number)
		case 2<<wireBits | wireBytes:
			err = setString(&e.TraceID, f.bytes())
		case 3<<wireBits | wireBytes:
			err = setString(&e.MessageID, f.bytes())
		case 4<<wireBits | wireVarint:
			e.LatencyMicros = f.number
		case 5<<wireBits | wireVarint:
			e.SizeBytes = f.number
		case 6<<wireBits | wireBytes:
			err = setString(&e.ErrorClass, f.bytes())
		case 7<<wireBits | wireVarint:
			e.Attempt = uint32(f.number)
		case 8<<wireBits | wireVarint:
			e.DelayMicros = f.number
		case 9<<wireBits | wireVarint:
			e.Kept = telemetry.Kept(f.number)
		case 10<<wireBits | wireVarint:
			e.Step = telemetry.Step(f.number)
		case 11<<wireBits | wireVarint:
			e.SampledOf = uint32(f.number)
		}
		if err != nil {
			return err
		}
	}
	r.Exemplars = append(r.Exemplars, e)
	return f.err
}

func appendEvent(b []byte, r *telemetry.Report) error {
	var e telemetry.Event
	f := fields{message: b}
	for f.next() {
		switch f.tag {
		case 1<<wireBits | wireVarint:
			e.Kind = telemetry.EventKind(f.number)
		case 2<<wireBits | wireVarint:
			e.TimeUnixMillis = int64(f.number)
		case 3<<wireBits | wireBytes:
			if err := setString(&e.Detail, f.bytes()); err != nil {
				return err
			}
		}
	}
	r.Events = append(r.Events, e)
	return f.err
}

// setString aliases b without copying.
func setString(to *string, b []byte) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	*to = alias(b)
	return nil
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// isASCII reads eight bytes at a time.
func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
