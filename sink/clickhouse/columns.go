package clickhouse

import (
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/weirmq/weir/telemetry"
)

// cellColumn is a column of rollup_10s and how it is encoded.
type cellColumn struct {
	name, kind string
	encode     func(*cellEncoder)
}

// cellColumns are those that are written, in the order of the statement.
var cellColumns = slices.Concat([]cellColumn{
	{"ts", dateTime, func(e *cellEncoder) { proto.ColUInt32(e.table.Panes[e.from:e.to]).EncodeColumn(&e.out) }},
	labelColumn("env", 0), labelColumn("cluster", 1), labelColumn("system", 2), labelColumn("topic", 3), labelColumn("partition", 4),
	labelColumn("consumer_group", 5), labelColumn("op", 6),
	{"client", "String", (*cellEncoder).clients},
	labelColumn("node", 8), labelColumn("sdk_lang", 9), labelColumn("sdk_version", 10), labelColumn("tier", 11), labelColumn("lane", 12),
	labelColumn("tag", 13),
	{"extra", "Array(String)", (*cellEncoder).extra},
	{"source", lowCardinality, (*cellEncoder).sources},
	{"segment_block", "UInt64", func(e *cellEncoder) {
		e.eachRow(func(record int) { e.out.PutUInt64(e.table.Records[record].Segment.Block) })
	}},
	{"segment_minute", dateTime, func(e *cellEncoder) {
		e.eachRow(func(record int) { e.out.PutUInt32(uint32(60 * e.table.Records[record].Segment.MinuteUnix)) })
	}},
	numberColumn("reports", func(t *telemetry.CellTable) []uint64 { return t.Reports }),
	numberColumn("messages", func(t *telemetry.CellTable) []uint64 { return t.Messages }),
	numberColumn("bytes", func(t *telemetry.CellTable) []uint64 { return t.Bytes }),
	{"errors", "UInt64", (*cellEncoder).errors},
	{"error.class", "Array(LowCardinality(String))", func(e *cellEncoder) { e.names(e.table.Errors.Ends, e.table.Errors.Classes) }},
	countColumn("error.count", func(t *telemetry.CellTable) (ends, counts []uint64) { return t.Errors.Ends, t.Errors.Counts }),
},
	histogramColumns(telemetry.TableLatency, "latency", "latency_sum_us", "latency_max_us"),
	histogramColumns(telemetry.TableDelay, "delay", "delay_sum_us", "delay_max_us"),
	histogramColumns(telemetry.TableSize, "size", "size_sum_bytes", "size_max_bytes"),
	histogramColumns(telemetry.TableHeartbeat, "heartbeat", "heartbeat_sum_us", "heartbeat_max_us"),
	[]cellColumn{
		numberColumn("rebalances", func(t *telemetry.CellTable) []uint64 { return t.Rebalances }),
		numberColumn("dropped_reports", func(t *telemetry.CellTable) []uint64 { return t.DroppedReports }),
		numberColumn("interval_ms", func(t *telemetry.CellTable) []uint64 { return t.IntervalMillis }),
		{"gauge.name", "Array(LowCardinality(String))", func(e *cellEncoder) { e.names(e.table.Gauges.Ends, e.table.Gauges.Names) }},
		gaugeColumn("gauge.last", func(g *telemetry.GaugeTable) []float64 { return g.Last }),
		gaugeColumn("gauge.max", func(g *telemetry.GaugeTable) []float64 { return g.Max }),
		{"gauge.at", "Array(DateTime64(3, 'UTC'))", func(e *cellEncoder) {
			g := &e.table.Gauges
			first, last := e.ends(g.Ends)
			proto.ColInt64(g.Times[first:last]).EncodeColumn(&e.out)
		}},
		{"stopped", "Bool", func(e *cellEncoder) { proto.ColBool(e.table.Stopped[e.from:e.to]).EncodeColumn(&e.out) }},
	})

// insertCells names the columns.
var insertCells = func() string {
	names := make([]string, len(cellColumns))
	for i, c := range cellColumns {
		names[i] = c.name
	}
	return "INSERT INTO rollup_10s (" + strings.Join(names, ", ") + ")"
}()

const (
	dateTime       = "DateTime('UTC')"
	lowCardinality = "LowCardinality(String)"
)

func labelColumn(name string, label int) cellColumn {
	return cellColumn{name, lowCardinality, func(e *cellEncoder) { e.label(label) }}
}

func numberColumn(name string, of func(*telemetry.CellTable) []uint64) cellColumn {
	return cellColumn{name, "UInt64", func(e *cellEncoder) { proto.ColUInt64(of(e.table)[e.from:e.to]).EncodeColumn(&e.out) }}
}

func indexColumn(name string, histogram int) cellColumn {
	return cellColumn{name, "Array(Int16)", func(e *cellEncoder) {
		h := &e.table.Histograms[histogram]
		first, last := e.ends(h.Ends)
		proto.ColInt16(h.Indexes[first:last]).EncodeColumn(&e.out)
	}}
}

func countColumn(name string, of func(*telemetry.CellTable) (ends, counts []uint64)) cellColumn {
	return cellColumn{name, "Array(UInt64)", func(e *cellEncoder) {
		ends, counts := of(e.table)
		first, last := e.ends(ends)
		proto.ColUInt64(counts[first:last]).EncodeColumn(&e.out)
	}}
}

func gaugeColumn(name string, of func(*telemetry.GaugeTable) []float64) cellColumn {
	return cellColumn{name, "Array(Float64)", func(e *cellEncoder) {
		g := &e.table.Gauges
		first, last := e.ends(g.Ends)
		proto.ColFloat64(of(g)[first:last]).EncodeColumn(&e.out)
	}}
}

// histogramColumns are the four of one kind of histogram.
func histogramColumns(histogram int, name, sum, greatest string) []cellColumn {
	return []cellColumn{
		indexColumn(name+".i", histogram),
		countColumn(name+".c", func(t *telemetry.CellTable) (ends, counts []uint64) {
			return t.Histograms[histogram].Ends, t.Histograms[histogram].Counts
		}),
		numberColumn(sum, func(t *telemetry.CellTable) []uint64 { return t.Histograms[histogram].Sums }),
		numberColumn(greatest, func(t *telemetry.CellTable) []uint64 { return t.Histograms[histogram].Maxes }),
	}
}
