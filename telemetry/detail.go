package telemetry

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// ReportDetail is what one report says of single messages and of its client's life: what is
// not added up. An item's identity is its source, the report's offset and its place in its list.
type ReportDetail struct {
	Offset           int64 // of the report
	Labels           Labels
	TimeUnixMillis   int64 // end of the report's interval
	Exemplars        []Exemplar
	Events           []Event
	LeftOutExemplars uint64
}

// detailsField is the field of a CellBatch that holds a detail.
const detailsField = 6

// AppendReportDetail appends the field of a CellBatch that holds a detail, whose labels are
// encoded: d.Labels is not read.
func AppendReportDetail(b []byte, labels []byte, d *ReportDetail) []byte {
	b, begin := message(b, detailsField)
	b = protowire.AppendBytes(protowire.AppendTag(appendInt(b, 1, d.Offset), 2, protowire.BytesType), labels)
	for i := range d.Exemplars {
		b = appendExemplar(b, 3, &d.Exemplars[i])
	}
	b = appendEvents(b, 4, d.Events)
	return end(appendInt(appendUint(b, 5, d.LeftOutExemplars), 6, d.TimeUnixMillis), begin)
}

func appendExemplar(b []byte, number protowire.Number, e *Exemplar) []byte {
	b, begin := message(b, number)
	b = appendText(appendText(appendInt(b, 1, e.TimeUnixMillis), 2, e.TraceID), 3, e.MessageID)
	b = appendText(appendUint(appendUint(b, 4, e.LatencyMicros), 5, e.SizeBytes), 6, e.ErrorClass)
	b = appendUint(appendUint(b, 7, uint64(e.Attempt)), 8, e.DelayMicros)
	b = appendInt(appendInt(b, 9, int64(e.Kept)), 10, int64(e.Step))
	return end(appendUint(b, 11, uint64(e.SampledOf)), begin)
}

func detailFromPB(pb *telemetrypb.ReportDetail) ReportDetail {
	return ReportDetail{Offset: pb.GetOffset(), Labels: labelsFromPB(pb.GetLabels()), TimeUnixMillis: pb.GetTimeUnixMs(),
		Exemplars: exemplarsFromPB(pb.GetExemplars()), Events: eventsFromPB(pb.GetEvents()), LeftOutExemplars: pb.GetLeftOutExemplars()}
}

// addDetails reads the details of a record. Each set of labels is decoded once.
func (t *CellTable) addDetails() error {
	for _, raw := range t.columns.details {
		var pb telemetrypb.ReportDetail
		var labels []byte
		err := eachField(raw, func(f field) error {
			if f.tag == tagOf(2, protowire.BytesType) {
				labels = joined(labels, f)
			}
			return nil
		})
		if err == nil {
			err = proto.Unmarshal(raw, &pb)
		}
		if err != nil {
			return fmt.Errorf("detail of a report: %w", err)
		}
		t.labels = append(t.labels[:0], labels...)
		series, known := t.series[string(t.labels)]
		if !known {
			if series, err = t.newSeries(); err != nil {
				return fmt.Errorf("detail of the report at offset %d: %w", pb.GetOffset(), err)
			}
		}
		pb.Labels = nil
		detail := detailFromPB(&pb)
		detail.Labels = t.Labels[series]
		t.columns.record.Details = append(t.columns.record.Details, detail)
	}
	return nil
}
