package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type rulesBacktestCommand struct {
	configFlags
	Dir           dir    `arg:"" optional:"" help:"Folder of rule files; the configuration's unless given." type:"path"`
	From          string `default:"24h" help:"Begin of the time, as 2026-11-25T08:00:00Z, or 24h or 7d for so long before now."`
	To            string `default:"now" help:"End of the time, or what the store holds if that ends sooner."`
	Base          string `help:"Compare with the rules of another folder, or of this one in a git revision."`
	FromKafka     bool   `help:"Read weir.cells, which holds three days as created, and not ClickHouse."`
	Format        string `enum:"text,json,markdown" default:"text" help:"How to print: ${enum}. Markdown is for a pull request."`
	BusinessHours string `default:"Mon-Fri 09:00-18:00 UTC" help:"Days, times and time zone of the share of alerts that fired during them."`
	ExitCode      bool   `help:"Exit with 3 where alerts fire otherwise than under the base's rules."`
}

// Help shows examples and the exit codes.
func (rulesBacktestCommand) Help() string {
	return "Reads the cells that ClickHouse holds, or Kafka, and asks the rules what they would have said.\n\n" +
		"Examples:\n\n  weir rules backtest --config weir.yaml --from 7d\n  weir rules backtest rules.d --config weir.yaml --base main --format markdown\n  weir rules backtest rules.d --config weir.yaml --from 2h --from-kafka\n\n" +
		"Exits 0 when it is printed, 3 when rules have faults, or with --exit-code where alerts fire otherwise, 1 when there is no history to read."
}

// Run evaluates rules over history.
func (c *rulesBacktestCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	b := pipeline.Backtest{Dir: string(c.Dir), Base: c.Base, Kafka: c.FromKafka, Format: c.Format, Hours: c.BusinessHours, Now: time.Now(), Out: os.Stdout, Progress: os.Stderr}
	if b.From, err = timeOf(c.From, b.Now); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if c.To != "now" {
		if b.To, err = timeOf(c.To, b.Now); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	differs, err := pipeline.RunBacktest(ctx, &config, b)
	switch {
	case err != nil:
		return printFaults(err)
	case differs && c.ExitCode:
		return errFaults
	}
	return nil
}

var errTime = errors.New(`want RFC 3339 as 2026-11-25T08:00:00Z, or how long before now as 24h or 7d`)

// timeOf reads a time, or how long before now.
func timeOf(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	before := text
	if days, ok := strings.CutSuffix(strings.TrimPrefix(text, "-"), "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 16); err == nil {
			before = strconv.FormatInt(24*n, 10) + "h"
		}
	}
	ago, err := time.ParseDuration("-" + strings.TrimPrefix(before, "-"))
	if err != nil {
		return time.Time{}, fmt.Errorf("got %q: %w", text, errTime)
	}
	return now.Add(ago), nil
}
