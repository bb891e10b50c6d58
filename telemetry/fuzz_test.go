package telemetry_test

import (
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
