package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type rulesInspectCommand struct {
	configFlags
	Dir    dir    `arg:"" optional:"" help:"Folder of rule files; the configuration's unless given." type:"path"`
	Day    date   `help:"The day, in UTC, as 2026-11-25; yesterday unless given."`
	Format string `enum:"text,json,markdown" default:"text" help:"How to print: ${enum}."`
	Write  bool   `help:"Replace the day's rows of the table inspections by what is found."`
}

// Help shows examples and the exit codes.
func (rulesInspectCommand) Help() string {
	return "Asks the rules of groups with lane: inspection of a day that ClickHouse holds. A running Weir does it once a day, keeps what " +
		"is found in the table inspections, and tells Alertmanager. This tells nobody.\n\n" +
		"Examples:\n\n  weir rules inspect --config weir.yaml\n  weir rules inspect rules.d --config weir.yaml --day 2026-11-25 --format markdown\n\n" +
		"Exits 0 also where something is found, 3 when rules have faults or one could not be asked of all groups, 1 when the store cannot be asked or has nothing of the day."
}

// Run inspects one day.
func (c *rulesInspectCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	of := pipeline.Inspect{Dir: string(c.Dir), Format: c.Format, Keep: c.Write, Now: time.Now(), Out: os.Stdout}
	if c.Day != "" {
		if of.Day, err = time.Parse(time.DateOnly, string(c.Day)); err != nil {
			return fmt.Errorf("--day: got %q: want a day as 2026-11-25", c.Day)
		}
	}
	failed, err := pipeline.RunInspect(ctx, &config, of)
	switch {
	case err != nil:
		return printFaults(err)
	case failed:
		return errFaults
	}
	return nil
}
