package main

import (
	"context"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type rulesCaptureCommand struct {
	configFlags
	Alert string  `arg:"" help:"The alert: its name, its id, or name{label=value}."`
	URL   address `name:"url" help:"Address of a running weir; where the configuration has its http.addr unless given."`
}

// Help shows an example and the exit codes.
func (rulesCaptureCommand) Help() string {
	return "Writes a test that shows an alert again: its rule, what the configuration's ClickHouse has of its group, and what it did.\n\n" +
		"Example:\n\n  weir rules capture TrafficSurge{topic=orders} --config weir.yaml\n\n" +
		"The test goes to standard output: keep it in a file such as incident_test.txt, and play it with weir rules test.\n\n" +
		"Exits 0 when the test shows the alert as it was, and 1 when it cannot be made or does not: what differs is said then."
}

// Run asks and writes.
func (c *rulesCaptureCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	return pipeline.CaptureAlert(ctx, &config, pipeline.CaptureQuestion{Alert: c.Alert, URL: string(c.URL), Out: os.Stdout})
}
