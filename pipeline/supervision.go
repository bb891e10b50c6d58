package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Pause before a failed stage starts again. Not smaller: a broker that is away
// would be asked without end; not larger: alerts wait for it.
const (
	minRestartPause = 250 * time.Millisecond
	maxRestartPause = 10 * time.Second
)

func restartPauses() *backoff.ExponentialBackOff {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = minRestartPause, maxRestartPause
	return pauses
}

// supervise runs a stage again and again until ctx ends. The log has each fault once,
// however often the stage ends by it, and that the stage runs again.
func (p *Pipeline) supervise(ctx context.Context, role string, run stageRunner) {
	pauses := restartPauses()
	said := outage{log: p.log.With("stage", role), begun: "stage failed, will start again", over: "stage runs again"}
	lost := false // a topic that the stage uses
	for ctx.Err() == nil {
		p.status.setStage(role, stateRunning, nil)
		began := time.Now()
		stopWatching := every(ctx, maxRestartPause, func(context.Context) { said.note(nil) })
		err := p.runOnce(ctx, run, lost)
		stopWatching()
		lost = topicLost(err) || lost && errors.Is(err, errTopics)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > maxRestartPause {
			pauses.Reset()
		}
		p.ended(role, err)
		said.note(err)
		select {
		case <-ctx.Done():
		case <-time.After(pauses.NextBackOff()):
		}
	}
	p.status.setStage(role, stateStopped, nil)
	said.log.Info("stage stopped")
}

// runOnce runs a stage that may have lost a topic: what was made in its place must be as
// Weir needs it, and the parameters of the fold recorded for its id.
func (p *Pipeline) runOnce(ctx context.Context, run stageRunner, lost bool) error {
	if lost {
		topics, err := EnsureTopics(ctx, &p.config, p.kafka)
		if err != nil {
			return fmt.Errorf("%w: %w", errTopics, err)
		}
		p.logTopics(topics)
	}
	return run(ctx, p)
}

// errTopics says that a stage was not started.
var errTopics = errors.New("the topics are not as they must be")

// topicLost says that a stage ended because a topic was deleted, or made again: then it
// has another id, under which clients do not go on by themselves.
func topicLost(err error) bool {
	return errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// ended counts and shows that a stage failed.
func (p *Pipeline) ended(role string, err error) {
	counted := p.metrics.stage(role)
	counted.restarts.Inc()
	counted.failed(faultKind(err))
	counted.owns(0, 0) // others have its partitions now, or nobody
	p.status.setStage(role, stateWaiting, err)
}
