package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/cmd/weir/internal/tty"
	"github.com/weirmq/weir/pipeline"
)

type controlDiffCommand struct {
	configFlags
	Name string  `arg:"" optional:"" help:"Name of a command; all unless given."`
	All  bool    `help:"Also clients that do what they are asked to, and those that have gone."`
	DSN  string  `name:"dsn" help:"Address of the ClickHouse; the configuration's unless given."`
	URL  address `name:"url" help:"Address of a running weir to ask, in place of Kafka and ClickHouse."`
	JSON bool    `help:"Print it as JSON."`

	Watch        bool          `help:"Look again each second, until interrupted; with --json a line each time."`
	UntilApplied bool          `help:"Look again each second, until all do what they are asked to."`
	Timeout      time.Duration `help:"Look on for so long at most; with --until-applied 30s unless given."`
}

// Help shows examples and the exit codes.
func (controlDiffCommand) Help() string {
	return "Holds what weir.control asks of each client that is there against what the client says that it applies.\n\n" +
		"Examples:\n\n  weir control diff --config weir.yaml\n  weir control diff --config weir.yaml --all --json\n  weir control diff pause-billing --url http://127.0.0.1:8686\n" +
		"  weir control diff --config weir.yaml pause-billing --until-applied --timeout 1m\n\n" +
		"Exits 0 when all do what they are asked to, 3 when some do not, with --until-applied still after --timeout, or when there is no command of that name, and 1 when Kafka, the store or that weir cannot be asked. " +
		"Who looks on is told of that, and it is asked again, unless it was never there."
}

// Run compares and prints.
func (c *controlDiffCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	diff := pipeline.ControlDiff{Name: c.Name, All: c.All, URL: string(c.URL), DSN: c.DSN, JSON: c.JSON, Out: os.Stdout}
	agree := false
	switch {
	case c.Timeout < 0:
		return fmt.Errorf("read --timeout: got %s: write a time of more than 0, such as 1m, or leave it out", c.Timeout)
	case c.Watch || c.UntilApplied:
		agree, err = c.watch(ctx, &config, diff)
	case c.Timeout != 0:
		return errors.New("--timeout is of --watch or --until-applied")
	default:
		agree, err = pipeline.DiffControl(ctx, &config, diff)
	}
	if err == nil && !agree {
		return errFaults
	}
	return err
}

// appliedTimeout is for how long it is waited that all clients do what they are asked to. Not smaller: what clients say takes some seconds to the store, and who reports each
// ten seconds longer; not larger: a script stands still.
const appliedTimeout = 30 * time.Second

// watch looks on. Whoever only does so and ends it finds no fault.
func (c *controlDiffCommand) watch(ctx context.Context, config *pipeline.Config, diff pipeline.ControlDiff) (agree bool, err error) {
	watch := pipeline.ControlWatch{ControlDiff: diff, UntilApplied: c.UntilApplied, Timeout: c.Timeout}
	if c.UntilApplied && c.Timeout == 0 {
		watch.Timeout = appliedTimeout
	}
	if _, is := tty.SizeOf(os.Stdout); is {
		watch.Draw = new(tty.Frame).Draw
	}
	agree, err = pipeline.WatchControl(ctx, config, watch)
	return agree || !c.UntilApplied, err
}

type controlHistoryCommand struct {
	configFlags
	Name  string  `arg:"" optional:"" help:"Name of a command, or of a route as ENV/LANE/ID; all unless given."`
	Since string  `default:"7d" help:"How far back, as 24h or 7d, or a time as 2026-11-25T08:00:00Z."`
	To    string  `help:"End of the time, likewise; now unless given."`
	Limit int     `help:"Of at most so many records, the newest; 10000 unless given."`
	DSN   string  `name:"dsn" help:"Address of the ClickHouse; the configuration's unless given."`
	URL   address `name:"url" help:"Address of a running weir to ask, in place of ClickHouse."`
	JSON  bool    `help:"Print it as JSON."`
}

// Help shows examples.
func (controlHistoryCommand) Help() string {
	return "Shows every record of weir.control that the store has: what was asked of whom, by whom, why, and what readers made of it.\n\n" +
		"Examples:\n\n  weir control history --config weir.yaml\n  weir control history --config weir.yaml pause-billing --since 30d --json\n" +
		"  weir control history --url http://127.0.0.1:8686 --since 2d --to 1d --limit 20\n\n" +
		"Exits 1 when the store or that weir cannot be asked."
}

// Run reads and prints.
func (c *controlHistoryCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	h := pipeline.ControlHistory{Name: c.Name, Limit: c.Limit, URL: string(c.URL), DSN: c.DSN, JSON: c.JSON, Out: os.Stdout}
	now := time.Now()
	if h.From, err = timeOf(c.Since, now); err != nil {
		return fmt.Errorf("read --since: %w", err)
	}
	if c.To != "" {
		if h.To, err = timeOf(c.To, now); err != nil {
			return fmt.Errorf("read --to: %w", err)
		}
	}
	return pipeline.HistoryOfControl(ctx, &config, h)
}
