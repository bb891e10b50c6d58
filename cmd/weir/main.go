// Command weir runs the stages of Weir, its embedded parts and its demo.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/weirmq/weir/pipeline"
)

// commands is the command line; each command's Run is in a file of its name.
type commands struct {
	Run        runCommand        `cmd:"" help:"Run stages of the pipeline."`
	Collect    collectCommand    `cmd:"" help:"Ask a cluster's brokers once and print what a collector reports."`
	Health     healthCommand     `cmd:"" help:"Say how clusters are, and what is wrong with them."`
	Find       findCommand       `cmd:"" help:"Show what became of one message."`
	Demo       demoCommand       `cmd:"" help:"Run everything on this machine and play a story with real clients."`
	Rules      rulesCommands     `cmd:"" help:"Work with rule files."`
	Config     configCommands    `cmd:"" help:"Work with the configuration."`
	Audit      auditCommand      `cmd:"" help:"Say whether the store holds all that Kafka does."`
	Topics     topicsCommands    `cmd:"" help:"Work with Weir's Kafka topics."`
	Control    controlCommands   `cmd:"" help:"Pause, limit and route clients."`
	Broker     brokerCommand     `cmd:"" help:"Run the embedded Kafka-protocol broker."`
	Store      storeCommands     `cmd:"" help:"Work with the tables in ClickHouse."`
	Clickhouse clickhouseCommand `cmd:"" help:"Run the embedded ClickHouse engine behind ClickHouse's HTTP interface."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// What flags take: help names a flag's value by its type.
type (
	dir      string
	file     string
	address  string
	revision string // of git
	date     string // as 2026-11-25
	regex    string
)

// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 found faults in what it checked.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFaults = 3
)

// errFaults ends a check that has printed the faults it found.
var errFaults = errors.New("faults found")

// printFaults prints an error that is faults of rules, and returns errFaults in its place. Others it returns as they are.
func printFaults(err error) error {
	if !pipeline.IsRuleFaults(err) {
		return err
	}
	fmt.Fprintln(os.Stderr, "weir:", err)
	return errFaults
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends what does not end in order
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	var cli commands
	parser, err := kong.New(&cli, kong.Name("weir"), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Description("Weir measures message queues: telemetry in, exact totals and alerts out.\n\n"+
			"Example:\n\n  weir demo --once"),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		printUsage(os.Stderr, err)
		return exitUsage
	}
	switch err := command.Run(); {
	case errors.Is(err, errFaults):
		return exitFaults
	case err != nil:
		fmt.Fprintln(os.Stderr, "weir:", err)
		return exitFailed
	}
	return 0
}
