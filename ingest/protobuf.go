package ingest

import (
	"fmt"

	"github.com/weirmq/weir/telemetry"
)

// decodeProtobuf reads a report into r, whose slices are reused; its labels stay
// encoded in RawLabels. Strings and RawLabels alias value. With decodeLabels after it,
// it accepts what the generated decoder accepts.
func decodeProtobuf(value []byte, r *telemetry.Report) error {
	resetReport(r)
	labelRegions := 0
	f := fields{message: value}
	for f.next() {
		if f.tag == 2<<wireBits|wireBytes {
			if labelRegions++; labelRegions == 1 {
				r.RawLabels = f.bytes()
				continue
			}
			if err := joinLabelRegion(r, f.bytes()); err != nil {
				return fmt.Errorf("field 2: %w", err)
			}
			continue
		}
		if err := setReportField(r, &f); err != nil {
			return fmt.Errorf("field %d: %w", f.tag>>wireBits, err)
		}
	}
	return f.err
}

// joinLabelRegion makes one region of what was read and another: legal, but no region
// alone is the series then. Later fields win.
func joinLabelRegion(r *telemetry.Report, region []byte) error {
	labels := telemetry.Labels{}
	for _, part := range [][]byte{r.RawLabels, region} {
		if err := decodeLabels(part, &labels); err != nil {
			return err
		}
	}
	raw, err := telemetry.MarshalLabels(&labels)
	if err != nil {
		return err
	}
	r.RawLabels = raw
	return nil
}

// setReportField sets the current field; one that is not known, or has another wire
// type, is left out.
func setReportField(r *telemetry.Report, f *fields) error {
	switch f.tag {
	case 1<<wireBits | wireVarint:
		r.Schema = uint32(f.number)
	case 3<<wireBits | wireVarint:
		r.StartUnixMillis = int64(f.number)
	case 4<<wireBits | wireVarint:
		r.LengthMillis = uint32(f.number)
	case 5<<wireBits | wireVarint:
		r.Messages = f.number
	case 6<<wireBits | wireVarint:
		r.Bytes = f.number
	case 7<<wireBits | wireBytes:
		return appendError(f.bytes(), r)
	case 8<<wireBits | wireBytes:
		return decodeHistogram(f.bytes(), &r.LatencyMicros)
	case 9<<wireBits | wireBytes:
		return decodeHistogram(f.bytes(), &r.DelayMicros)
	case 10<<wireBits | wireBytes:
		return decodeHistogram(f.bytes(), &r.SizeBytes)
	case 11<<wireBits | wireBytes:
		return decodeHistogram(f.bytes(), &r.HeartbeatMicros)
	case 12<<wireBits | wireBytes:
		return appendGauge(f.bytes(), r)
	case 13<<wireBits | wireVarint:
		r.Rebalances = f.number
	case 14<<wireBits | wireVarint:
		r.DroppedReports = f.number
	case 15<<wireBits | wireBytes:
		return appendExemplar(f.bytes(), r)
	case 16<<wireBits | wireBytes:
		return appendEvent(f.bytes(), r)
	case 17<<wireBits | wireVarint:
		r.LeftOutExemplars = f.number
	}
	return nil
}

// resetReport empties a report and keeps its memory.
func resetReport(r *telemetry.Report) {
	r.Labels = telemetry.Labels{Extra: r.Labels.Extra[:0]}
	resetValues(r)
}

// resetValues leaves only the labels: emptying them takes as long as all else, and few reports have them set. Lists are
// emptied one by one, which writes their lengths alone.
func resetValues(r *telemetry.Report) {
	r.Schema, r.RawLabels = 0, nil
	r.StartUnixMillis, r.LengthMillis, r.Messages, r.Bytes = 0, 0, 0, 0
	resetHistogram(&r.LatencyMicros)
	resetHistogram(&r.DelayMicros)
	resetHistogram(&r.SizeBytes)
	resetHistogram(&r.HeartbeatMicros)
	r.Rebalances, r.DroppedReports, r.LeftOutExemplars = 0, 0, 0
	r.Errors = r.Errors[:0]
	r.Gauges = r.Gauges[:0]
	r.Exemplars = r.Exemplars[:0]
	r.Events = r.Events[:0]
}

func resetHistogram(h *telemetry.Histogram) {
	h.Indexes = h.Indexes[:0]
	h.Counts = h.Counts[:0]
	h.Sum, h.Max = 0, 0
}
