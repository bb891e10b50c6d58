package main

import (
	"context"
	"fmt"
	"math"
	mathbits "math/bits"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// logBegin is the event time of the first report.
var logBegin = time.Unix(1_800_000_000, 0)

// brokerCommand serves a log of reports until it is stopped.
type brokerCommand struct {
	Series     int           `arg:""`
	Records    int           `arg:""`
	Partitions int           `arg:""`
	Kind       eventKind     `arg:"" optional:"" default:"histogram"`
	Pace       time.Duration `help:"Serve while writing, and write what is of one pane each so often."`
}

// Run fills the log, says where it is, and serves it.
func (c *brokerCommand) Run(ctx context.Context) error {
	running, err := broker.Start(broker.Config{})
	if err != nil {
		return err
	}
	defer running.Close()
	ready, say := func() error { return nil }, result{Addr: running.Addrs()[0], Records: c.Records}.print
	if c.Pace > 0 {
		ready, say = say, ready
	}
	if err := fill(ctx, running.Addrs()[0], c, ready); err != nil {
		return err
	}
	if err := say(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// config is the pipeline's configuration over the log.
func config(addr string, partitions int) pipeline.Config {
	c := pipeline.DefaultConfig()
	c.Kafka.Brokers = []string{addr}
	c.Telemetry.Partitions = partitions
	c.Telemetry.MaxSeries, c.Telemetry.MaxTopicSeries = 2_000_000, 2_000_000
	c.Rules.Dir = "cmd/bench/rules.d"
	c.HTTP.Addr = "127.0.0.1:0"
	c.Roles = []string{pipeline.RoleAggregate}
	return c
}

// logBatchBytes bounds the log's batches. Not smaller: the cost of opening batches would
// be in both sides of every ratio; not larger: where a batch is more than a partition's
// part of a fetch, the broker serves one partition after the other.
const logBatchBytes = pipeline.FetchPartitionBytes / 2

// fill creates Weir's topics, calls ready and writes the log. Append times are the event times, so
// that a replay of minutes takes seconds: the topic is created with CreateTime. Without
// records, topics are as Weir needs them.
func fill(ctx context.Context, addr string, c *brokerCommand, ready func() error) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(200_000),
		kgo.ProducerBatchMaxBytes(logBatchBytes))
	if err != nil {
		return fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	admin, settings := kadm.NewClient(client), config(addr, c.Partitions)
	for _, topic := range pipeline.Topics(&settings) {
		asNeeded := map[string]*string{}
		if c.Records == 0 { // what is written later has the time of then
			for name, value := range topic.Settings {
				asNeeded[name] = &value
			}
		}
		if _, err := admin.CreateTopic(ctx, topic.Partitions, 1, asNeeded, topic.Name); err != nil {
			return fmt.Errorf("create %s: %w", topic.Name, err)
		}
	}
	if err := ready(); err != nil {
		return err
	}
	reports, began := newReports(c.Series, c.Kind), time.Now()
	var failed error
	for i := range c.Records {
		if pane := c.Series * reportsPerWindow; c.Pace > 0 && i%pane == 0 {
			if err := sleepUntil(ctx, began.Add(time.Duration(i/pane)*c.Pace)); err != nil {
				return err
			}
		}
		at := logBegin.Add(time.Duration(float64(i) / float64(c.Series) * float64(time.Second)))
		value, err := reports.encode(i, at)
		if err != nil {
			return err
		}
		record := &kgo.Record{Topic: telemetry.TopicTelemetry, Partition: int32(i % c.Series % c.Partitions), Timestamp: at.Add(time.Second), Value: value}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err // the client calls one promise at a time
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return failed
}

// reports makes reports of 210 bytes with 8 labels and a histogram of 20 buckets. Each
// has other buckets and counts than the one before, as reports of real clients have.
type reports struct {
	template []telemetry.Report
	kind     eventKind
}

func newReports(series int, kind eventKind) *reports {
	r := &reports{template: make([]telemetry.Report, series), kind: kind}
	for i := range r.template {
		r.template[i] = telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Bytes: 281_736,
			Labels: telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: fmt.Sprintf("orders-%03d", i%100), Op: "send",
				Client: fmt.Sprintf("checkout-7f9c5b6d4f-%07d", i), SDKLang: "go", SDKVersion: "1.12.0"}}
	}
	return r
}

// report is the one with that number in the log; it is good until the next.
func (r *reports) report(number int) *telemetry.Report {
	report := &r.template[number%len(r.template)]
	r.kind.observe(report, rand.NewPCG(uint64(number), 0))
	return report
}

// encode returns the report with that number in the log.
func (r *reports) encode(number int, at time.Time) ([]byte, error) {
	report := r.report(number)
	report.StartUnixMillis = at.UnixMilli()
	value, err := telemetry.MarshalReport(report)
	if err != nil {
		return nil, fmt.Errorf("encode a report: %w", err)
	}
	return value, nil
}

// Shape of a report's latencies: a bell over buckets from about a millisecond on, whose
// place differs from report to report; counts scatter as those of a sample do, and in
// the slow half some buckets are empty.
const (
	buckets     = 20
	firstBucket = 345
	firstSpread = 16
	atThePeak   = 150
	narrowness  = 36 // the square of four buckets, twice and a little
)

func observe(report *telemetry.Report, random *rand.PCG) {
	h := &report.LatencyMicros
	h.Reset()
	report.Messages = 0
	index := int32(firstBucket + random.Uint64()%firstSpread)
	for k := range buckets {
		bits := random.Uint64()
		expected := atThePeak * bell[k]
		scatter := float64(mathbits.OnesCount32(uint32(bits))-16) / math.Sqrt(8) // of 32 coins: about normal
		count := uint64(max(1, math.Round(expected+scatter*math.Sqrt(expected))))
		value := uint64(telemetry.BucketValue(index))
		h.Indexes, h.Counts = append(h.Indexes, index), append(h.Counts, count)
		h.Sum, h.Max = h.Sum+count*value, value
		report.Messages += count
		if index++; k >= buckets/2 {
			index += int32(mathbits.TrailingZeros64(bits>>32 | 1<<3))
		}
	}
}

// bell is how high the curve stands over each bucket.
var bell = func() (out [buckets]float64) {
	for k := range out {
		out[k] = math.Exp(-math.Pow(float64(k)-buckets/2.5, 2) / narrowness)
	}
	return out
}()
