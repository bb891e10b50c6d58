package main

import (
	"context"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type rulesFmtCommand struct {
	Dir   []string `arg:"" optional:"" default:"rules.d" help:"Folders of rule files (${default})."`
	Check bool     `help:"Say which files are not formatted, and write nothing."`
	Diff  bool     `help:"Show what would change, and write nothing."`
}

// Help shows an example and the exit codes.
func (rulesFmtCommand) Help() string {
	return "Example:\n\n  weir rules fmt --check --diff rules.d\n\nExits 0 when all is formatted, 3 when with --check or --diff some file is not, or when a file cannot be formatted, " +
		"1 when a folder cannot be read or a file not be written."
}

// Run formats the files of every folder.
func (c *rulesFmtCommand) Run(ctx context.Context) error {
	faulty, err := pipeline.FormatRules(ctx, pipeline.RulesFormat{Dirs: c.Dir, Check: c.Check, Diff: c.Diff, Out: os.Stdout, Err: os.Stderr})
	switch {
	case err != nil:
		return err
	case faulty:
		return errFaults
	}
	return nil
}
