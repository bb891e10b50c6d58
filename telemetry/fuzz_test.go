package telemetry_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// FuzzUnmarshalCellBatch holds that columns that do not fit together are an error, and that those that do mean the same
// when they are written again.
func FuzzUnmarshalCellBatch(f *testing.F) {
	full := fullCellBatch()
	f.Add(telemetry.AppendCellBatch(nil, &full))
	f.Add(telemetry.AppendCellBatch(nil, &telemetry.CellBatch{}))
	f.Fuzz(func(t *testing.T, value []byte) {
		batch, err := telemetry.UnmarshalCellBatch(value)
		if err != nil {
			return
		}
		again, err := telemetry.UnmarshalCellBatch(telemetry.AppendCellBatch(nil, &batch))
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch.Cells {
			for _, labels := range []*telemetry.Labels{&batch.Cells[i].Labels, &again.Cells[i].Labels} {
				labels.Canonical()
			}
		}
		equal(t, "again", batch, again)
	})
}

// FuzzUnmarshalGroupBatch holds the same of partials, and that PartialBytes and Bytes are bounds.
func FuzzUnmarshalGroupBatch(f *testing.F) {
	full := fullGroupBatch()
	f.Add(telemetry.AppendGroupBatch(nil, &full))
	f.Add(telemetry.AppendGroupBatch(nil, &telemetry.GroupBatch{}))
	for seed := range uint64(5) {
		batch := randomGroups(rand.New(rand.NewPCG(seed, 0)))
		f.Add(telemetry.AppendGroupBatch(nil, &batch))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		batch, err := telemetry.UnmarshalGroupBatch(value)
		if err != nil {
			return
		}
		again, err := telemetry.UnmarshalGroupBatch(telemetry.AppendGroupBatch(nil, &batch))
		if err != nil {
			t.Fatal(err)
		}
		if want, got := fmt.Sprintf("%+v", batch), fmt.Sprintf("%+v", again); want != got { // text, in which NaN is NaN
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
		bounds(t, &batch)
	})
}

// bounds fails where a record becomes longer than was said before it was written.
func bounds(t *testing.T, batch *telemetry.GroupBatch) {
	t.Helper()
	var columns telemetry.GroupColumns
	bound := columns.Bytes()
	for i := range batch.Groups {
		group := &batch.Groups[i]
		grouping := &telemetry.Grouping{ID: group.Grouping, Omit: group.Omitted}
		columns.Begin(grouping, group.Values)
		for j := range group.Partials {
			totals := &group.Partials[j].Totals
			bound += telemetry.PartialBytes(grouping, group.Values, totals)
			columns.Add(group.Partials[j].Pane.Unix(), totals)
			if got := columns.Bytes(); got > bound {
				t.Fatalf("%d bytes after partial %d of group %d, want at most %d", got, j, i, bound)
			}
		}
	}
	if got := len(columns.AppendTo(nil)); got > bound || got > columns.Bytes() {
		t.Fatalf("got %d bytes, want at most %d and %d", got, columns.Bytes(), bound)
	}
}

// FuzzUnmarshalWatermarks holds the same of watermarks.
func FuzzUnmarshalWatermarks(f *testing.F) {
	full, err := telemetry.MarshalWatermarks(fullWatermarks())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, value []byte) {
		watermarks, err := telemetry.UnmarshalWatermarks(value)
		if err != nil {
			return
		}
		again, err := telemetry.UnmarshalWatermarks(must(t)(telemetry.MarshalWatermarks(watermarks)))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "again", watermarks, again)
	})
}
