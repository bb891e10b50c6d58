package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// Reporter reports what is measured of clients, on a producer of its own. Its methods may
// be called from any goroutine.
type Reporter struct {
	config   Config
	registry *meter.Registry
	producer *kgo.Client
	stop     context.CancelFunc
	done     sync.WaitGroup
	taken    meter.Taken // of the goroutine that reports; of Close after it

	waiting      atomic.Int64 // reports not acknowledged yet
	acknowledged atomic.Uint64
	lost         atomic.Uint64
}

// Stats count a Reporter's reports.
type Stats struct {
	Acknowledged uint64 // by the telemetry cluster
	Dropped      uint64 // lost for good; reported as dropped_reports
	Waiting      int64  // for the telemetry cluster
	Recovered    uint64 // panics of the SDK's own code, kept from the host: a message each may be missing
}

// Open starts reporting. It does not wait for the telemetry cluster. The error says
// what is wrong with config.
func Open(config Config) (*Reporter, error) {
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
	r := &Reporter{config: config, registry: meter.NewRegistry(config.settings()), producer: producer, stop: stop}
	r.done.Go(func() { r.report(ctx) })
	return r, nil
}

// Registry is for the packages beside this one, which measure clients: its type is the SDK's own.
func (r *Reporter) Registry() *meter.Registry { return r.registry }

// Cluster says how to reach the cluster with weir.telemetry: the seeds and the options of the telemetry producer.
func (r *Reporter) Cluster() (seeds []string, options []kgo.Opt) {
	return slices.Clone(r.config.TelemetryBrokers), slices.Clone(r.config.TelemetryOptions)
}

// Stats returns the counts so far.
func (r *Reporter) Stats() Stats {
	return Stats{Acknowledged: r.acknowledged.Load(), Dropped: r.lost.Load(), Waiting: r.waiting.Load(),
		Recovered: r.registry.Recovered()}
}

// Close sends a final report of everything measured and waits until the telemetry
// cluster has acknowledged it or ctx ends; the error says how many reports were lost.
// Close the measured clients before. A second Close does nothing.
func (r *Reporter) Close(ctx context.Context) error {
	if again := r.registry.Close(); again {
		return nil
	}
	r.stop()
	r.done.Wait()
	r.settle(ctx)
	for _, measured := range r.registry.Clients() {
		measured.Stopped()
	}
	before := r.lost.Load()
	r.sendAll(final)
	err := r.producer.Flush(ctx)
	missing := uint64(r.waiting.Load()) + r.lost.Load() - before
	r.producer.Close()
	switch {
	case err != nil:
		return fmt.Errorf("close telemetry: %w; %d reports were not acknowledged", err, missing)
	case missing > 0:
		return fmt.Errorf("close telemetry: %d of the final reports were refused by the telemetry cluster", missing)
	}
	return nil
}

const (
	// settleTime bounds how long Close waits for one message of closed clients after the other. Not
	// shorter: kgo fails what was buffered after its Close has returned, and calls the
	// host's promises one by one; not longer: a promise may never return.
	settleTime = time.Second
	// settleTick is between two looks at them. Not shorter: it is work for the host; not longer: Close waits that long where it need not.
	settleTick = time.Millisecond
)

// settle waits until every message of a closed client is counted, as long as they become fewer.
func (r *Reporter) settle(ctx context.Context) {
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	least, until := int64(math.MaxInt64), time.Now().Add(settleTime)
	for left := r.unsettled(); left > 0 && time.Now().Before(until); left = r.unsettled() {
		if left < least {
			least, until = left, time.Now().Add(settleTime)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// unsettled is how many messages of closed clients are not counted yet.
func (r *Reporter) unsettled() (left int64) {
	now := r.registry.Clock.WallMillis()
	for _, measured := range r.registry.Clients() {
		if measured.ClosedFor(now) > 0 {
			left += measured.Unsettled()
		}
	}
	return left
}
