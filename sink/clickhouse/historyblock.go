package clickhouse

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/weirmq/weir/telemetry"
)

// cellBlock is a block of rows of rollup_10s, in memory that is used again: nothing of it is handed on.
type cellBlock struct {
	head    *blockHead
	columns []namedColumn

	series          []uint32
	origins         []origin // by the keys of source
	classes, gauges []string // by the keys of errors' and gauges' names

	source                               keyed
	segments                             uint64s
	minutes                              uint32s
	reports, messages, bytes             uint64s
	errorClasses                         lists[keyed, *keyed]
	errorCounts                          lists[uint64s, *uint64s]
	histograms                           [4]histogramBlock
	rebalances, dropped, interval        uint64s
	gaugeNames                           lists[keyed, *keyed]
	gaugeLast, gaugeGreatest, gaugeTimes lists[uint64s, *uint64s]
	stopped                              uint8s
}

// blockHead are the columns of which nothing is needed once rows have series: one is enough for all blocks.
type blockHead struct {
	panes  uint32s
	labels [14]keyed // by telemetry.LabelNames; that of the client is empty
	client textColumn
	extra  lists[textColumn, *textColumn]
}

// histogramBlock are the four columns of a histogram.
type histogramBlock struct {
	indexes       lists[int16s, *int16s]
	counts        lists[uint64s, *uint64s]
	sums, maximum uint64s
}

type namedColumn struct {
	name string
	into decoder
}

// histogramParts are the parts of totals by their place in telemetry.CellTable.Histograms.
var histogramParts = [4]telemetry.Parts{telemetry.PartLatency, telemetry.PartDelay, telemetry.PartSize, telemetry.PartHeartbeat}

// newCellBlock returns a block of the columns that are read.
func newCellBlock(head *blockHead, omit telemetry.Parts) *cellBlock {
	b := &cellBlock{head: head}
	b.columns = []namedColumn{{"ts", &head.panes}}
	for i, c := range cellColumns[1 : 1+len(telemetry.LabelNames)] {
		var into decoder = &head.labels[i]
		if i == clientLabel {
			into = &head.client
		}
		b.columns = append(b.columns, namedColumn{c.name, into})
	}
	b.columns = append(b.columns, []namedColumn{
		{"extra", &head.extra}, {"source", &b.source}, {"segment_block", &b.segments}, {"segment_minute", &b.minutes},
		{"reports", &b.reports}, {"messages", &b.messages}, {"bytes", &b.bytes},
		{"error.class", &b.errorClasses}, {"error.count", &b.errorCounts},
		{"rebalances", &b.rebalances}, {"dropped_reports", &b.dropped}, {"interval_ms", &b.interval},
		{"gauge.name", &b.gaugeNames}, {"gauge.last", &b.gaugeLast}, {"gauge.max", &b.gaugeGreatest}, {"gauge.at", &b.gaugeTimes},
		{"stopped", &b.stopped},
	}...)
	for i, names := range dayHistograms {
		if !omit.Has(histogramParts[i]) {
			h := &b.histograms[i]
			b.columns = append(b.columns, []namedColumn{{names.name + ".i", &h.indexes}, {names.name + ".c", &h.counts}, {names.sum, &h.sums}, {names.greatest, &h.maximum}}...)
		}
	}
	return b
}

// statement selects the columns.
func (b *cellBlock) statement() string {
	names := make([]string, len(b.columns))
	for i, c := range b.columns {
		names[i] = "`" + c.name + "`"
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM rollup_10s FINAL WHERE "
}

// columnError is of a table that is not as Weir made it: asking again does not help.
type columnError struct{ column, got, want string }

func (e *columnError) Error() string {
	return fmt.Sprintf("column %s is %s, want %s: change it back", e.column, e.got, e.want)
}

// DecodeResult reads the columns of a block; it is a proto.Result.
func (b *cellBlock) DecodeResult(r *proto.Reader, version int, block proto.Block) error {
	if block.Columns != len(b.columns) {
		return fmt.Errorf("a block has %d columns, want %d", block.Columns, len(b.columns))
	}
	if block.Rows < 0 || block.Rows > maxBlockRows {
		return fmt.Errorf("a block has %d rows, at most %d are read", block.Rows, maxBlockRows)
	}
	for i := range b.columns {
		if err := b.columns[i].decode(r, version, block.Rows); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a column: its name, its type, and its values.
func (c *namedColumn) decode(r *proto.Reader, version, rows int) error {
	var head textColumn
	err := head.decode(r, 1)
	if name := string(head.bytes); err == nil && name != c.name {
		return fmt.Errorf("a block has the column %q, want %s", name, c.name)
	}
	if err == nil {
		err = head.decode(r, 1)
	}
	if kind, want := string(head.bytes), kindOf(c.name); err == nil && kind != want && kind != zone.ReplaceAllString(want, "") {
		return &columnError{c.name, kind, want}
	}
	if err == nil && proto.FeatureCustomSerialization.In(version) {
		return fmt.Errorf("blocks of revision %d are not read", version)
	}
	if s, ok := c.into.(stateful); err == nil && ok && rows > 0 {
		err = s.state(r)
	}
	if err == nil {
		err = c.into.decode(r, rows)
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", c.name, err)
	}
	return nil
}

// zone is what ClickHouse leaves out of DateTime where it is not told which revision asks, as over HTTP. Values are the same.
var zone = regexp.MustCompile(`\('[^']*'\)$`)

// kindOf is the type of a column.
func kindOf(name string) string {
	return cellColumns[slices.IndexFunc(cellColumns, func(c cellColumn) bool { return c.name == name })].kind
}

// take numbers the rows' series and reads the dictionaries.
func (b *cellBlock) take(r *historyReader) (err error) {
	if b.series, err = r.series.number(b.head, b.series[:0]); err != nil {
		return err
	}
	b.origins = b.origins[:0]
	for i := range b.source.values.ends {
		from := r.origin(b.source.values.at(i))
		if from.err != nil && slices.Contains(b.source.keys, uint32(i)) { // that of no row is the empty one
			return from.err
		}
		b.origins = append(b.origins, from)
	}
	b.classes = r.names.all(b.classes[:0], &b.errorClasses.items.values)
	b.gauges = r.names.all(b.gauges[:0], &b.gaugeNames.items.values)
	return nil
}
