// Command bench measures Weir against its floor: what merely reading the topic costs.
//
// A broker with the log runs on one core. On the other, processes run in turn, A B A
// B, each reading the same records: the bare poll loop, and the aggregate stage. What
// counts is CPU time by getrusage, and the ratio of each pair; the median of them is
// the result. Where vmagent is there, the stage is measured against its stream
// aggregation of the same values likewise. What the ClickHouse writer needs beside
// others, and what rules do, are benchmarks of their packages, which run as children.
// How long a report takes to Alertmanager is taken by the clock, beside Prometheus.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	All            allCommand            `cmd:"" default:"withargs" help:"Run all measurements and print a line for each target."`
	Broker         brokerCommand         `cmd:"" hidden:"" help:"Serve the log."`
	Poll           pollCommand           `cmd:"" hidden:"" help:"Read the log and do nothing."`
	Aggregate      aggregateCommand      `cmd:"" hidden:"" help:"Run the aggregate stage over the log."`
	Cells          cellsCommand          `cmd:"" hidden:"" help:"Compare what the stage wrote with what the log holds."`
	Rival          rivalCommand          `cmd:"" hidden:"" help:"Feed the log to the rival and take its CPU time."`
	Run            runCommand            `cmd:"" hidden:"" help:"Run the stages of weir without storage."`
	Engine         engineCommand         `cmd:"" hidden:"" help:"Serve a ClickHouse engine."`
	Storing        storingCommand        `cmd:"" hidden:"" help:"Run the stage clickhouse."`
	Outage         outageCommand         `cmd:"" help:"Take a real ClickHouse away from a weir that stores, and print how it lives with that and how it catches up."`
	Large          largeCommand          `cmd:"" help:"Poll a real broker with many topics and consumer groups, and print what it costs."`
	Overhead       overheadCommand       `cmd:"" help:"Measure what the SDK costs a client of Kafka and one of RocketMQ, each beside a real broker."`
	OverheadSide   overheadSide          `cmd:"" hidden:"" name:"overhead-side" help:"Send or consume in one way, and take the CPU time."`
	OverheadGround overheadGroundCommand `cmd:"" hidden:"" name:"overhead-ground" help:"Serve a real broker, and one for reports."`
	Effect         effectCommand         `cmd:"" help:"Measure how long a command takes from a push to git until each of many clients has done as it says."`
	Store          storeCommand          `cmd:"" help:"Fill a store with a day of a fleet at 10 s and a week before, and measure what people ask of it."`
	Backtest       backtestCommand       `cmd:"" hidden:"" help:"Run a backtest and take its CPU time."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	command := kong.Parse(&cli, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("Measures Weir by CPU time in pairs.\n\nExample: bench --rounds 7"))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
