package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// cellsCommand is the oracle of the stage: it folds the log's reports again, the plain
// way, and compares each series' totals in each pane with the cells on weir.cells.
type cellsCommand struct {
	Addr    string    `arg:""`
	Kind    eventKind `arg:""`
	Series  int       `arg:""`
	Windows int       `arg:""`
}

// paneTotals are those of one series in one pane. All of it adds up, the maximum aside.
type paneTotals struct{ reports, messages, bytes, sum, max, buckets uint64 }

func (p *paneTotals) add(reports, messages, bytes uint64, latency *telemetry.Histogram) {
	p.reports, p.messages, p.bytes = p.reports+reports, p.messages+messages, p.bytes+bytes
	p.sum, p.max = p.sum+latency.Sum, max(p.max, latency.Max)
	for i, index := range latency.Indexes {
		p.buckets += scatter(uint64(index)) * latency.Counts[i]
	}
}

// scatter makes indexes into numbers whose sums tell which were added how often.
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

type paneKey struct {
	client string
	pane   int64
}

// cellKey is a cell's identity; its version is how many reports it has.
type cellKey struct {
	paneKey
	source  telemetry.Source
	segment telemetry.Segment
}

// Run fails where a total differs.
func (c *cellsCommand) Run(ctx context.Context) error {
	cells, err := c.read(ctx)
	if err != nil {
		return err
	}
	got := map[paneKey]paneTotals{}
	for key, cell := range cells {
		sum := got[key.paneKey]
		t := &cell.Totals
		sum.add(t.Reports, t.Messages, t.Bytes, &t.LatencyMicros)
		got[key.paneKey] = sum
	}
	want := map[paneKey]paneTotals{}
	reports := newReports(c.Series, c.Kind)
	for i := range c.Series * reportsPerWindow * c.Windows {
		report := reports.report(i)
		at := logBegin.Unix() + int64(i/c.Series)
		key := paneKey{report.Labels.Client, at - at%reportsPerWindow}
		sum := want[key]
		sum.add(1, report.Messages, report.Bytes, &report.LatencyMicros)
		want[key] = sum
	}
	if len(got) != len(want) {
		return fmt.Errorf("compare cells: got %d series and panes, want %d", len(got), len(want))
	}
	for key, sum := range want {
		if got[key] != sum {
			return fmt.Errorf("compare cells: %s at %s: got %+v, want %+v", key.client, time.Unix(key.pane, 0).UTC(), got[key], sum)
		}
	}
	return nil
}

// read is the newest version of each cell.
func (c *cellsCommand) read(ctx context.Context) (map[cellKey]telemetry.Cell, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addr), kgo.ConsumeTopics(telemetry.TopicCells))
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, telemetry.TopicCells)
	if err != nil {
		return nil, fmt.Errorf("find the end of the cells: %w", err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	cells := map[cellKey]telemetry.Cell{}
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("poll: %w", err)
		}
		for _, record := range fetches.Records() {
			left--
			batch, err := telemetry.UnmarshalCellBatch(record.Value)
			if err != nil {
				return nil, err
			}
			for _, cell := range batch.Cells {
				key := cellKey{paneKey{cell.Labels.Client, cell.Pane.Unix()}, batch.Source, batch.Segment}
				if cell.Totals.Reports >= cells[key].Totals.Reports {
					cells[key] = cell
				}
			}
		}
	}
	return cells, nil
}
