package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirmq/weir/cmd/weir/internal/demo"
)

type demoCommand struct {
	Once         bool   `help:"Play the story once, verify every number, print the outcome as JSON and exit."`
	Data         dir    `help:"Folder for all data; a second start on it continues." type:"path"`
	Rules        dir    `help:"Folder of rules; the demo's own unless given." type:"existingdir"`
	Kafka        string `help:"Address of the embedded broker; port 0 is any free one." default:"127.0.0.1:0"`
	Clickhouse   string `help:"Address of the embedded ClickHouse." default:"127.0.0.1:0"`
	Alertmanager string `help:"Address of Alertmanager." default:"127.0.0.1:0"`
	HTTP         string `help:"Address of Weir's status page." default:"127.0.0.1:0"`
}

// Help shows examples.
func (demoCommand) Help() string {
	return "Examples:\n\n  weir demo\n  weir demo --once\n  weir demo --http 127.0.0.1:8686 --data ./demo-data"
}

// errUnequal says that the story's outcome was not as it must be; the JSON line has the numbers.
var errUnequal = errors.New("the outcome is not as expected: see the last line for the numbers")

// errInterrupted says that nothing was verified.
var errInterrupted = errors.New("interrupted before the story was told and verified")

// Run plays the story.
func (c *demoCommand) Run(ctx context.Context) error {
	data := string(c.Data)
	if data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for the data: %w; give one with --data", err)
		}
		data = filepath.Join(cache, "weir", "demo")
	}
	outcome, err := demo.Run(ctx, demo.Config{Once: c.Once, DataDir: data, RulesDir: string(c.Rules), Kafka: c.Kafka,
		ClickHouse: c.Clickhouse, Alertmanager: c.Alertmanager, HTTP: c.HTTP, Out: os.Stdout})
	if err == nil && outcome == nil && c.Once {
		return errInterrupted
	}
	if err != nil || outcome == nil {
		return err
	}
	line, err := json.Marshal(outcome)
	if err != nil {
		return fmt.Errorf("encode the outcome: %w", err)
	}
	fmt.Println(string(line))
	if !outcome.OK {
		return errUnequal
	}
	return nil
}
