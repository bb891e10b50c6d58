package main

import (
	"context"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type rulesCommands struct {
	Check    rulesCheckCommand    `cmd:"" help:"Check rule files."`
	Fmt      rulesFmtCommand      `cmd:"" help:"Format rule files."`
	Test     rulesTestCommand     `cmd:"" help:"Play the tests of rules."`
	Backtest rulesBacktestCommand `cmd:"" help:"Evaluate rules over what ClickHouse holds, and compare."`
	Explain  rulesExplainCommand  `cmd:"" help:"Say what the evaluation of an alert saw."`
	Capture  rulesCaptureCommand  `cmd:"" help:"Make a test of an alert."`
}

type rulesCheckCommand struct {
	Dir    []string      `arg:"" optional:"" default:"rules.d" help:"Folders of rule files (${default})."`
	Format string        `enum:"text,json,sarif,checkstyle,github" default:"text" help:"How to print what was found: ${enum}. JSON has one line for each folder."`
	JSON   bool          `help:"The same as --format json."`
	Strict bool          `help:"Exit with 3 for warnings too."`
	Pane   time.Duration `default:"10s" help:"The telemetry.pane of the Weir that shall run the rules."`
	Base   string        `placeholder:"REVISION" help:"Say only what is wrong with rules that git does not have at that revision."`
	Table  bool          `short:"v" name:"verbose" help:"Show for each rule by what it groups, how far it looks back, what it reads and whether it fires early."`
}

// Help shows an example and the exit codes.
func (rulesCheckCommand) Help() string {
	return "Example:\n\n  weir rules check rules.d\n\nExits 0 when all is right or there are warnings only, 3 when faults were found, or with --strict warnings, " +
		"1 when a folder cannot be read.\n\nA comment in a rule file switches a check off: # weir:ignore missing-runbook: the reason"
}

// Run checks every folder and prints what was found.
func (c *rulesCheckCommand) Run(ctx context.Context) error {
	check := pipeline.RulesCheck{Dirs: c.Dir, Format: c.Format, Pane: c.Pane, Strict: c.Strict, Base: c.Base, Table: c.Table, Out: os.Stdout, Err: os.Stderr}
	if c.JSON {
		check.Format = "json"
	}
	faulty, err := pipeline.CheckRules(ctx, check)
	switch {
	case err != nil:
		return err
	case faulty:
		return errFaults
	}
	return nil
}
