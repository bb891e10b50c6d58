package clickhouse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	driverproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"github.com/weirmq/weir/telemetry"
)

// nativeBlock is a block of cells as ClickHouse gives it, made by the driver: rows that differ in what change does to them.
func nativeBlock(tb testing.TB, omit telemetry.Parts, changes ...func(map[string]any)) []byte {
	tb.Helper()
	block := driverproto.NewBlock()
	columns := newCellBlock(&blockHead{}, omit).columns
	for _, c := range columns {
		if err := block.AddColumn(c.name, column.Type(kindOf(c.name))); err != nil {
			tb.Fatal(err)
		}
	}
	for _, change := range changes {
		row := map[string]any{"source": telemetry.Source{}.String(), "extra": []string{"a=b"}}
		change(row)
		values := make([]any, len(columns))
		for i, c := range columns {
			if values[i] = row[c.name]; values[i] == nil {
				values[i] = zeroOf[kindOf(c.name)]
			}
		}
		if err := block.Append(values...); err != nil {
			tb.Fatal(err)
		}
	}
	var out proto.Buffer
	if err := block.Encode(&out, 0); err != nil {
		tb.Fatal(err)
	}
	return out.Buf
}

var zeroOf = map[string]any{
	dateTime: time.Unix(0, 0), "String": "", lowCardinality: "", "UInt64": uint64(0), "Bool": false, "Array(String)": []string(nil),
	"Array(LowCardinality(String))": []string(nil), "Array(Int16)": []int16(nil), "Array(UInt64)": []uint64(nil),
	"Array(Float64)": []float64(nil), "Array(DateTime64(3, 'UTC'))": []time.Time(nil),
}

func plainRow(map[string]any) {}

// fullRow has something in each list.
func fullRow(row map[string]any) {
	row["topic"], row["client"], row["extra"] = "orders", strings.Repeat("client", 40), []string{"zone=eu", `a\=b=c`}
	row["error.class"], row["error.count"] = []string{"timeout", "handler"}, []uint64{1, 2}
	row["latency.i"], row["latency.c"] = []int16{-1, 300}, []uint64{3, 4}
	row["gauge.name"], row["gauge.last"], row["gauge.max"], row["gauge.at"] = []string{"lag"}, []float64{1}, []float64{2}, []time.Time{time.Unix(5, 0)}
	row["stopped"] = true
}

// decodeBlock decodes one block and makes its cells.
func decodeBlock(raw []byte, omit telemetry.Parts) ([]telemetry.StoredCell, []*telemetry.Labels, error) {
	r := &historyReader{of: Range{Omit: omit}, series: newSeriesNumbers(), origins: map[string]origin{}, names: names{}}
	b := r.block()
	in := proto.NewReader(bytes.NewReader(raw))
	var block proto.Block
	if err := block.DecodeRawBlock(in, 0, b); err != nil || block.End() {
		return nil, nil, err
	}
	if err := b.take(r); err != nil {
		return nil, nil, err
	}
	runs, rows := byPane(appendRuns(nil, b)), len(b.head.panes.values)
	return r.cells(runs, rows), r.series.labels, nil
}

// TestADamagedBlockIsAnError wherever it is cut, and whatever is wrong with it.
func TestADamagedBlockIsAnError(t *testing.T) {
	t.Parallel()
	whole := nativeBlock(t, 0, plainRow, fullRow, plainRow)
	cells, labels, err := decodeBlock(whole, 0)
	if err != nil || len(cells) != 3 || len(labels) != 2 || cells[0].Series != cells[2].Series || labels[cells[1].Series].Extra[1] != (telemetry.Label{Name: "a=b", Value: "c"}) {
		t.Fatalf("a whole block gives %+v of %v: %v", cells, labels, err)
	}
	for cut := range len(whole) {
		if _, _, err := decodeBlock(whole[:cut], 0); err == nil {
			t.Fatalf("a block of %d bytes of %d is no error", cut, len(whole))
		}
	}
	long := func(row map[string]any) { row["client"] = strings.Repeat("c", maxTextBytes+1) }
	keys := bytes.Replace(nativeBlock(t, 0, func(row map[string]any) { row["env"] = "prod" }), []byte("\x04prod\x01\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\x04prod\x01\x00\x00\x00\x00\x00\x00\x00\x09"), 1)
	version := bytes.Replace(whole, []byte("\x03env\x16LowCardinality(String)\x01"), []byte("\x03env\x16LowCardinality(String)\x02"), 1)
	shared := bytes.Replace(whole, []byte("\x03env\x16LowCardinality(String)\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06"), []byte("\x03env\x16LowCardinality(String)\x01\x00\x00\x00\x00\x00\x00\x00\x00\x05"), 1)
	for want, raw := range map[string][]byte{
		"a block has 1 columns, want 48":                                                  append([]byte{1}, whole[1:]...),
		"a block has 33554432 rows, at most 1048576 are read":                             append(binary.AppendUvarint([]byte{48}, 1<<25), whole[2:]...),
		`a block has the column "tt", want ts`:                                            bytes.Replace(whole, []byte("\x02ts"), []byte("\x02tt"), 1),
		"column messages is UInt32, want UInt64: change it back":                          bytes.Replace(whole, []byte("\x08messages\x06UInt64"), []byte("\x08messages\x06UInt32"), 1),
		"column client: a text has 1048577 bytes, at most 1048576 are read":               nativeBlock(t, 0, long),
		"column env: a key is 9, the dictionary has 2 values":                             keys,
		"column env: the dictionary's version is 2, want 1":                               version,
		"column env: the dictionary is not in the block":                                  shared,
		`source "x", want a topic's id of 32 hexadecimal digits, a slash and a partition`: nativeBlock(t, 0, func(row map[string]any) { row["source"] = "x" }),
		`extra label "a-b" has no =`:                                                      nativeBlock(t, 0, func(row map[string]any) { row["extra"] = []string{"a-b"} }),
	} {
		if _, _, err := decodeBlock(raw, 0); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestListsThatEndBeforeTheyBegin are an error, as are those that end nowhere.
func TestListsThatEndBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	for want, ends := range map[string][]uint64{
		"a list ends at 1, the one before at 2, and none may after 1073741824":          {2, 1},
		"a list ends at 1073741825, the one before at 0, and none may after 1073741824": {1<<30 + 1},
	} {
		var out proto.Buffer
		proto.ColUInt64(ends).EncodeColumn(&out)
		var of lists[uint64s, *uint64s]
		if err := of.decode(out.Reader(), len(ends)); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestManySeriesKeepTheirNumbers, whatever follows what, also where the keys of a row do not fit into a number.
func TestManySeriesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	var rows []func(map[string]any)
	for i := range 600 {
		rows = append(rows, func(row map[string]any) {
			for _, c := range cellColumns[1 : 1+numLabels] {
				if row[c.name] = fmt.Sprint(c.name, i*i%97); c.name == "client" {
					row[c.name] = fmt.Sprint(i % 7)
				}
			}
			if row["extra"] = nil; i%3 == 0 {
				row["extra"] = []string{fmt.Sprint("zone=", i%2)}
			}
		})
	}
	cells, labels, err := decodeBlock(nativeBlock(t, telemetry.AllParts, rows...), telemetry.AllParts)
	if err != nil || len(cells) != len(rows) {
		t.Fatalf("got %d cells and %v", len(cells), err)
	}
	seen := map[string]bool{}
	for i := range cells {
		got := labels[cells[i].Series]
		want := telemetry.Labels{}
		for field, name := range telemetry.LabelNames {
			if name == "group" {
				name = "consumer_group"
			}
			if *want.FieldAt(field) = fmt.Sprint(name, i*i%97); field == clientLabel {
				*want.FieldAt(field) = fmt.Sprint(i % 7)
			}
		}
		if i%3 == 0 {
			want.Extra = []telemetry.Label{{Name: "zone", Value: fmt.Sprint(i % 2)}}
		}
		if fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Fatalf("row %d has %+v, want %+v", i, *got, want)
		}
		seen[fmt.Sprint(*got)] = true
	}
	if len(seen) != len(labels) {
		t.Errorf("%d series have %d numbers", len(seen), len(labels))
	}
}

// FuzzCellBlock: no bytes make it panic, and what it takes has cells with labels.
func FuzzCellBlock(f *testing.F) {
	for _, rows := range [][]func(map[string]any){{}, {plainRow}, {fullRow}, {plainRow, fullRow, plainRow, fullRow}} {
		f.Add(nativeBlock(f, 0, rows...), false)
		f.Add(nativeBlock(f, telemetry.AllParts, rows...), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, counters bool) {
		var omit telemetry.Parts
		if counters {
			omit = telemetry.AllParts
		}
		cells, labels, err := decodeBlock(raw, omit)
		if err != nil && cells != nil {
			t.Errorf("%d cells and %v", len(cells), err)
		}
		for i := range cells {
			if int(cells[i].Series) >= len(labels) {
				t.Errorf("series %d of %d", cells[i].Series, len(labels))
			}
		}
	})
}
