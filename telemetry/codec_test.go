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
		check(t, randomGroups(r))
	})
}

// randomGroups are of several groupings, with names that come again and again.
func randomGroups(r *rand.Rand) telemetry.GroupBatch {
	batch := telemetry.GroupBatch{Source: source, Segment: telemetry.Segment{Block: r.Uint64(), MinuteUnix: r.Int64()}}
	for _, grouping := range choose(r, "", "cluster", "cluster,topic") {
		omitted := telemetry.Parts(r.IntN(1 << 5))
		for range 1 + r.IntN(3) {
			group := telemetry.GroupPartials{Grouping: grouping, Omitted: omitted}
			for range strings.Count(grouping, ",") + min(len(grouping), 1) {
				group.Values = append(group.Values, strings.Repeat("жx", r.IntN(3)))
			}
			for range 1 + r.IntN(3) {
				partial := telemetry.GroupPartial{Pane: time.Unix(r.Int64N(second), 0).UTC(), Totals: randomTotals(r)}
				partial.Totals.Reports |= 1
				partial.Totals.OverflowedClients = r.Uint64N(2)
				group.Partials = append(group.Partials, partial)
			}
			batch.Groups = append(batch.Groups, group)
		}
	}
	return batch
}

// TestRecordsOfOthersAreRefused holds what a reader says of a record that it cannot use.
func TestRecordsOfOthersAreRefused(t *testing.T) {
	newer := must(t)(proto.Marshal(&telemetrypb.CellBatch{Schema: telemetry.BatchSchema + 1}))
	nameless := must(t)(proto.Marshal(&telemetrypb.CellBatch{Schema: telemetry.BatchSchema, Source: &telemetrypb.Source{TopicId: []byte("short")}}))
	nameless = append(nameless, must(t)(proto.Marshal(&telemetrypb.WatermarkBatch{TopicId: []byte("short")}))...)
	whole := fullCellBatch()
	truncated := telemetry.AppendCellBatch(nil, &whole)
	truncated = truncated[:len(truncated)/2]
	const schema, topic = "got schema 4, this version reads 3: upgrade this process", "source has a topic id of 5 bytes, want 16"
	for name, decode := range map[string]func([]byte) error{
		"a cell batch":  func(b []byte) error { _, err := telemetry.UnmarshalCellBatch(b); return err },
		"a group batch": func(b []byte) error { _, err := telemetry.UnmarshalGroupBatch(b); return err },
		"watermarks":    func(b []byte) error { _, err := telemetry.UnmarshalWatermarks(b); return err },
	} {
		// The schema is the first field of the three, and no number of a field means two things.
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
		"cells without reports":                                                        func(c *telemetrypb.CellColumns) { c.Reports = nil },
		"column messages_beyond has 1 numbers for 2 cells":                             func(c *telemetrypb.CellColumns) { c.MessagesBeyond = c.MessagesBeyond[:1] },
		"column pane_steps_s has 3 numbers for 2 cells":                                func(c *telemetrypb.CellColumns) { c.PaneStepsS = append(c.PaneStepsS, 1) },
		"labels of cell 0 take 1 bytes of the 0 before":                                func(c *telemetrypb.CellColumns) { c.LabelPrefixes[0] = 1 },
		"labels of cell 1 take":                                                        func(c *telemetrypb.CellColumns) { c.LabelBytes = c.LabelBytes[:20] },
		"histograms of 1 cells":                                                        func(c *telemetrypb.CellColumns) { c.Latency.Runs = c.Latency.Runs[1:] },
		"histogram of cell 1 has more runs of buckets than there are gaps":             func(c *telemetrypb.CellColumns) { c.Delay.Runs[1] = 9 },
		"histogram of cell 1 has a count of -1 times 256, want 0 to 72057594037927935": func(c *telemetrypb.CellColumns) { c.Delay.CountHighSteps[0] = -1 },
		"histograms with 1 gaps and 1 lengths of runs, 2 low and 1 high counts":        func(c *telemetrypb.CellColumns) { c.Delay.CountHighSteps = []int64{1} },
		"1 runs and 2 buckets belong to no cell":                                       func(c *telemetrypb.CellColumns) { c.Size.Runs[1] = 0 },
		"lists of cell 7, there are 2":                                                 func(c *telemetrypb.CellColumns) { c.Lists[0].Row = 7 },
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

// TestGroupsThatDoNotFitAreRefused holds the same of partials.
func TestGroupsThatDoNotFitAreRefused(t *testing.T) {
	whole := fullGroupBatch()
	encoded := telemetry.AppendGroupBatch(nil, &whole)
	for want, change := range map[string]func(*telemetrypb.GroupColumns){
		"partials without reports":                                            func(c *telemetrypb.GroupColumns) { c.Reports = nil },
		"column messages_beyond has 1 numbers for 4 partials":                 func(c *telemetrypb.GroupColumns) { c.MessagesBeyond = c.MessagesBeyond[:1] },
		"group 1 has 9 partials, want 1 to the 3 that are left":               func(c *telemetrypb.GroupColumns) { c.GroupPartials[1] = 9 },
		"group 0 has 0 partials, want 1 to the 4 that are left":               func(c *telemetrypb.GroupColumns) { c.GroupPartials[0] = 0 },
		"1 partials belong to no group":                                       func(c *telemetrypb.GroupColumns) { c.GroupPartials[1] = 1 },
		"1 groups belong to no grouping":                                      func(c *telemetrypb.GroupColumns) { c.Groupings[1].Groups = 0 },
		"grouping \"topic\" has 7 groups, 1 are left":                         func(c *telemetrypb.GroupColumns) { c.Groupings[1].Groups = 7 },
		"group 0 of grouping \"cluster,topic\": it has 2 values for 3 labels": func(c *telemetrypb.GroupColumns) { c.Groupings[0].Labels = 3 },
		"group 0 of grouping \"cluster,topic\": a string is not UTF-8":        func(c *telemetrypb.GroupColumns) { c.ValueBytes[0] = 0xff },
		"values of group 1 take":                                              func(c *telemetrypb.GroupColumns) { c.ValuePrefixes[1] = 99 },
		"partial 3: it lists 2 names, 1 are left":                             func(c *telemetrypb.GroupColumns) { c.NameSteps = c.NameSteps[:len(c.NameSteps)-2] },
		"1 listed names belong to no partial":                                 func(c *telemetrypb.GroupColumns) { c.NameSteps = append(c.NameSteps, 0) },
		"partial 1: it lists name 99, there are 5":                            func(c *telemetrypb.GroupColumns) { c.NameSteps[0] = 99 },
		"name 0: a string is not UTF-8":                                       func(c *telemetrypb.GroupColumns) { c.NameBytes[0] = 0xff },
		"column clients has 1 numbers for 4 partials":                         func(c *telemetrypb.GroupColumns) { c.Clients = c.Clients[:1] },
		"lists of partial 7, there are 4":                                     func(c *telemetrypb.GroupColumns) { c.Lists[0].Row = 7 },
	} {
		var pb telemetrypb.GroupBatch
		if err := proto.Unmarshal(encoded, &pb); err != nil {
			t.Fatal(err)
		}
		change(pb.Groups)
		if _, err := telemetry.UnmarshalGroupBatch(must(t)(proto.Marshal(&pb))); err == nil || !strings.HasPrefix(err.Error(), "decode a group batch: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
