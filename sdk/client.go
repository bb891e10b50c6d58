package weir

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Client reports what its Hooks measure, on a producer of its own. Its methods may
// be called from any goroutine.
type Client struct {
	config   Config
	clock    *clock
	producer *kgo.Client
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu    sync.Mutex
	hooks []*Hooks

	waiting      atomic.Int64 // reports not acknowledged yet
	acknowledged atomic.Uint64
	lost         atomic.Uint64
}

// Stats count a Client's reports.
type Stats struct {
	Acknowledged uint64 // by the telemetry cluster
	Dropped      uint64 // lost for good; reported as dropped_reports
	Waiting      int64  // for the telemetry cluster
}

// Open starts reporting. It does not wait for the telemetry cluster. The error says
// what is wrong with config.
func Open(config Config) (*Client, error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("open telemetry: %w", err)
	}
	options := append([]kgo.Opt{
		kgo.SeedBrokers(config.TelemetryBrokers...), kgo.ClientID("weir-sdk"),
		kgo.MaxBufferedRecords(2 * config.MaxBufferedReports), // the final reports come on top
		kgo.UnknownTopicRetries(-1),                           // the topic may be created later
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
	}, config.TelemetryOptions...)
	producer, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open telemetry: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{config: config, clock: newClock(), producer: producer, stop: stop}
	c.done.Go(func() { c.report(ctx) })
	return c, nil
}

// Hooks returns new hooks, for one franz-go client.
func (c *Client) Hooks() *Hooks {
	h := &Hooks{owner: c, clock: c.clock, labels: c.config.labels(), generation: -1}
	h.sends.op, h.consumes.op = opSend, opConsume
	h.sends.byTopic.Store(&map[string]*meter{})
	h.consumes.byTopic.Store(&map[string]*meter{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = append(c.hooks, h)
	return h
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{Acknowledged: c.acknowledged.Load(), Dropped: c.lost.Load(), Waiting: c.waiting.Load()}
}

// Close sends a final report of everything measured and waits until the telemetry
// cluster has acknowledged it or ctx ends; the error says how many reports were lost.
// Close the measured clients before.
func (c *Client) Close(ctx context.Context) error {
	c.stop()
	c.done.Wait()
	for _, h := range c.snapshot() {
		h.stopped()
	}
	before := c.lost.Load()
	c.sendAll(final)
	err := c.producer.Flush(ctx)
	waiting := c.waiting.Load()
	c.producer.Close()
	if err != nil {
		return fmt.Errorf("close telemetry: %w; %d reports were not acknowledged", err, waiting)
	}
	if lost := c.lost.Load() - before; lost > 0 {
		return fmt.Errorf("close telemetry: %d of the final reports were refused by the telemetry cluster", lost)
	}
	return nil
}

func (c *Client) snapshot() []*Hooks {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Hooks(nil), c.hooks...)
}

// identify completes the labels by what a client says of itself.
func (c Config) identify(client *kgo.Client) telemetry.Labels {
	labels := c.labels()
	if labels.Group == "" {
		if group, ok := client.OptValue(kgo.ConsumerGroup).(string); ok {
			labels.Group = bounded(group)
		}
	}
	if labels.Client == "" {
		id, _ := client.OptValue(kgo.ClientID).(string)
		labels.Client = bounded(fmt.Sprintf("%s@%s-%d", id, c.Node, os.Getpid()))
	}
	return labels
}

// bounded makes a label value what the ingest stage takes.
func bounded(value string) string {
	return strings.ToValidUTF8(value[:min(len(value), maxLabelBytes)], "")
}
