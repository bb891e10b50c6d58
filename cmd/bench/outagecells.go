package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// What the cells of a fleet look like.
const (
	// cellPane is a pane's length, in which each series has one cell.
	cellPane      = 10 * time.Second
	panesOfMinute = int(time.Minute / cellPane)
	// cellShapes is how many totals there are that differ. Not fewer: cells of one record would be alike, and compress better than real
	// ones; not more: they are made beforehand.
	cellShapes = 5003 // prime, so that series and panes meet other ones
	// collectedEvery is which series are a collector's, with gauges in place of histograms.
	collectedEvery = 10
	// seriesOfClient is how many topics and operations a client has.
	seriesOfClient = 10
	// cellsOfRecord is how many the stage aggregate puts into one record at most.
	cellsOfRecord = 1000
	// cellsBuffered bounds what the writer holds. Not less: Kafka is asked for one batch at a time; not more: memory.
	cellsBuffered = 32 << 20
)

// cellLog writes weir.cells as the stage aggregate does, and weir.telemetry so that there is a record behind each cell's report.
type cellLog struct {
	client     *kgo.Client
	topicID    [16]byte // of weir.telemetry
	partitions int
	series     int
	begin      time.Time // of the first pane, on a whole minute
	labels     [][]byte
	totals     []telemetry.Totals
	collected  telemetry.Totals
	columns    telemetry.CellColumns
	sources    []cellSource
	pane       int // the next
	cells      int
	bytes      int64
	failed     atomic.Pointer[error]
}

// cellSource is how far a partition is.
type cellSource struct {
	offset int64 // of its next report
	minute telemetry.Segment
	ledger telemetry.Ledger
}

func openCellLog(ctx context.Context, addr string, series int, begin time.Time) (*cellLog, error) {
	l := &cellLog{partitions: partitions, series: series, begin: begin.Truncate(time.Minute), sources: make([]cellSource, partitions)}
	for i := range series {
		labels := cellLabels(i)
		l.labels = append(l.labels, telemetry.AppendLabels(nil, &labels))
	}
	made := newReports(1, kindHistogram)
	for i := range cellShapes {
		report := made.report(i)
		totals := telemetry.Totals{Reports: 1, Messages: report.Messages, Bytes: report.Bytes, IntervalMillis: uint64(cellPane.Milliseconds())}
		totals.LatencyMicros = telemetry.Histogram{Indexes: append([]int32{}, report.LatencyMicros.Indexes...), Counts: append([]uint64{}, report.LatencyMicros.Counts...),
			Sum: report.LatencyMicros.Sum, Max: report.LatencyMicros.Max}
		for size := range uint64(5) {
			totals.SizeBytes.Observe(900 + (size+1)*uint64(i%97))
		}
		l.totals = append(l.totals, totals)
	}
	var err error
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedBytes(cellsBuffered),
		kgo.MaxBufferedRecords(200_000), kgo.ProducerBatchMaxBytes(2<<20), kgo.ProducerBatchCompression(kgo.ZstdCompression())); err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	detail, err := kadm.NewClient(l.client).ListTopics(ctx, telemetry.TopicTelemetry)
	if err == nil {
		err = detail[telemetry.TopicTelemetry].Err
	}
	if err != nil {
		l.client.Close()
		return nil, fmt.Errorf("find %s: %w", telemetry.TopicTelemetry, err)
	}
	l.topicID = detail[telemetry.TopicTelemetry].ID
	return l, nil
}

// cellLabels are those of a client's topic, or of what a collector has of a consumer group.
func cellLabels(series int) telemetry.Labels {
	l := telemetry.Labels{Env: "prod", Cluster: fmt.Sprint("eu-", series%3), System: "kafka", Topic: fmt.Sprintf("orders-%04d", series/seriesOfClient%997), SDKLang: "go", SDKVersion: "1.12.0"}
	if series%collectedEvery == 0 {
		l.Op, l.Group, l.Partition = "group", fmt.Sprintf("billing-%04d", series/collectedEvery%500), fmt.Sprint(series/collectedEvery/500)
		return l
	}
	client := series / seriesOfClient
	l.Op, l.Client, l.Node, l.Tag = "send", fmt.Sprintf("checkout-7f9c5b6d4f-%06d", client), fmt.Sprintf("node-%04d", client%500), fmt.Sprint("t", series%seriesOfClient)
	return l
}

// totalsOf are a series' in a pane; they are good until the next call.
func (l *cellLog) totalsOf(series, pane int, begin time.Time) *telemetry.Totals {
	if series%collectedEvery != 0 {
		return &l.totals[(series*7919+pane*31)%cellShapes]
	}
	gauges := l.collected.Gauges[:0]
	for i, name := range [...]string{telemetry.GaugeConsumed, telemetry.GaugeMembers, telemetry.GaugeHeartbeatFailed} {
		value := float64((series*31 + pane*7 + i) % 1000)
		gauges = append(gauges, telemetry.GaugeValue{Name: name, Last: value, Max: value, TimeUnixMillis: begin.UnixMilli() + 5000})
	}
	l.collected = telemetry.Totals{Reports: 1, IntervalMillis: uint64(cellPane.Milliseconds()), Gauges: gauges}
	return &l.collected
}

// writeReports writes an empty record for each report that cells of a time are made of, with the time of its pane: the log that
// an audit holds the ledger against. The topic takes times as they come meanwhile.
func (l *cellLog) writeReports(ctx context.Context, span time.Duration) error {
	admin := kadm.NewClient(l.client)
	stamp := func(as string) error {
		altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.timestamp.type", Value: &as}}, telemetry.TopicTelemetry)
		if err == nil && len(altered) > 0 {
			err = altered[0].Err
		}
		return err
	}
	if err := stamp("CreateTime"); err != nil {
		return fmt.Errorf("have %s take times as they come: %w", telemetry.TopicTelemetry, err)
	}
	for pane := range int(span / cellPane) {
		at := l.paneBegin(pane).Add(time.Second)
		for range l.series / l.partitions {
			for p := range l.partitions {
				l.produce(ctx, &kgo.Record{Topic: telemetry.TopicTelemetry, Partition: int32(p), Timestamp: at})
			}
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	aggregated := kadm.Offsets{}
	for p := range l.partitions {
		aggregated.AddOffset(telemetry.TopicTelemetry, int32(p), int64(int(span/cellPane)*(l.series/l.partitions)), -1)
	}
	if err := admin.CommitAllOffsets(ctx, aggregateGroup, aggregated); err != nil {
		return fmt.Errorf("say that all is aggregated: %w", err)
	}
	return stamp("LogAppendTime")
}

func (l *cellLog) paneBegin(pane int) time.Time {
	return l.begin.Add(time.Duration(pane) * cellPane)
}

// produce gives a record to the client.
func (l *cellLog) produce(ctx context.Context, record *kgo.Record) {
	l.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
		if err != nil {
			l.failed.CompareAndSwap(nil, &err)
		}
	})
}

func (l *cellLog) flush(ctx context.Context) error {
	err := l.client.Flush(ctx)
	if failed := l.failed.Load(); failed != nil {
		err = errors.Join(err, *failed)
	}
	if err != nil {
		return fmt.Errorf("write to Kafka: %w", err)
	}
	return nil
}

// writePane writes the cells of the next pane, the partitions one after the other, and calls paced with the share of them that is
// written.
func (l *cellLog) writePane(ctx context.Context, paced func(share float64) error) error {
	each := l.series / l.partitions
	for p := range l.partitions {
		for first := 0; first < each; first += cellsOfRecord {
			l.writeRecord(ctx, p, first, min(first+cellsOfRecord, each))
			if err := paced(float64(p*each+first) / float64(l.series)); err != nil {
				return err
			}
		}
	}
	l.pane++
	return l.flush(ctx)
}

// writeRecord writes one record of a partition's cells. Its segment ends with the minute, or with the block of offsets. Its time is that of
// the cells, not that of the writing: what storage finds when it is back is as old as after a real outage.
func (l *cellLog) writeRecord(ctx context.Context, partition, first, end int) {
	source, begin := &l.sources[partition], l.paneBegin(l.pane)
	of := telemetry.Source{TopicID: l.topicID, Partition: int32(partition)}
	for at := first; at < end; {
		segment := telemetry.Segment{Block: uint64(source.offset) / telemetry.BlockOffsets, MinuteUnix: begin.Unix() / 60}
		if segment != source.minute {
			source.minute, source.ledger = segment, telemetry.Ledger{FirstOffset: source.offset}
		}
		inBlock := telemetry.BlockOffsets - int(source.offset%telemetry.BlockOffsets)
		until := min(end, at+inBlock)
		l.columns.Reset()
		for i := at; i < until; i++ {
			series := i*l.partitions + partition
			l.columns.Add(begin.Unix(), l.labels[series], l.totalsOf(series, l.pane, begin))
		}
		source.offset += int64(until - at)
		ledger := &source.ledger
		ledger.Reports, ledger.EndOffset, ledger.Bytes = ledger.Reports+uint64(until-at), source.offset, ledger.Bytes+uint64(until-at)*210
		whole := until == l.series/l.partitions
		ledger.Closed = whole && l.pane%panesOfMinute == panesOfMinute-1 || source.offset%telemetry.BlockOffsets == 0
		value := l.columns.AppendTo(telemetry.AppendBatchHeader(nil, &of, &segment))
		if whole || ledger.Closed {
			value = telemetry.AppendLedger(value, ledger)
		}
		l.cells, l.bytes = l.cells+until-at, l.bytes+int64(len(value))
		l.produce(ctx, &kgo.Record{Topic: telemetry.TopicCells, Partition: int32(partition), Value: value, Timestamp: begin.Add(cellPane)})
		at = until
	}
}

// makeTopics creates Weir's topics as Weir does.
func makeTopics(ctx context.Context, addr string) error {
	settings := config(addr, partitions)
	_, err := pipeline.EnsureTopics(ctx, &settings)
	return err
}
