package clickhouse

import (
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/weirmq/weir/telemetry"
)

// bare is an insert by ch-go's columns alone, as its documentation shows: values are
// appended to columns that are used again, and the columns encoded.
type bare struct {
	pane, minute                 proto.ColDateTime
	labels                       [numLabels]*proto.ColLowCardinality[string]
	client                       proto.ColStr
	extra                        *proto.ColArr[string]
	source                       *proto.ColLowCardinality[string]
	numbers                      [16]proto.ColUInt64
	classes, gauges              *proto.ColArr[string]
	errorCounts                  *proto.ColArr[uint64]
	indexes                      [4]*proto.ColArr[int16]
	counts                       [4]*proto.ColArr[uint64]
	gaugeLast, gaugeMax          *proto.ColArr[float64]
	gaugeAt                      *proto.ColArr[time.Time]
	stopped                      proto.ColBool
	timeScratch                  []time.Time
	classScratch, gaugeScratch   []string
	countScratch                 []uint64
	lastScratch, greatestScratch []float64
	shortScratch                 []int16
}

func newBare() *bare {
	c := &bare{extra: new(proto.ColStr).Array(), source: new(proto.ColStr).LowCardinality(),
		classes: proto.NewArray(new(proto.ColStr).LowCardinality()), gauges: proto.NewArray(new(proto.ColStr).LowCardinality()),
		errorCounts: new(proto.ColUInt64).Array(), gaugeLast: new(proto.ColFloat64).Array(), gaugeMax: new(proto.ColFloat64).Array(),
		gaugeAt: new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).Array()}
	for i := range c.labels {
		c.labels[i] = new(proto.ColStr).LowCardinality()
	}
	for i := range c.indexes {
		c.indexes[i], c.counts[i] = new(proto.ColInt16).Array(), new(proto.ColUInt64).Array()
	}
	return c
}

// columns are in the order of cellColumns.
func (c *bare) columns() []proto.ColInput {
	columns := []proto.ColInput{&c.pane}
	for i := range c.labels {
		if i == clientLabel {
			columns = append(columns, &c.client)
			continue
		}
		columns = append(columns, c.labels[i])
	}
	n := &c.numbers
	columns = append(columns, c.extra, c.source, &n[0], &c.minute, &n[1], &n[2], &n[3], &n[4], c.classes, c.errorCounts)
	for i := range c.indexes {
		columns = append(columns, c.indexes[i], c.counts[i], &n[8+2*i], &n[9+2*i])
	}
	return append(columns, &n[5], &n[6], &n[7], c.gauges, c.gaugeLast, c.gaugeMax, c.gaugeAt, &c.stopped)
}

func (c *bare) add(batch *telemetry.CellBatch, source string, cell *telemetry.Cell) {
	l, t := &cell.Labels, &cell.Totals
	c.pane.Append(cell.Pane)
	c.minute.Append(batch.Segment.Begin())
	for i := range c.labels {
		if i != clientLabel {
			c.labels[i].Append(*l.FieldAt(i))
		}
	}
	c.client.Append(l.Client)
	c.extra.Append(extraColumn(l.Extra))
	c.source.Append(source)
	c.classScratch, c.countScratch = c.classScratch[:0], c.countScratch[:0]
	for _, e := range t.Errors {
		c.classScratch, c.countScratch = append(c.classScratch, e.Class), append(c.countScratch, e.Count)
	}
	c.classes.Append(c.classScratch)
	c.errorCounts.Append(c.countScratch)
	c.gaugeScratch, c.lastScratch, c.greatestScratch = c.gaugeScratch[:0], c.lastScratch[:0], c.greatestScratch[:0]
	c.timeScratch = c.timeScratch[:0]
	for _, g := range t.Gauges {
		c.gaugeScratch, c.lastScratch, c.greatestScratch = append(c.gaugeScratch, g.Name), append(c.lastScratch, g.Last), append(c.greatestScratch, g.Max)
		c.timeScratch = append(c.timeScratch, time.UnixMilli(g.TimeUnixMillis))
	}
	c.gauges.Append(c.gaugeScratch)
	c.gaugeLast.Append(c.lastScratch)
	c.gaugeMax.Append(c.greatestScratch)
	c.gaugeAt.Append(c.timeScratch)
	c.stopped.Append(stopped(t))
	numbers := [16]uint64{batch.Segment.Block, t.Reports, t.Messages, t.Bytes, t.ErrorTotal(), t.Rebalances, t.DroppedReports, t.IntervalMillis}
	for i, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
		c.shortScratch = shortIndexes(c.shortScratch[:0], h.Indexes)
		c.indexes[i].Append(c.shortScratch)
		c.counts[i].Append(h.Counts)
		numbers[8+2*i], numbers[9+2*i] = h.Sum, h.Max
	}
	for i, number := range numbers {
		c.numbers[i].Append(number)
	}
}

func (c *bare) insert(b testing.TB, batches []telemetry.CellBatch, out *proto.Buffer) {
	out.Reset()
	columns := c.columns()
	for _, column := range columns {
		column.(proto.Resettable).Reset()
	}
	for i := range batches {
		source := batches[i].Source.String()
		for j := range batches[i].Cells {
			c.add(&batches[i], source, &batches[i].Cells[j])
		}
	}
	for _, column := range columns {
		if p, ok := column.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				b.Fatal(err)
			}
		}
		if s, ok := column.(proto.StateEncoder); ok {
			s.EncodeState(out)
		}
		column.EncodeColumn(out)
	}
}
