package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type rulesCommands struct {
	Check    rulesCheckCommand    `cmd:"" help:"Check rule files."`
	Fmt      rulesFmtCommand      `cmd:"" help:"Format rule files."`
	Test     rulesTestCommand     `cmd:"" help:"Play the tests of rules."`
	Backtest rulesBacktestCommand `cmd:"" help:"Evaluate rules over what ClickHouse holds, and compare."`
	Inspect  rulesInspectCommand  `cmd:"" help:"Ask inspections of a day that ClickHouse holds."`
	Explain  rulesExplainCommand  `cmd:"" help:"Say what the evaluation of an alert saw."`
	Capture  rulesCaptureCommand  `cmd:"" help:"Make a test of an alert."`
}

type rulesCheckCommand struct {
	configFlags
	Dir     []string      `arg:"" optional:"" default:"rules.d" help:"Folders of rule files, or single ones, which are checked with the policy.yaml beside them (${default})."`
	Format  string        `enum:"text,json,sarif,checkstyle,github" default:"text" help:"How to print what was found: ${enum}. JSON has one line for each folder."`
	JSON    bool          `help:"The same as --format json."`
	Strict  bool          `help:"Exit with 3 for warnings too."`
	Pane    time.Duration `help:"The telemetry.pane of the Weir that shall run the rules; the configuration's unless given."`
	Base    revision      `help:"Say only what is wrong with rules that git does not have at that revision."`
	Against address       `help:"Say which rules match nothing, or have many groups, of what the ClickHouse at that address holds; with --config that of the configuration."`
	Since   string        `default:"24h" help:"How far back the store is asked, as 24h or 7d."`
	Table   bool          `short:"v" name:"verbose" help:"Show for each rule by what it groups, how far it looks back, what it reads and whether it fires early."`
}

// Help shows an example and the exit codes.
func (rulesCheckCommand) Help() string {
	return "Example:\n\n  weir rules check rules.d\n  weir rules check --config weir.yaml -v\n\nExits 0 when all is right or there are warnings only, 3 when faults were found, or with --strict warnings, " +
		"1 when a folder cannot be read or a store not be asked.\n\nA comment in a rule file switches a check off: # weir:ignore missing-runbook: the reason"
}

// Run checks every folder and prints what was found.
func (c *rulesCheckCommand) Run(ctx context.Context) error {
	check := pipeline.RulesCheck{Dirs: c.Dir, Format: c.Format, Pane: c.Pane, Strict: c.Strict, Base: string(c.Base), Table: c.Table, Against: string(c.Against),
		Now: time.Now(), Out: os.Stdout, Err: os.Stderr}
	if err := c.configure(&check); err != nil {
		return err
	}
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

// configure takes from the configuration, if one is given, what flags do not say.
func (c *rulesCheckCommand) configure(check *pipeline.RulesCheck) (err error) {
	if check.From, err = timeOf(c.Since, check.Now); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	config := pipeline.DefaultConfig()
	if c.Config != "" {
		if config, err = c.load(); err != nil {
			return err
		}
		check.Config = &config
	}
	check.Pane = cmp.Or(check.Pane, config.Telemetry.Pane)
	return nil
}
