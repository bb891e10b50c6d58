package telemetry

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

var deterministic = proto.MarshalOptions{Deterministic: true}

// MarshalReport encodes a report for weir.telemetry; Labels are made canonical.
func MarshalReport(r *Report) ([]byte, error) {
	r.Labels.Canonical()
	pb := &telemetrypb.Report{
		Schema: r.Schema, Labels: labelsToPB(&r.Labels), StartUnixMs: r.StartUnixMillis, LengthMs: r.LengthMillis,
		Messages: r.Messages, Bytes: r.Bytes, Errors: errorsToPB(r.Errors),
		Latency: histogramToPB(&r.LatencyMicros), Delay: histogramToPB(&r.DelayMicros),
		Size: histogramToPB(&r.SizeBytes), Heartbeat: histogramToPB(&r.HeartbeatMicros),
		Rebalances: r.Rebalances, DroppedReports: r.DroppedReports, Exemplars: exemplarsToPB(r.Exemplars), Events: eventsToPB(r.Events),
		LeftOutExemplars: r.LeftOutExemplars,
	}
	for _, g := range r.Gauges {
		pb.Gauges = append(pb.Gauges, &telemetrypb.Gauge{Name: g.Name, Value: g.Value})
	}
	return deterministic.Marshal(pb)
}

// MarshalLabels encodes labels canonically: equal series have equal bytes.
func MarshalLabels(l *Labels) ([]byte, error) { return deterministic.Marshal(labelsToPB(l)) }

// UnmarshalLabels decodes what AppendLabels encoded.
func UnmarshalLabels(raw []byte) (Labels, error) {
	var pb telemetrypb.Labels
	if err := proto.Unmarshal(raw, &pb); err != nil {
		return Labels{}, fmt.Errorf("decode labels: %w", err)
	}
	return labelsFromPB(&pb), nil
}

// ReportFromPB converts a report decoded by the generated code.
func ReportFromPB(pb *telemetrypb.Report) Report {
	r := Report{
		Schema: pb.Schema, Labels: labelsFromPB(pb.Labels), StartUnixMillis: pb.StartUnixMs, LengthMillis: pb.LengthMs,
		Messages: pb.Messages, Bytes: pb.Bytes, Errors: errorsFromPB(pb.Errors),
		LatencyMicros: histogramFromPB(pb.Latency), DelayMicros: histogramFromPB(pb.Delay),
		SizeBytes: histogramFromPB(pb.Size), HeartbeatMicros: histogramFromPB(pb.Heartbeat),
		Rebalances: pb.Rebalances, DroppedReports: pb.DroppedReports, Exemplars: exemplarsFromPB(pb.Exemplars), Events: eventsFromPB(pb.Events),
		LeftOutExemplars: pb.LeftOutExemplars,
	}
	for _, g := range pb.Gauges {
		r.Gauges = append(r.Gauges, Gauge{g.GetName(), g.GetValue()})
	}
	return r
}

// UnmarshalCellBatch decodes a record of weir.cells.
func UnmarshalCellBatch(value []byte) (CellBatch, error) {
	var pb telemetrypb.CellBatch
	if err := unmarshal(value, &pb); err != nil {
		return CellBatch{}, fmt.Errorf("decode a cell batch: %w", err)
	}
	source, err := sourceFromPB(pb.Source)
	if err != nil {
		return CellBatch{}, fmt.Errorf("decode a cell batch: %w", err)
	}
	b := CellBatch{Source: source, Segment: segmentFromPB(pb.Segment)}
	if b.Cells, err = cellsFromPB(pb.Cells); err != nil {
		return CellBatch{}, fmt.Errorf("decode a cell batch: %w", err)
	}
	if l := pb.Ledger; l != nil {
		b.Ledger = &Ledger{l.Reports, l.Refused, l.Bytes, l.FirstOffset, l.EndOffset, l.Closed}
	}
	for _, d := range pb.Details {
		b.Details = append(b.Details, detailFromPB(d))
	}
	return b, nil
}

// UnmarshalGroupBatch decodes a record of weir.groups. Names that are listed share memory.
func UnmarshalGroupBatch(value []byte) (GroupBatch, error) {
	var pb telemetrypb.GroupBatch
	if err := unmarshal(value, &pb); err != nil {
		return GroupBatch{}, fmt.Errorf("decode a group batch: %w", err)
	}
	source, err := sourceFromPB(pb.Source)
	if err != nil {
		return GroupBatch{}, fmt.Errorf("decode a group batch: %w", err)
	}
	b := GroupBatch{Source: source, Segment: segmentFromPB(pb.Segment)}
	if b.Groups, err = groupsFromPB(pb.Groups); err != nil {
		return GroupBatch{}, fmt.Errorf("decode a group batch: %w", err)
	}
	return b, nil
}

// ErrNewerSchema says that a newer version of Weir wrote a record.
var ErrNewerSchema = errors.New("upgrade this process")

type versioned interface {
	proto.Message
	GetSchema() uint32
}

func unmarshal(value []byte, into versioned) error {
	if err := proto.Unmarshal(value, into); err != nil {
		return err
	}
	return checkSchema(into.GetSchema())
}

func checkSchema(got uint32) error {
	switch {
	case got > BatchSchema:
		return fmt.Errorf("got schema %d, this version reads %d: %w", got, BatchSchema, ErrNewerSchema)
	case got > 0 && got < BatchSchema:
		return fmt.Errorf("got schema %d, this version reads %d: an earlier build wrote this record; let that one read it", got, BatchSchema)
	case got != BatchSchema:
		return fmt.Errorf("got schema %d, this version reads %d", got, BatchSchema)
	}
	return nil
}
