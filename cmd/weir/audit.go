package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type auditCommand struct {
	configFlags
	From    date          `help:"The first day, in UTC, as 2026-11-25; today unless given."`
	To      date          `help:"The last day; the first unless given."`
	Settles time.Duration `default:"2m" help:"Leave out what came, or was written, later than so long ago."`
	All     bool          `help:"Name every segment and step that differs, up to 100000 of each table and day, and not the first 100."`
	JSON    bool          `name:"json" help:"Print an object a line, for each table and day, with all of them as --all."`
}

// Help shows examples and the exit codes.
func (auditCommand) Help() string {
	return "Holds the ledger against the offsets of weir.telemetry, minute by minute, the cells against the ledger, and the rollups against what they " +
		"are made of. A running Weir does it every ten minutes, of the last two hours: weir_store_short_reports says what it found.\n\n" +
		"Examples:\n\n  weir audit --config weir.yaml\n  weir audit --config weir.yaml --from 2026-11-24 --to 2026-11-25 --json\n\n" +
		"Exits 0 when all is there, 3 where a table is short or holds too much, 1 when Kafka or the store cannot be asked."
}

// Run audits days.
func (c *auditCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	a := pipeline.Audit{Now: time.Now(), Settles: c.Settles, All: c.All, JSON: c.JSON, Out: os.Stdout, Progress: os.Stderr}
	a.From = a.Now.UTC().Truncate(24 * time.Hour)
	if c.From != "" {
		if a.From, err = time.Parse(time.DateOnly, string(c.From)); err != nil {
			return fmt.Errorf("--from: got %q: want a day as 2026-11-25", c.From)
		}
	}
	if a.To = a.From; c.To != "" {
		if a.To, err = time.Parse(time.DateOnly, string(c.To)); err != nil {
			return fmt.Errorf("--to: got %q: want a day as 2026-11-25", c.To)
		}
	}
	if a.To.Before(a.From) {
		return fmt.Errorf("--to: got %s: want a day from %s on", a.To.Format(time.DateOnly), a.From.Format(time.DateOnly))
	}
	differs, err := pipeline.RunAudit(ctx, &config, a)
	switch {
	case err != nil:
		return err
	case differs:
		return errFaults
	}
	return nil
}
