package main

import (
	"context"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type rulesExplainCommand struct {
	configFlags
	Alert        string  `arg:"" help:"The alert: its name, its id, or name{label=value}."`
	URL          address `name:"url" help:"Address of a running weir; where the configuration has its http.addr unless given."`
	JSON         bool    `help:"Print it as JSON."`
	Contributors bool    `help:"Ask the configuration's ClickHouse which clients, partitions and versions contributed most."`
}

// Help shows examples and the exit codes.
func (rulesExplainCommand) Help() string {
	return "Asks a running weir what the newest evaluation of an alert saw.\n\n" +
		"Examples:\n\n  weir rules explain TrafficSurge --config weir.yaml\n  weir rules explain 'TrafficSurge{topic=orders}' --url http://127.0.0.1:8686\n\n" +
		"Exits 0 when it is printed, and 1 when weir cannot be asked, when no alert matches, or when several do: it lists them then."
}

// Run asks and prints.
func (c *rulesExplainCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	return pipeline.ExplainAlert(ctx, &config, pipeline.AlertQuestion{Alert: c.Alert, URL: string(c.URL), JSON: c.JSON, Contributors: c.Contributors, Out: os.Stdout})
}
