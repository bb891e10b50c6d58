package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control/topic"
	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/report"
)

// Agent applies commands to the clients of one program. Its methods may be called from any goroutine.
type Agent struct {
	config   Config
	commands *applied.Commands
	reader   *topic.Reader
	ctx      context.Context
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	bound  map[*kgo.Client]*binding
}

// Open reads commands from now on. It waits for nothing: while the cluster with weir.control is away there are none.
// When ctx ends, all that commands hold back is lifted, as by Close. The error says what is wrong with config.
func Open(ctx context.Context, config Config) (*Agent, error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("open the agent: %w", err)
	}
	log := logAside(config.Log)
	config.Log = slog.New(log)
	a, err := newAgent(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the agent: %w", err)
	}
	if a.reader, err = newReader(config); err != nil {
		a.stop()
		return nil, fmt.Errorf("open the agent: %w", err)
	}
	var saying sync.WaitGroup // to the log, which ends behind them
	saying.Go(func() { defer a.reader.Close(); a.read() })
	saying.Go(a.apply)
	said, silent := context.WithCancel(context.WithoutCancel(ctx))
	a.done.Go(func() { saying.Wait(); silent() })
	a.done.Go(func() { log.run(said) })
	return a, nil
}

func newAgent(ctx context.Context, config Config) (*Agent, error) {
	commands, err := applied.New(applied.Config{Registry: config.Telemetry.Registry(), Log: config.Log, Enabled: config.Enabled})
	if err != nil {
		return nil, err
	}
	a := &Agent{config: config, commands: commands, bound: map[*kgo.Client]*binding{}}
	a.ctx, a.stop = context.WithCancel(ctx)
	return a, nil
}

// Commands is for the packages beside this one, which steer clients: its type is the SDK's own.
func (a *Agent) Commands() *applied.Commands { return a.commands }

// Telemetry is what the agent tells by: Config.Telemetry.
func (a *Agent) Telemetry() *report.Reporter { return a.config.Telemetry }

// Close lifts all that commands hold back, and waits until the agent's goroutines have ended, or ctx has. A second Close does
// nothing. Close the clients before or after it, and the telemetry last.
func (a *Agent) Close(ctx context.Context) error {
	a.mu.Lock()
	again := a.closed
	a.closed = true
	a.mu.Unlock()
	if again {
		return nil
	}
	a.stop()
	a.commands.Lift()
	ended := make(chan struct{})
	go func() { // ends when the others have, at the latest when the clients that they ask are closed and the log has taken what it is told
		defer close(ended)
		a.done.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the agent: %w", context.Cause(ctx))
	}
}

const (
	// lookEvery is how often a program's clients are looked at though no command has come: they may consume other topics
	// by now, or the program has resumed what a command pauses. Not more often: it costs the host for nothing; not less:
	// a command should take effect within two seconds whatever the program does.
	lookEvery = time.Second
)

// apply applies what is in force whenever that changes, until the agent is closed or its context ends: then nobody would see a command
// expire, so nothing is left that holds.
func (a *Agent) apply() {
	defer a.commands.Lift()
	timer := time.NewTimer(0)
	defer timer.Stop()
	watched := fileWatch{path: a.config.File}
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-timer.C:
		case <-a.commands.Kicked():
		}
		now := time.Now()
		a.watch(&watched, now)
		timer.Reset(a.refresh(now))
	}
}

// refresh applies what is in force, and says when to do it again at the latest.
func (a *Agent) refresh(now time.Time) (again time.Duration) {
	defer a.config.Telemetry.Registry().Recover()
	again = lookEvery // also after a panic
	next, ok := a.commands.Refresh(now)
	if wait := next.Sub(now); ok && wait < lookEvery {
		again = max(wait, 0)
	}
	return again
}
