package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type storeBackfillCommand struct {
	configFlags
	From      string `required:"" placeholder:"24h" help:"Begin of the time, as 2026-11-25T08:00:00Z, or 24h or 7d for so long before now."`
	To        string `default:"now" help:"End of the time. Whole hours that overlap it are looked at."`
	FromKafka bool   `help:"Insert the cells again that weir.cells holds of the time, three days as created, before that."`
	DryRun    bool   `help:"Change nothing, and say what would be done."`
	JSON      bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (storeBackfillCommand) Help() string {
	return "Compares rollup_1m, topic_1m, rollup_1h and group_1m with what they are made of, and makes steps again that lack something. " +
		"It changes nothing where all is right, may run beside weir run and as often as you like, and never makes less of a row whose cells have expired.\n\n" +
		"Examples:\n\n  weir store backfill --config weir.yaml --from 7d --dry-run\n  weir store backfill --config weir.yaml --from 2026-11-25T08:00:00Z --to 2026-11-25T12:00:00Z\n" +
		"  weir store backfill --config weir.yaml --from 24h --from-kafka --json"
}

// Run fills in.
func (c *storeBackfillCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	fill := pipeline.StoreFill{Kafka: c.FromKafka, DryRun: c.DryRun, JSON: c.JSON, Out: os.Stdout, Progress: os.Stderr}
	now := time.Now()
	if fill.From, err = timeOf(c.From, now); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if fill.To = now; c.To != "now" {
		if fill.To, err = timeOf(c.To, now); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return pipeline.FillStore(ctx, &config, fill)
}
