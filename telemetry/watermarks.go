package telemetry

import (
	"cmp"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// MaxWatermarksPerBatch bounds the watermarks of one record: each takes 46 bytes at most, all
// 460 KB. Not smaller: a process may have all partitions of weir.telemetry, which
// configuration limits to as many; not larger: a record takes 1 MiB at most.
const MaxWatermarksPerBatch = 10_000

// MarshalWatermarks encodes watermarks of sources of one topic for every partition of
// weir.groups. They take least in the order of their partitions.
func MarshalWatermarks(watermarks []Watermark) ([]byte, error) {
	if got := len(watermarks); got == 0 || got > MaxWatermarksPerBatch {
		return nil, fmt.Errorf("encode watermarks: got %d, a record holds 1 to %d", got, MaxWatermarksPerBatch)
	}
	first := &watermarks[0]
	pb := &telemetrypb.WatermarkBatch{Schema: BatchSchema, TopicId: first.Source.TopicID[:], Sources: first.Sources}
	var before Watermark
	before.EventTime, before.At = time.UnixMilli(0), time.UnixMilli(0)
	for i := range watermarks {
		w := &watermarks[i]
		if w.Source.TopicID != first.Source.TopicID || w.Sources != first.Sources {
			return nil, fmt.Errorf("encode watermarks: got %s of %d sources and %s of %d, a record holds those of one topic",
				first.Source, first.Sources, w.Source, w.Sources)
		}
		pb.PartitionSteps = append(pb.PartitionSteps, w.Source.Partition-before.Source.Partition)
		pb.WatermarkStepsMs = append(pb.WatermarkStepsMs, w.EventTime.UnixMilli()-before.EventTime.UnixMilli())
		pb.Idle = append(pb.Idle, w.Idle)
		pb.Offsets = append(pb.Offsets, w.Offset)
		pb.TimeStepsMs = append(pb.TimeStepsMs, w.At.UnixMilli()-before.At.UnixMilli())
		pb.LateReports = append(pb.LateReports, w.LateReports)
		before = *w
	}
	return deterministic.Marshal(pb)
}

// UnmarshalWatermarks decodes a record of watermarks.
func UnmarshalWatermarks(value []byte) ([]Watermark, error) {
	var pb telemetrypb.WatermarkBatch
	if err := unmarshal(value, &pb); err != nil {
		return nil, fmt.Errorf("decode watermarks: %w", err)
	}
	out, err := watermarksFromPB(&pb)
	if err != nil {
		return nil, fmt.Errorf("decode watermarks: %w", err)
	}
	return out, nil
}

// watermarksFromPB reads columns. A column that was left out holds zeros.
func watermarksFromPB(pb *telemetrypb.WatermarkBatch) ([]Watermark, error) {
	topic, err := topicIDFromPB(pb.GetTopicId())
	if err != nil {
		return nil, err
	}
	rows := len(pb.GetPartitionSteps())
	if rows == 0 || rows > MaxWatermarksPerBatch {
		return nil, fmt.Errorf("got %d, a record holds 1 to %d", rows, MaxWatermarksPerBatch)
	}
	out := make([]Watermark, rows)
	const row = "watermark"
	if err := cmp.Or(fits("watermark_steps_ms", pb.GetWatermarkStepsMs(), rows, row), fits("idle", pb.GetIdle(), rows, row),
		fits("offsets", pb.GetOffsets(), rows, row), fits("time_steps_ms", pb.GetTimeStepsMs(), rows, row),
		fits("late_reports", pb.GetLateReports(), rows, row)); err != nil {
		return nil, err
	}
	var partition int32
	var eventMillis, atMillis int64
	for i, step := range pb.GetPartitionSteps() {
		partition += step
		eventMillis += at(pb.GetWatermarkStepsMs(), i)
		atMillis += at(pb.GetTimeStepsMs(), i)
		out[i] = Watermark{Source: Source{topic, partition}, EventTime: time.UnixMilli(eventMillis).UTC(), Idle: at(pb.GetIdle(), i),
			Offset: at(pb.GetOffsets(), i), At: time.UnixMilli(atMillis).UTC(), LateReports: at(pb.GetLateReports(), i), Sources: pb.GetSources()}
	}
	return out, nil
}
