package pipeline

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
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
	for ctx.Err() == nil {
		p.status.setStage(role, stateRunning, nil)
		began := time.Now()
		stopWatching := every(ctx, maxRestartPause, func(context.Context) { said.note(nil) })
		err := run(ctx, p)
		stopWatching()
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

// ended counts and shows that a stage failed.
func (p *Pipeline) ended(role string, err error) {
	counted := p.metrics.stage(role)
	counted.restarts.Inc()
	counted.failed(faultKind(err))
	counted.owns(0, 0) // others have its partitions now, or nobody
	p.status.setStage(role, stateWaiting, err)
}
