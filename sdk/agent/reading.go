package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

const (
	// maxFetchBytes bounds what is fetched of weir.control at once. Not less: the largest record fits; not more: it is
	// in the host's memory.
	maxFetchBytes = 1 << 20
	// fetchWait is how long the broker waits for a command before it answers that there is none. Not shorter: each
	// program asks; not longer: a connection that has died unseen is noticed by it.
	fetchWait = 5 * time.Second
)

// progress is how far the agent has read.
type progress struct {
	mu    sync.Mutex
	at    time.Time // when the broker answered last
	fault error     // since then
}

func newReader(config Config, progress *progress) (*kgo.Client, error) {
	reader, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(config.Brokers...), kgo.ClientID("weir-agent"), kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(fromStart),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(maxFetchBytes), kgo.FetchMaxPartitionBytes(maxFetchBytes), kgo.FetchMaxWait(fetchWait), kgo.MaxConcurrentFetches(1), kgo.WithHooks(progress),
		kgo.KeepRetryableFetchErrors(), // State says why nothing is read
	}, config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", control.Topic, err)
	}
	return reader, nil
}

// read takes records of weir.control until the agent is closed. While its cluster is away, what was read holds until
// it expires.
func (a *Agent) read() {
	for a.ctx.Err() == nil {
		a.take(a.reader.PollFetches(a.ctx))
	}
}

// take takes what was fetched.
func (a *Agent) take(fetches kgo.Fetches) {
	defer a.config.Telemetry.Registry().Recover()
	var records []control.Record
	end, anew := false, false
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, r := range p.Records {
			records = append(records, control.Record{Key: r.Key, Value: r.Value, Offset: r.Offset, AppendedAt: r.Timestamp})
			end = r.Offset+1 >= p.HighWatermark
		}
		a.progress.note(p.Err)
		anew = anew || errors.Is(p.Err, kerr.UnknownTopicID)
	})
	if anew {
		a.readAnew()
	}
	if len(records) > 0 {
		a.commands.Feed(records, end, time.Now())
	}
}

// readAnew reads a topic that was deleted and made anew from its start: kgo stays with the former one, which is gone.
func (a *Agent) readAnew() {
	a.commands.Restart(time.Now())
	a.reader.PurgeTopicsFromConsuming(control.Topic)
	a.reader.AddConsumePartitions(fromStart)
}

// fromStart is all of weir.control.
var fromStart = map[string]map[int32]kgo.Offset{control.Topic: {0: kgo.NewOffset().AtStart()}}

// note keeps why nothing can be read, until the broker answers a fetch again.
func (p *progress) note(fault error) {
	if fault == nil || errors.Is(fault, context.Canceled) || errors.Is(fault, kgo.ErrClientClosed) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// OnBrokerE2E notes that the broker has answered; kgo calls it.
func (p *progress) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, answer kgo.BrokerE2E) {
	const fetchKey = 1
	if key != fetchKey || answer.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.fault = time.Now(), nil
}
