package main

import (
	"context"
	"errors"
	"os"

	"github.com/weirmq/weir/pipeline"
)

// controlCommands work with what clients are asked to do, and where resources are.
type controlCommands struct {
	Apply   controlApplyCommand   `cmd:"" help:"Put in force what files say."`
	List    controlListCommand    `cmd:"" help:"Show what is in force."`
	Diff    controlDiffCommand    `cmd:"" help:"Show where clients do not do what they are asked to."`
	Expire  controlExpireCommand  `cmd:"" help:"End a command now."`
	History controlHistoryCommand `cmd:"" help:"Show what was asked of clients."`
}

type controlApplyCommand struct {
	configFlags
	Path      string   `arg:"" optional:"" help:"Folder of files of commands and routes, or one file; control.dir of the configuration unless given."`
	Prune     bool     `help:"Take away what files made and no file of the folder has any more; what the role control made of its own folder only where it is that one."`
	PruneName []string `help:"Take away the command or route of that name, whoever made it." placeholder:"NAME"`
	DryRun    bool     `help:"Write nothing; say what would change, which clients and how many messages that touches, and of a pause for how long messages are kept."`
	DSN       string   `name:"dsn" help:"Address of the ClickHouse that a dry run asks; the configuration's unless given."`
	JSON      bool     `help:"Print it as JSON."`
}

// Help shows examples and the exit codes.
func (controlApplyCommand) Help() string {
	return "Writes to weir.control what differs from the files. What is kept by the API, and what somebody ended, is left as it is. The role control takes nothing of it away, unless its own folder came to have it.\n\n" +
		"Examples:\n\n  weir control apply --config weir.yaml --dry-run\n  weir control apply --config weir.yaml control.d/pause-billing.yaml\n" +
		"  weir control apply --config weir.yaml --prune\n  weir control apply --config weir.yaml --prune-name pause-billing\n\n" +
		"Exits 0 when all is in force, 3 when files have faults: nothing is written then. Exits 1 when Kafka, or for a dry run the store, cannot be asked."
}

// Run applies, and prints what was written.
func (c *controlApplyCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	return printFaults(pipeline.ApplyControl(ctx, &config, pipeline.ControlApply{Path: c.Path, Prune: c.Prune, Names: c.PruneName, DryRun: c.DryRun, DSN: c.DSN,
		JSON: c.JSON, Out: os.Stdout}))
}

type controlListCommand struct {
	configFlags
	All  bool `help:"Also commands that are over."`
	JSON bool `help:"Print it as JSON."`
}

// Help shows an example.
func (controlListCommand) Help() string {
	return "Shows the commands that are in force and the routes, as weir.control has them.\n\nExamples:\n\n  weir control list --config weir.yaml\n  weir control list --config weir.yaml --all --json"
}

// Run reads and prints.
func (c *controlListCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	return pipeline.ListControl(ctx, &config, pipeline.ControlList{All: c.All, JSON: c.JSON, Out: os.Stdout})
}

type controlExpireCommand struct {
	configFlags
	Name   string `arg:"" help:"Name of the command."`
	Author string `help:"Who ends it; the user of this terminal unless given." env:"USER"`
	Reason string `help:"Why."`
	JSON   bool   `help:"Print it as JSON."`
}

// Help shows an example and the exit codes.
func (controlExpireCommand) Help() string {
	return "Ends a command now, wherever it came from. Where a file has it, it stays ended until the file says something else.\n\n" +
		"Example:\n\n  weir control expire --config weir.yaml pause-billing --author li@example.com --reason \"ledger is migrated\"\n\n" +
		"Exits 1 when there is no such command in force, or Kafka cannot be asked."
}

// Run ends the command.
func (c *controlExpireCommand) Run(ctx context.Context) error {
	if c.Author == "" {
		return errors.New("nobody is named who ends it, and $USER, which stands for --author, is empty here: give --author NAME")
	}
	config, err := c.load()
	if err != nil {
		return err
	}
	return pipeline.ExpireControl(ctx, &config, pipeline.ControlExpire{Name: c.Name, Author: c.Author, Reason: c.Reason, JSON: c.JSON, Out: os.Stdout})
}
