package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// written is what a run of the stage left on the broker.
type written struct {
	reports, messages    uint64 // of the highest versions
	cells, partials      int    // versions included
	cellBytes, partBytes int64  // on the broker
}

// identity is a cell's.
type identity struct {
	labels string
	pane   int64
	telemetry.Source
	telemetry.Segment
}

// verify reads what one run of the stage wrote, and compares it with the log.
func verify(ctx context.Context, addr string, t target) (*written, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(telemetry.TopicCells, telemetry.TopicGroups))
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, telemetry.TopicCells, telemetry.TopicGroups)
	if err != nil {
		return nil, fmt.Errorf("find the ends: %w", err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	out := &written{}
	cells := map[identity]*telemetry.Totals{}
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read what was written: %w", err)
		}
		for _, record := range fetches.Records() {
			left--
			if err := out.take(record, cells); err != nil {
				return nil, err
			}
		}
	}
	for _, totals := range cells {
		out.reports += totals.Reports
		out.messages += totals.Messages
	}
	if want := newReports(t.series, kindHistogram).messages(t.records); out.reports != uint64(t.records) || out.messages != want {
		return nil, fmt.Errorf("the stage wrote %d reports of %d messages, want %d of %d", out.reports, out.messages, t.records, want)
	}
	return out, out.measure(ctx, admin)
}

func (w *written) take(record *kgo.Record, cells map[identity]*telemetry.Totals) error {
	if record.Topic == telemetry.TopicGroups {
		if len(record.Key) == 0 { // a watermark
			return nil
		}
		batch, err := telemetry.UnmarshalGroupBatch(record.Value)
		if err != nil {
			return fmt.Errorf("read what was written: %w", err)
		}
		w.partials += len(batch.Partials)
		return nil
	}
	batch, err := telemetry.UnmarshalCellBatch(record.Value)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	for i := range batch.Cells {
		c := &batch.Cells[i]
		at := identity{string(telemetry.AppendLabels(nil, &c.Labels)), c.Pane.Unix(), batch.Source, batch.Segment}
		if known := cells[at]; known == nil || known.Reports < c.Totals.Reports {
			cells[at] = &telemetry.Totals{Reports: c.Totals.Reports, Messages: c.Totals.Messages}
		}
	}
	w.cells += len(batch.Cells)
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
