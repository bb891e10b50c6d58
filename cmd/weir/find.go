package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type findCommand struct {
	configFlags
	ID   string  `arg:"" help:"A trace id or traceparent, a message of Kafka as orders/3/1041 or orders-3-1041, or a msgId of RocketMQ."`
	DSN  string  `name:"dsn" help:"Address of ClickHouse; that of the configuration unless given."`
	URL  address `name:"url" help:"Address of a running weir to ask, in place of ClickHouse."`
	From string  `help:"Begin of the time, as 2026-11-25T08:00:00Z, or 24h or 7d for so long before now; all that is stored unless given."`
	To   string  `help:"End of the time, likewise."`
	JSON bool    `help:"Print it as JSON."`
}

// Help shows examples and the exit codes.
func (findCommand) Help() string {
	return "Shows what became of one message: each step that clients have told of, by time.\n\n" +
		"Examples:\n\n  weir find orders/3/1041 --config weir.yaml\n  weir find 4bf92f3577b34da6a3ce929d0e0e4736 --url http://127.0.0.1:8686 --from 2h\n\n" +
		"Exits 0 when something is found, 3 when nothing is: it says what was searched then. Exits 1 when nobody can be asked, or the id is none."
}

// Run asks and prints.
func (c *findCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	q := pipeline.FindQuestion{ID: c.ID, URL: string(c.URL), DSN: c.DSN, JSON: c.JSON, Out: os.Stdout}
	now := time.Now()
	for _, flag := range []struct {
		name, text string
		at         *time.Time
	}{{"--from", c.From, &q.From}, {"--to", c.To, &q.To}} {
		if flag.text == "" {
			continue
		}
		if *flag.at, err = timeOf(flag.text, now); err != nil {
			return fmt.Errorf("read %s: %w", flag.name, err)
		}
	}
	found, err := pipeline.FindMessage(ctx, &config, q)
	if err == nil && !found {
		return errFaults
	}
	return err
}
