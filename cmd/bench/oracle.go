package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// cellsCommand is the oracle of the stage in a process of its own.
type cellsCommand struct {
	Addr    string    `arg:""`
	Kind    eventKind `arg:""`
	Series  int       `arg:""`
	Windows int       `arg:""`
}

// Run fails where a total differs.
func (c *cellsCommand) Run(ctx context.Context) error {
	_, err := verify(ctx, c.Addr, newReports(c.Series, c.Kind), c.Series*reportsPerWindow*c.Windows)
	return err
}

// written is what the stage left on the broker.
type written struct {
	newest               map[cellKey]paneTotals
	cells, partials      int   // versions included
	cellBytes, partBytes int64 // compressed
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

// paneTotals are those of one series in one pane. All of it adds up, the maximum aside.
type paneTotals struct{ reports, messages, bytes, sum, max, buckets uint64 }

func (p *paneTotals) add(o paneTotals) {
	p.reports, p.messages, p.bytes = p.reports+o.reports, p.messages+o.messages, p.bytes+o.bytes
	p.sum, p.max, p.buckets = p.sum+o.sum, max(p.max, o.max), p.buckets+o.buckets
}

func (p *paneTotals) observe(latency *telemetry.Histogram) {
	p.sum, p.max = latency.Sum, latency.Max
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

// verify reads what the stage wrote, folds the log's reports again, the plain way, and
// compares each series' totals in each pane.
func verify(ctx context.Context, addr string, log *reports, records int) (*written, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(telemetry.TopicCells, telemetry.TopicGroups))
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	out := &written{newest: map[cellKey]paneTotals{}}
	if err := out.read(ctx, client); err != nil {
		return nil, err
	}
	if err := out.compare(log, records); err != nil {
		return nil, err
	}
	return out, out.measure(ctx, kadm.NewClient(client))
}

func (w *written) read(ctx context.Context, client *kgo.Client) error {
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, telemetry.TopicCells, telemetry.TopicGroups)
	if err != nil {
		return fmt.Errorf("find the ends: %w", err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read what was written: %w", err)
		}
		for _, record := range fetches.Records() {
			left--
			if err := w.take(record); err != nil {
				return fmt.Errorf("read what was written: %w", err)
			}
		}
	}
	return nil
}

func (w *written) take(record *kgo.Record) error {
	if record.Topic == telemetry.TopicGroups {
		if len(record.Key) == 0 { // a watermark
			return nil
		}
		batch, err := telemetry.UnmarshalGroupBatch(record.Value)
		for i := range batch.Groups {
			w.partials += len(batch.Groups[i].Partials)
		}
		return err
	}
	batch, err := telemetry.UnmarshalCellBatch(record.Value)
	if err != nil {
		return err
	}
	w.cells += len(batch.Cells)
	for i := range batch.Cells {
		cell := &batch.Cells[i]
		key := cellKey{paneKey{cell.Labels.Client, cell.Pane.Unix()}, batch.Source, batch.Segment}
		if t := &cell.Totals; t.Reports > w.newest[key].reports {
			totals := paneTotals{reports: t.Reports, messages: t.Messages, bytes: t.Bytes}
			totals.observe(&t.LatencyMicros)
			w.newest[key] = totals
		}
	}
	return nil
}

// compare fails where a total is not the log's.
func (w *written) compare(log *reports, records int) error {
	got, want := map[paneKey]paneTotals{}, map[paneKey]paneTotals{}
	for key, cell := range w.newest {
		sum := got[key.paneKey]
		sum.add(cell)
		got[key.paneKey] = sum
	}
	for i := range records {
		report := log.report(i)
		at := logBegin.Unix() + int64(i/len(log.template))
		one := paneTotals{reports: 1, messages: report.Messages, bytes: report.Bytes}
		one.observe(&report.LatencyMicros)
		key := paneKey{report.Labels.Client, at - at%reportsPerWindow}
		sum := want[key]
		sum.add(one)
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

// measure asks how large the topics are.
func (w *written) measure(ctx context.Context, admin *kadm.Client) error {
	dirs, err := admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return fmt.Errorf("ask for the size of topics: %w", err)
	}
	for _, broker := range dirs {
		broker.EachPartition(func(p kadm.DescribedLogDirPartition) {
			switch p.Topic {
			case telemetry.TopicCells:
				w.cellBytes += p.Size
			case telemetry.TopicGroups:
				w.partBytes += p.Size
			}
		})
	}
	return nil
}
