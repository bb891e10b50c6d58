package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control/topic"
)

// progress is how far the agent has read.
type progress struct {
	topic *topic.Reader

	mu    sync.Mutex
	at    time.Time // when the broker answered last
	fault error     // since then
}

// newReader opens the agent's reader, and returns its client.
func newReader(config Config, progress *progress) (*kgo.Client, error) {
	reader, err := topic.Open(topic.Config{Log: config.Log,
		Options: append([]kgo.Opt{kgo.SeedBrokers(config.Brokers...), kgo.ClientID("weir-agent"), kgo.WithHooks(progress)}, config.Options...)})
	if err != nil {
		return nil, err
	}
	progress.topic = reader
	return reader.Client(), nil
}

// read takes records of weir.control until the agent is closed. While its cluster is away, what was read holds until
// it expires.
func (a *Agent) read() {
	for a.ctx.Err() == nil {
		a.take(a.progress.topic.Poll(a.ctx))
	}
}

// take takes what was read.
func (a *Agent) take(batch topic.Batch) {
	defer a.config.Telemetry.Registry().Recover()
	a.progress.note(batch.Err)
	if batch.Anew {
		a.commands.Restart(time.Now())
	}
	if len(batch.Records) > 0 || batch.AtEnd {
		a.commands.Feed(batch.Records, batch.AtEnd, time.Now())
	}
}

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
