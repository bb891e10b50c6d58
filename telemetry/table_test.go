package telemetry_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// batchesIn are the records of a table, one by one.
func batchesIn(table *telemetry.CellTable) []telemetry.CellBatch {
	var batches []telemetry.CellBatch
	next := 0
	for _, record := range table.Records {
		batch := telemetry.CellBatch{Source: record.Source, Segment: record.Segment, Ledger: record.Ledger, Details: record.Details}
		for range record.Cells {
			batch.Cells = append(batch.Cells, cellIn(table, next))
			next++
		}
		batches = append(batches, batch)
	}
	return batches
}

func cellIn(table *telemetry.CellTable, i int) telemetry.Cell {
	cell := telemetry.Cell{Pane: time.Unix(int64(table.Panes[i]), 0).UTC(), Labels: table.Labels[table.Series[i]], Totals: telemetry.Totals{
		Reports: table.Reports[i], Messages: table.Messages[i], Bytes: table.Bytes[i], Rebalances: table.Rebalances[i],
		DroppedReports: table.DroppedReports[i], IntervalMillis: table.IntervalMillis[i]}}
	begin := func(ends []uint64) uint64 {
		if i == 0 {
			return 0
		}
		return ends[i-1]
	}
	for kind, h := range map[int]*telemetry.Histogram{telemetry.TableLatency: &cell.Totals.LatencyMicros, telemetry.TableDelay: &cell.Totals.DelayMicros,
		telemetry.TableSize: &cell.Totals.SizeBytes, telemetry.TableHeartbeat: &cell.Totals.HeartbeatMicros} {
		columns := &table.Histograms[kind]
		for at := begin(columns.Ends); at < columns.Ends[i]; at++ {
			h.Indexes, h.Counts = append(h.Indexes, int32(columns.Indexes[at])), append(h.Counts, columns.Counts[at])
		}
		h.Sum, h.Max = columns.Sums[i], columns.Maxes[i]
	}
	for at := begin(table.Errors.Ends); at < table.Errors.Ends[i]; at++ {
		cell.Totals.Errors = append(cell.Totals.Errors, telemetry.ErrorCount{Class: table.Names[table.Errors.Classes[at]], Count: table.Errors.Counts[at]})
	}
	for at := begin(table.Gauges.Ends); at < table.Gauges.Ends[i]; at++ {
		cell.Totals.Gauges = append(cell.Totals.Gauges, telemetry.GaugeValue{Name: table.Names[table.Gauges.Names[at]], Last: table.Gauges.Last[at], Max: table.Gauges.Max[at], TimeUnixMillis: table.Gauges.Times[at]})
	}
	if table.Stopped[i] {
		cell.Totals.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
	}
	return cell
}

// stored is what a table keeps of a batch: what groups do with gauges is left out, and of events
// there is one where some say that the client stopped or paused.
func stored(batch telemetry.CellBatch) telemetry.CellBatch {
	out := batch
	out.Cells = nil
	for _, cell := range batch.Cells {
		t := &cell.Totals
		stops := slices.ContainsFunc(t.Events, func(e telemetry.Event) bool {
			return e.Kind == telemetry.EventStopped || e.Kind == telemetry.EventPaused
		})
		if t.Events = nil; stops {
			t.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
		}
		gauges := t.Gauges
		t.Gauges = nil
		for _, g := range gauges {
			t.Gauges = append(t.Gauges, telemetry.GaugeValue{Name: g.Name, Last: g.Last, Max: g.Max, TimeUnixMillis: g.TimeUnixMillis})
		}
		out.Cells = append(out.Cells, cell)
	}
	return out
}

// storable says whether a store takes all of a batch.
func storable(batch *telemetry.CellBatch) bool {
	seconds := func(s int64) bool { return s >= 0 && s <= math.MaxUint32 }
	ok := seconds(batch.Segment.MinuteUnix) && seconds(60*batch.Segment.MinuteUnix)
	for i := range batch.Cells {
		t := &batch.Cells[i].Totals
		ok = ok && seconds(batch.Cells[i].Pane.Unix())
		for _, h := range []*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
			for j, index := range h.Indexes {
				ok = ok && index >= telemetry.ZeroBucket && index <= telemetry.MaxHistogramBuckets-2 && (j == 0 || index > h.Indexes[j-1])
			}
		}
	}
	return ok
}

// randomRecord is a batch of a few series over and over, as a flush writes them.
func randomRecord(r *rand.Rand) telemetry.CellBatch {
	batch := telemetry.CellBatch{Source: telemetry.Source{TopicID: source.TopicID, Partition: r.Int32()}, Segment: telemetry.Segment{Block: r.Uint64(), MinuteUnix: r.Int64N(math.MaxUint32 / 60)}}
	for range r.IntN(9) {
		labels := fullReport().Labels
		labels.Client = fmt.Sprint(r.IntN(3))
		if r.IntN(2) == 0 {
			labels = telemetry.Labels{Topic: strings.Repeat("ж", r.IntN(100))}
		}
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(r.Int64N(math.MaxUint32), 0).UTC(), Labels: labels, Totals: ofCell(randomTotals(r))})
		batch.Cells[len(batch.Cells)-1].Totals.Reports |= 1
	}
	for range r.IntN(3) {
		batch.Details = append(batch.Details, fullDetail(r.Int64()))
	}
	if r.IntN(2) == 0 {
		batch.Ledger = &telemetry.Ledger{Reports: r.Uint64(), Refused: r.Uint64(), Bytes: r.Uint64(), FirstOffset: r.Int64(), EndOffset: r.Int64(), Closed: r.IntN(2) == 0}
	}
	return batch
}

// listsOfNoCell is a field of a record that is found wrong when all columns were read.
var listsOfNoCell = []byte{4<<3 | 2, 5, 15<<3 | 2, 3, 1 << 3, 0xff, 0x07}

// TestTablesHoldWhatRecordsSay adds records to a table that is used again and again, bad
// ones among them.
func TestTablesHoldWhatRecordsSay(t *testing.T) {
	var table telemetry.CellTable
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		table.Reset()
		want := []telemetry.CellBatch{fullCellBatch(), {}}
		for range r.IntN(5) {
			want = append(want, randomRecord(r))
		}
		for i := range want {
			value := telemetry.AppendCellBatch(nil, &want[i])
			if err := table.Add(append(slices.Clone(value), listsOfNoCell...)); err == nil {
				t.Fatal("lists of a cell that is not there were taken")
			}
			if err := table.Add(value); err != nil {
				t.Fatal(err)
			}
			want[i] = stored(want[i])
		}
		equal(t, "table", want, batchesIn(&table))
		distinct := map[string]bool{}
		for i := range table.Labels {
			distinct[string(telemetry.AppendLabels(nil, &table.Labels[i]))] = true
		}
		if len(distinct) != len(table.Labels) {
			t.Errorf("%d sets of labels are kept, %d are distinct", len(table.Labels), len(distinct))
		}
	})
}

// TestTablesRefuseWhatNoStoreTakes holds what is said of each.
func TestTablesRefuseWhatNoStoreTakes(t *testing.T) {
	whole := fullCellBatch()
	for want, change := range map[string]func(*telemetrypb.CellBatch){
		"got schema 4, this version reads 3: upgrade this process":                      func(b *telemetrypb.CellBatch) { b.Schema++ },
		"got schema 0, this version reads 3":                                            func(b *telemetrypb.CellBatch) { b.Schema = 0 },
		"source has a topic id of 5 bytes, want 16":                                     func(b *telemetrypb.CellBatch) { b.Source.TopicId = []byte("short") },
		"segment of minute -1, want 0 to 71582788":                                      func(b *telemetrypb.CellBatch) { b.Segment.MinuteUnix = -1 },
		"segment of minute 71582789, want 0 to 71582788":                                func(b *telemetrypb.CellBatch) { b.Segment.MinuteUnix = math.MaxUint32/60 + 1 },
		"pane of cell 0 at -1 s since 1970, want 0 to 4294967295":                       func(b *telemetrypb.CellBatch) { b.Cells.PaneStepsS[0] = -1 },
		"pane of cell 1 at 4294967296 s since 1970, want 0 to 4294967295":               func(b *telemetrypb.CellBatch) { b.Cells.PaneStepsS = []int64{0, math.MaxUint32 + 1} },
		"histogram of cell 1 has buckets -2 to -1, want ascending ones of at most 2218": func(b *telemetrypb.CellBatch) { b.Cells.Delay.RunGaps[0] = 0 },
		"histogram of cell 1 has buckets 99998 to 99999, want":                          func(b *telemetrypb.CellBatch) { b.Cells.Delay.RunGaps[0] = 100000 },
		"histogram of cell 1 has more runs of buckets than there are gaps":              func(b *telemetrypb.CellBatch) { b.Cells.Delay.RunGaps = nil },
		"1 bytes of runs and 0 buckets belong to no cell":                               func(b *telemetrypb.CellBatch) { b.Cells.Delay.RunGaps = append(b.Cells.Delay.RunGaps, 1) },
		"cells without reports":                                                         func(b *telemetrypb.CellBatch) { b.Cells.Reports = nil },
		"column messages_beyond has 1 numbers for 2 cells":                              func(b *telemetrypb.CellBatch) { b.Cells.MessagesBeyond = b.Cells.MessagesBeyond[:1] },
		"column pane_steps_s has 3 numbers for 2 cells":                                 func(b *telemetrypb.CellBatch) { b.Cells.PaneStepsS = append(b.Cells.PaneStepsS, 1) },
		"column label_suffixes has 1 numbers for 2 cells":                               func(b *telemetrypb.CellBatch) { b.Cells.LabelSuffixes = b.Cells.LabelSuffixes[:1] },
		"column sums has 1 numbers for 2 cells":                                         func(b *telemetrypb.CellBatch) { b.Cells.Size.Sums = b.Cells.Size.Sums[:1] },
		"labels of cell 0 take 1 bytes of the 0 before":                                 func(b *telemetrypb.CellBatch) { b.Cells.LabelPrefixes[0] = 1 },
		"labels of cell 1 take":                                                         func(b *telemetrypb.CellBatch) { b.Cells.LabelBytes = b.Cells.LabelBytes[:20] },
		"histograms of 1 cells, there are 2 cells":                                      func(b *telemetrypb.CellBatch) { b.Cells.Latency.Runs = b.Cells.Latency.Runs[1:] },
		"histogram of cell 1 has a count of -1 times 256, want 0 to 72057594037927935":  func(b *telemetrypb.CellBatch) { b.Cells.Delay.CountHighSteps = []int64{-1} },
		"3 bytes of runs and 2 buckets belong to no cell":                               func(b *telemetrypb.CellBatch) { b.Cells.Size.Runs[1] = 0 },
		"lists of cell 7, there are 2":                                                  func(b *telemetrypb.CellBatch) { b.Cells.Lists[0].Row = 7 },
		"lists of cell 1 after those of a later one":                                    func(b *telemetrypb.CellBatch) { b.Cells.Lists = append(b.Cells.Lists, b.Cells.Lists[0]) },
	} {
		var pb telemetrypb.CellBatch
		if err := proto.Unmarshal(telemetry.AppendCellBatch(nil, &whole), &pb); err != nil {
			t.Fatal(err)
		}
		change(&pb)
		var table telemetry.CellTable
		err := table.Add(must(t)(proto.Marshal(&pb)))
		if err == nil || !strings.HasPrefix(err.Error(), "decode a cell batch: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if newer := pb.Schema > telemetry.BatchSchema; errors.Is(err, telemetry.ErrNewerSchema) != newer {
			t.Errorf("%v: does not say that a newer version wrote it", err)
		}
		if table.Len() != 0 || len(table.Records) != 0 || len(table.Panes) != 0 || len(table.Series) != 0 || len(table.Histograms[telemetry.TableDelay].Counts) != 0 {
			t.Errorf("%s: the record is in the table all the same", want)
		}
	}
}

// FuzzCellTable holds that a table takes what the generated decoder takes and a store
// can hold, and that both read the same.
func FuzzCellTable(f *testing.F) {
	full := fullCellBatch()
	f.Add(telemetry.AppendCellBatch(nil, &full))
	f.Add(telemetry.AppendCellBatch(nil, &telemetry.CellBatch{}))
	for seed := range uint64(5) {
		batch := randomRecord(rand.New(rand.NewPCG(seed, 0)))
		f.Add(telemetry.AppendCellBatch(nil, &batch))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		want, wantErr := telemetry.UnmarshalCellBatch(value)
		var table telemetry.CellTable
		err := table.Add(value)
		if wantErr == nil && !storable(&want) {
			wantErr = errors.New("no store takes it")
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("got %v, the generated decoder says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		text := func(batch telemetry.CellBatch) string { // in which NaN is NaN
			ledger := batch.Ledger
			batch.Ledger = nil
			return fmt.Sprintf("%+v %+v", batch, ledger)
		}
		if want, got := text(stored(want)), text(batchesIn(&table)[0]); want != got {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}
