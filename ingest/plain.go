package ingest

import "github.com/weirmq/weir/telemetry"

// decodePlain is decode and check of nearly every record, in half of their time: of a valid protobuf report whose
// histograms are written as encoders write them. Where it returns false, decode and check decide what the record is.
func (d *Decoder) decodePlain(value []byte, appendUnixMillis int64) bool {
	r := &d.report
	if d.labeled {
		r.Labels = telemetry.Labels{Extra: r.Labels.Extra[:0]}
		d.labeled = false
	}
	resetValues(r)
	counts, ok := plainFields(value, r)
	// Every bit that is set in any number that MaxCount bounds: where all of them together are within it, so is each.
	bits := counts | r.Messages | r.Bytes | r.Rebalances | r.DroppedReports | r.LeftOutExemplars |
		r.LatencyMicros.Sum | r.DelayMicros.Sum | r.SizeBytes.Sum | r.HeartbeatMicros.Sum
	return ok && bits <= d.Limits.MaxCount && r.Schema == telemetry.Schema && d.Limits.checkTime(r, appendUnixMillis) == nil &&
		(len(r.Errors)|len(r.Gauges)|len(r.Exemplars)|len(r.Events) == 0 || d.Limits.checkLists(r) == nil)
}

// plainFields reads a report as decodeProtobuf does, with its state in registers and histograms read and checked several
// buckets at a time. It returns every bit that is set in any count of a histogram.
func plainFields(value []byte, r *telemetry.Report) (counts uint64, ok bool) {
	if len(value) < wordBytes || value[0] == '{' {
		return 0, false
	}
	at := 0
	for at+1 < len(value) {
		// After the tag comes a varint: the field's value, or the length of its bytes.
		tag, v, from := uint64(value[at]), uint64(value[at+1]), at+2
		if v >= oneByte {
			v, from = longVarint(value, at+1)
		}
		end := from
		if tag&wireMask == wireBytes {
			if v > uint64(len(value)) {
				return 0, false
			}
			end += int(v)
		}
		if end > len(value) {
			return 0, false
		}
		switch tag {
		case 1<<wireBits | wireVarint:
			r.Schema = uint32(v)
		case 2<<wireBits | wireBytes:
			if r.RawLabels != nil {
				return 0, false
			}
			r.RawLabels = value[from:end]
		case 3<<wireBits | wireVarint:
			r.StartUnixMillis = int64(v)
		case 4<<wireBits | wireVarint:
			r.LengthMillis = uint32(v)
		case 5<<wireBits | wireVarint:
			r.Messages = v
		case 6<<wireBits | wireVarint:
			r.Bytes = v
		case 13<<wireBits | wireVarint:
			r.Rebalances = v
		case 14<<wireBits | wireVarint:
			r.DroppedReports = v
		default:
			h := histogramOf(tag, r)
			if h == nil {
				if end = listField(value, at, r); end == 0 {
					return 0, false
				}
				break
			}
			set, ok := plainHistogram(value[:end], from, h)
			if !ok {
				return 0, false
			}
			counts |= set
		}
		at = end
	}
	return counts, at == len(value)
}

// histogramOf returns where the histogram with a tag is kept, nil for any other tag.
func histogramOf(tag uint64, r *telemetry.Report) *telemetry.Histogram {
	switch tag {
	case 8<<wireBits | wireBytes:
		return &r.LatencyMicros
	case 9<<wireBits | wireBytes:
		return &r.DelayMicros
	case 10<<wireBits | wireBytes:
		return &r.SizeBytes
	case 11<<wireBits | wireBytes:
		return &r.HeartbeatMicros
	}
	return nil
}

// listField reads one item of a list, or leaves out a field of a later version, and returns where it ends; 0 for any
// other field.
func listField(value []byte, at int, r *telemetry.Report) (end int) {
	f := fields{message: value, at: at}
	if !f.next() {
		return 0
	}
	number := f.tag >> wireBits
	if number != 7 && number != 12 && number < 15 || setReportField(r, &f) != nil {
		return 0
	}
	return f.at
}

// plainHistogram reads the histogram that b ends with, from at on, where it has packed indexes, then packed counts, and
// keeps all rules but MaxCount. It returns every bit that is set in any count.
func plainHistogram(b []byte, at int, h *telemetry.Histogram) (counts uint64, ok bool) {
	if len(h.Indexes)|len(h.Counts) != 0 || len(b) < wordBytes {
		return 0, false
	}
	for at+1 < len(b) {
		tag, v, from := uint64(b[at]), uint64(b[at+1]), at+2
		if v >= oneByte {
			v, from = longVarint(b, at+1)
		}
		at = from
		if tag&wireMask == wireBytes {
			if v > uint64(len(b)) {
				return 0, false
			}
			at += int(v)
		}
		if at > len(b) {
			return 0, false
		}
		switch tag {
		case 1<<wireBits | wireBytes:
			if len(h.Indexes) > 0 {
				return 0, false
			}
			if h.Indexes, ok = readIndexes(h.Indexes, b[:at], from); !ok {
				return 0, false
			}
		case 2<<wireBits | wireBytes:
			if len(h.Counts) > 0 {
				return 0, false
			}
			if h.Counts, counts, ok = readCounts(h.Counts, b[:at], from, len(h.Indexes)); !ok {
				return 0, false
			}
		case 3<<wireBits | wireVarint:
			h.Sum = v
		case 4<<wireBits | wireVarint:
			h.Max = v
		default:
			return 0, false
		}
	}
	return counts, at == len(b) && len(h.Indexes) == len(h.Counts) && !h.MaxOff()
}
