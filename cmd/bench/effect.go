package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/pipeline"
)

// effectCommand measures how long it takes from a push to git until each client of a fleet has done as the pushed file says. The fleet, the
// role control and their broker are one process.
type effectCommand struct {
	Clients int  `help:"Clients, each with an agent of its own." default:"1000"`
	Rounds  int  `help:"How often each change is pushed." default:"3"`
	JSON    bool `help:"Print JSON, and nothing else." name:"json"`
}

// effectBound is what 99 in 100 clients may take. Not more: an operator who sees nothing for longer pushes again.
const effectBound = 2 * time.Second

// effectLimit ends the wait for a client that does nothing. Not less: a busy machine takes tens of seconds for a thousand clients.
const effectLimit = 2 * time.Minute

// effectFigure is how long one kind of change took, in milliseconds from before the push.
type effectFigure struct {
	What    string `json:"what"`
	Clients int    `json:"clients"`
	Pushes  int    `json:"pushes"`
	P50     int64  `json:"p50_ms"`
	P99     int64  `json:"p99_ms"`
	Most    int64  `json:"most_ms"`
	Met     bool   `json:"met"`
}

// Run prints a line for each kind of change.
func (c *effectCommand) Run(ctx context.Context) error {
	return printFigures("effect", c.JSON, func(out io.Writer) ([]effectFigure, error) { return c.measure(ctx, out) })
}

// effect is the part of all measurements.
func (c *allCommand) effect(ctx context.Context) (found []finding, err error) {
	const name = "from a push to 1,000 clients, p99 of "
	if !strings.Contains(name, c.Only) && !slices.ContainsFunc(effectSteps, func(s effectStep) bool { return strings.Contains(name+s.what+", ms", c.Only) }) {
		return nil, nil
	}
	command := effectCommand{}
	if err := kong.ApplyDefaults(&command); err != nil {
		return nil, err
	}
	figures, err := command.measure(ctx, os.Stdout)
	for _, f := range figures {
		found = append(found, finding{name + f.What + ", ms", float64(f.P99), float64(f.P50), float64(f.Most), float64(effectBound.Milliseconds()), true})
	}
	return found, err
}

// measure prints each figure as soon as it is known.
func (c *effectCommand) measure(ctx context.Context, out io.Writer) (figures []effectFigure, err error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "control.d")
	repository, err := newRepository(ctx, dir, files)
	if err != nil {
		return nil, err
	}
	served, err := serveTelemetry(ctx)
	if err != nil {
		return nil, err
	}
	defer served.Close()
	running, stop := context.WithCancel(ctx)
	ended, err := serveControl(running, served, files)
	if err != nil {
		stop()
		return nil, err
	}
	defer func() { stop(); err = errors.Join(err, ignoreEnd(<-ended)) }()
	fmt.Fprintf(out, "%d clients are opened\n", c.Clients)
	fleet, err := openFleet(ctx, served.Addrs(), c.Clients)
	defer fleet.close()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%-16s %8s %7s %8s %8s %8s %9s  ok\n", "push of", "clients", "pushes", "p50 ms", "p99 ms", "most ms", "bound ms")
	took := make([][]time.Duration, len(effectSteps))
	for range c.Rounds {
		for i, step := range effectSteps {
			begin := time.Now()
			if err := repository.push(ctx, step.file(begin)); err != nil {
				return nil, err
			}
			of, err := fleet.await(ctx, begin, step.done)
			if err != nil {
				return nil, fmt.Errorf("wait for %s: %w", step.what, err)
			}
			took[i] = append(took[i], of...)
		}
	}
	for i, step := range effectSteps {
		figures = append(figures, effectOf(step.what, c.Rounds, took[i]))
		f := figures[i]
		fmt.Fprintf(out, "%-16s %8d %7d %8d %8d %8d %9d  %s\n", f.What, f.Clients, f.Pushes, f.P50, f.P99, f.Most, effectBound.Milliseconds(), map[bool]string{true: "yes", false: "no"}[f.Met])
	}
	return figures, nil
}

func effectOf(what string, pushes int, took []time.Duration) effectFigure {
	slices.Sort(took)
	at := func(of float64) time.Duration { return took[int(of*float64(len(took)-1))] }
	return effectFigure{What: what, Clients: len(took) / pushes, Pushes: pushes, P50: at(0.5).Milliseconds(), P99: at(0.99).Milliseconds(),
		Most: at(1).Milliseconds(), Met: at(0.99) <= effectBound}
}

// serveControl runs the role control over a folder of files.
func serveControl(ctx context.Context, served *broker.Broker, files string) (ended <-chan error, err error) {
	settings := config(served.Addrs()[0], 1)
	settings.Roles, settings.Control.Dir, settings.Rules.Dir = []string{pipeline.RoleControl}, files, files+".norules"
	if err := errors.Join(os.Mkdir(settings.Rules.Dir, 0o750), os.WriteFile(filepath.Join(settings.Rules.Dir, "none.yaml"), []byte("groups: []\n"), 0o600)); err != nil {
		return nil, err
	}
	// There is no store for the history of commands, which it warns of.
	p, err := pipeline.New(settings, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return nil, err
	}
	ends := make(chan error, 1)
	go func() { ends <- p.RunStage(ctx, pipeline.RoleControl) }()
	return ends, nil
}

// ignoreEnd is nil for the end that was asked for.
func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
