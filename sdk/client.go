package weir

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Client reports what its Hooks measure, on a producer of its own. Its methods may
// be called from any goroutine.
type Client struct {
	config   Config
	clock    *clock
	producer *kgo.Client
	stop     context.CancelFunc
	done     sync.WaitGroup
	taken    taken // of the goroutine that reports; of Close after it

	mu     sync.Mutex
	closed bool
	hooks  []*Hooks // of the clients that are open, or closed with something to report

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
		kgo.MaxBufferedRecords(math.MaxInt32), // MaxBufferedReports holds; the final reports come on top
		kgo.UnknownTopicRetries(-1),           // the topic may be created later
		kgo.DisableClientMetrics(),            // Close would wait for the last of them
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
func (c *Client) Hooks() *Hooks { return newHooks(c) }

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{Acknowledged: c.acknowledged.Load(), Dropped: c.lost.Load(), Waiting: c.waiting.Load()}
}

// Close sends a final report of everything measured and waits until the telemetry
// cluster has acknowledged it or ctx ends; the error says how many reports were lost.
// Close the measured clients before. A second Close does nothing.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	c.stop()
	c.done.Wait()
	c.settle(ctx)
	for _, h := range c.snapshot() {
		h.mu.Lock()
		h.stopped()
		h.mu.Unlock()
	}
	before := c.lost.Load()
	c.sendAll(final)
	err := c.producer.Flush(ctx)
	missing := uint64(c.waiting.Load()) + c.lost.Load() - before
	c.producer.Close()
	switch {
	case err != nil:
		return fmt.Errorf("close telemetry: %w; %d reports were not acknowledged", err, missing)
	case missing > 0:
		return fmt.Errorf("close telemetry: %d of the final reports were refused by the telemetry cluster", missing)
	}
	return nil
}

// settleTime bounds how long Close waits for the messages of closed clients. Not
// shorter: kgo fails what was buffered after its Close has returned, and calls the
// host's promises one by one; not longer: a promise may never return.
const settleTime = time.Second

// settle waits until every message of a closed client is counted.
func (c *Client) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !c.settled() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *Client) settled() bool {
	now := c.clock.wallMillis(c.clock.now())
	for _, h := range c.snapshot() {
		if h.closedFor(now) > 0 && !h.settled() {
			return false
		}
	}
	return true
}
