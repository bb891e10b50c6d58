package aggregate

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// TestGroupsAddUpWheneverTheyAreFlushed holds that groups and cells are the same whether reports were pending or added at
// once: whether flushes come after each report, by chance, or at the end.
func TestGroupsAddUpWheneverTheyAreFlushed(t *testing.T) {
	for seed := range uint64(20) {
		want := addedUp(t, seed, func(*rand.Rand) bool { return false })
		for name, flushes := range map[string]func(*rand.Rand) bool{
			"after each report": func(*rand.Rand) bool { return true },
			"by chance":         func(r *rand.Rand) bool { return r.IntN(6) == 0 },
			"seldom":            func(r *rand.Rand) bool { return r.IntN(60) == 0 },
		} {
			got := addedUp(t, seed, flushes)
			if !reflect.DeepEqual(want, got) { // much faster than finding no difference
				t.Fatalf("seed %d, flushed %s (-want +got):\n%s", seed, name, cmp.Diff(want, got))
			}
		}
	}
}

// addedUp is the newest of each cell and each partial of a segment, by name.
func addedUp(t *testing.T, seed uint64, flushes func(*rand.Rand) bool) map[string]telemetry.Totals {
	t.Helper()
	groupings := []telemetry.Grouping{{ID: "all"}, {ID: "topic", By: []string{"topic"}, Omit: telemetry.PartDistincts},
		{ID: "client", By: []string{"client"}, Omit: telemetry.PartLatency}, {ID: "sums", By: []string{"op"}, Omit: telemetry.AllParts}}
	fold, out := NewFold(telemetry.Source{}, DefaultParameters(), DefaultLateness, groupings), map[string]telemetry.Totals{}
	newest := func(f *Flush) {
		f.EachCellRecord(1<<20, func(value []byte) {
			batch, err := telemetry.UnmarshalCellBatch(value)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range batch.Cells {
				out[fmt.Sprintf("cell %s %+v", c.Pane, c.Labels)] = c.Totals
			}
		})
		for _, g := range groupsOf(t, f) {
			for _, p := range g.Partials {
				out[fmt.Sprintf("group %s %s %q", p.Pane, g.Grouping, g.Values)] = p.Totals
			}
		}
	}
	reports, chance := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
	for offset := range int64(400) {
		at := Position{Offset: offset, AppendUnixMillis: epoch.UnixMilli() + offset*100}
		report := versionedReport(reports, at)
		fold.Begin(at)
		if err := fold.Add(at, report, labelsOf(report)); err != nil {
			t.Fatal(err)
		}
		if flushes(chance) {
			newest(fold.Flush())
		}
	}
	newest(fold.Drain())
	return out
}

// versionedReport is a random one whose client has a version; most have no lists, and few have all histograms.
func versionedReport(random *rand.Rand, at Position) *telemetry.Report {
	r := randomReport(random, at.AppendUnixMillis)
	if client := r.Labels.Client; client != "" {
		r.Labels.SDKLang, r.Labels.SDKVersion = "go", "1."+client
	}
	if random.IntN(2) == 0 {
		r.Errors, r.Gauges = nil, nil
	}
	for _, h := range []*telemetry.Histogram{&r.DelayMicros, &r.SizeBytes, &r.HeartbeatMicros} {
		for range random.IntN(3) {
			h.Observe(1 << random.IntN(20))
		}
	}
	if random.IntN(8) == 0 {
		r.Rebalances, r.DroppedReports = random.Uint64N(3), random.Uint64N(3)
	}
	return r
}
