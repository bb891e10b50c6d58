package telemetry_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// must returns what an encoding returned.
func must(t *testing.T) func([]byte, error) []byte {
	return func(encoded []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
}

func TestReportsComeBack(t *testing.T) {
	check := func(t *testing.T, report telemetry.Report) {
		t.Helper()
		var pb telemetrypb.Report
		if err := proto.Unmarshal(must(t)(telemetry.MarshalReport(&report)), &pb); err != nil {
			t.Fatal(err)
		}
		equal(t, "report", report, telemetry.ReportFromPB(&pb))
	}
	check(t, fullReport())
	check(t, telemetry.Report{})
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) { check(t, randomReport(r)) })
}

func TestCellBatchesComeBack(t *testing.T) {
	check := func(t *testing.T, batch telemetry.CellBatch) {
		t.Helper()
		got, err := telemetry.UnmarshalCellBatch(telemetry.AppendCellBatch(nil, &batch))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "cells", batch, got)
	}
	check(t, fullCellBatch())
	check(t, telemetry.CellBatch{})
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		batch := telemetry.CellBatch{Source: source, Segment: telemetry.Segment{Block: r.Uint64(), MinuteUnix: r.Int64()}}
		for i := range r.IntN(4) {
			labels := telemetry.Labels{Client: fmt.Sprint(i)}
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(r.Int64N(second), 0).UTC(), Labels: labels, Totals: ofCell(randomTotals(r))})
		}
		check(t, batch)
	})
}

func TestGroupBatchesComeBack(t *testing.T) {
	check := func(t *testing.T, batch telemetry.GroupBatch) {
		t.Helper()
		got, err := telemetry.UnmarshalGroupBatch(telemetry.AppendGroupBatch(nil, &batch))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "group", batch, got)
	}
	check(t, fullGroupBatch())
	check(t, telemetry.GroupBatch{})
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		batch := telemetry.GroupBatch{Source: source, Grouping: "topic", Values: []string{fmt.Sprint(r.IntN(9))}}
		for range r.IntN(4) {
			batch.Partials = append(batch.Partials, telemetry.GroupPartial{Pane: time.Unix(r.Int64N(second), 0).UTC(), Totals: randomTotals(r)})
		}
		check(t, batch)
	})
}

func TestWatermarksComeBack(t *testing.T) {
	for _, watermark := range []telemetry.Watermark{fullWatermark(), {}} {
		got, err := telemetry.UnmarshalWatermark(must(t)(telemetry.MarshalWatermark(&watermark)))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "watermark", watermark, got)
	}
}

// TestRecordsOfOthersAreRefused holds what a reader says of a record that it cannot use.
func TestRecordsOfOthersAreRefused(t *testing.T) {
	newer := must(t)(proto.Marshal(&telemetrypb.CellBatch{Schema: telemetry.Schema + 1}))
	nameless := must(t)(proto.Marshal(&telemetrypb.CellBatch{Schema: telemetry.Schema, Source: &telemetrypb.Source{TopicId: []byte("short")}}))
	whole := fullCellBatch()
	truncated := telemetry.AppendCellBatch(nil, &whole)
	truncated = truncated[:len(truncated)/2]
	const schema, topic = "got schema 2, this version reads 1: upgrade this process", "source has a topic id of 5 bytes, want 16"
	for name, decode := range map[string]func([]byte) error{
		"a cell batch":  func(b []byte) error { _, err := telemetry.UnmarshalCellBatch(b); return err },
		"a group batch": func(b []byte) error { _, err := telemetry.UnmarshalGroupBatch(b); return err },
		"a watermark":   func(b []byte) error { _, err := telemetry.UnmarshalWatermark(b); return err },
	} {
		// The first fields of the three are the same.
		if err := decode(newer); err == nil || err.Error() != "decode "+name+": "+schema {
			t.Errorf("%s: got %v, want %s", name, err, schema)
		}
		if err := decode(nameless); err == nil || err.Error() != "decode "+name+": "+topic {
			t.Errorf("%s: got %v, want %s", name, err, topic)
		}
		if err := decode(truncated); err == nil || !strings.HasPrefix(err.Error(), "decode "+name+": ") {
			t.Errorf("%s cut in two: got %v", name, err)
		}
	}
}

// TestColumnsThatDoNotFitAreRefused holds that no cell is made up or left out where columns disagree.
func TestColumnsThatDoNotFitAreRefused(t *testing.T) {
	whole := fullCellBatch()
	encoded := telemetry.AppendCellBatch(nil, &whole)
	for want, change := range map[string]func(*telemetrypb.CellColumns){
		"cells without reports: an earlier build wrote this record; let that one store it": func(c *telemetrypb.CellColumns) { c.Reports = nil },
		"column messages has 1 numbers for 2 cells":                                        func(c *telemetrypb.CellColumns) { c.Messages = c.Messages[:1] },
		"column pane_steps_s has 3 numbers for 2 cells":                                    func(c *telemetrypb.CellColumns) { c.PaneStepsS = append(c.PaneStepsS, 1) },
		"labels of cell 0 take 1 bytes of the 0 before":                                    func(c *telemetrypb.CellColumns) { c.LabelPrefixes[0] = 1 },
		"labels of cell 1 take":                                                            func(c *telemetrypb.CellColumns) { c.LabelBytes = c.LabelBytes[:20] },
		"histograms of 1 cells":                                                            func(c *telemetrypb.CellColumns) { c.Latency.Buckets = c.Latency.Buckets[1:] },
		"histogram of cell 1 has 9 buckets, 1 are left":                                    func(c *telemetrypb.CellColumns) { c.Delay.Buckets[1] = 9 },
		"1 buckets belong to no cell":                                                      func(c *telemetrypb.CellColumns) { c.Size.Buckets[1] = 0 },
		"lists of cell 7, there are 2":                                                     func(c *telemetrypb.CellColumns) { c.Lists[0].Cell = 7 },
	} {
		var pb telemetrypb.CellBatch
		if err := proto.Unmarshal(encoded, &pb); err != nil {
			t.Fatal(err)
		}
		change(pb.Cells)
		if _, err := telemetry.UnmarshalCellBatch(must(t)(proto.Marshal(&pb))); err == nil || !strings.HasPrefix(err.Error(), "decode a cell batch: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
