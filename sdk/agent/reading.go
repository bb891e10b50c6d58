package agent

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control/topic"
)

// askAgain is between two questions where weir.control ends. Not shorter: each is a request of every service; not longer: a command should take effect within two seconds.
const askAgain = 200 * time.Millisecond

// newReader opens the agent's reader.
func newReader(config Config) (*topic.Reader, error) {
	return topic.Open(topic.Config{Log: config.Log,
		Options: append([]kgo.Opt{kgo.SeedBrokers(config.Brokers...), kgo.ClientID("weir-agent")}, config.Options...)})
}

// read takes records of weir.control until the agent is closed: to its end first, since nothing applies before, and so again where the topic is made anew. While its cluster is away,
// what was read holds until it expires.
func (a *Agent) read() {
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for a.ctx.Err() == nil {
		if err := a.reader.CatchUp(a.ctx, a.take); err != nil {
			select {
			case <-a.ctx.Done():
			case <-ticker.C:
			}
			continue
		}
		a.take(topic.Batch{AtEnd: true})
		for anew := false; !anew && a.ctx.Err() == nil; {
			batch := a.reader.Poll(a.ctx)
			a.take(batch)
			anew = batch.Anew
		}
	}
}

// take takes what was read.
func (a *Agent) take(batch topic.Batch) {
	defer a.config.Telemetry.Registry().Recover()
	if batch.Anew {
		a.commands.Restart(time.Now())
	}
	if len(batch.Records) > 0 || batch.AtEnd {
		a.commands.Feed(batch.Records, batch.AtEnd, time.Now())
	}
}
