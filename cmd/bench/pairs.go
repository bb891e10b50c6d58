package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// allCommand runs every measurement.
type allCommand struct {
	Rounds int    `help:"Pairs for each target." default:"7"`
	Page   string `help:"Write the findings to this page, where all was measured." default:"docs/benchmarks.md"`
	Rivals bool   `help:"Compare with vmagent and Prometheus too, which deploy/parts/fetch.sh brings." default:"true" negatable:""`
	Only   string `help:"Only targets whose name contains this."`
}

// Cores: the log is served on one, what is measured runs on the other.
const (
	brokerCore   = "0"
	measuredCore = "1"
	partitions   = 8
)

// fewRounds are enough for what differs little, or takes a minute each.
const fewRounds = 3

// target is a ratio of the poll loop's CPU time to the stage's that should hold.
type target struct {
	series   int
	records  int // one a second of each series: not fewer than fill a pane
	want     float64
	verified bool          // what was written is read back; all of it is in memory then
	kind     eventKind     // empty for histograms
	rules    string        // folder, empty for the three groupings
	pace     time.Duration // 0 to write the log first
	sources  int           // partitions, 0 for as many as most targets have
}

var aggregateTargets = []target{{series: 10_000, records: 4_000_000, want: 0.50, verified: true},
	{series: 100_000, records: 4_000_000, want: 0.40}, {series: 1_000_000, records: 12_000_000, want: 0.30}}

func (t *target) partitions() int { return cmp.Or(t.sources, partitions) }

func (t *target) name() string { return fmt.Sprintf("aggregate, %d series", t.series) }

// Run prints a line for each target and writes the page.
func (c *allCommand) Run(ctx context.Context) error {
	printHeader(os.Stdout)
	var all []finding
	for _, t := range aggregateTargets {
		if !strings.Contains(t.name(), c.Only) {
			continue
		}
		found, err := c.aggregate(ctx, t)
		if err != nil {
			return err
		}
		for _, f := range found {
			f.print(os.Stdout)
		}
		all = append(all, found...)
	}
	for _, measure := range []func(context.Context) ([]finding, error){c.catchUps, c.sourcesScale, c.processesScale, c.packages, c.latency, c.history, c.overhead, c.effect} {
		found, err := measure(ctx)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	if c.Rivals {
		found, err := c.rivals(ctx)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	if c.Only != "" || !c.Rivals {
		return nil
	}
	return writePage(c.Page, all, c.Rounds)
}

// aggregate measures the stage at one number of series.
func (c *allCommand) aggregate(ctx context.Context, t target) ([]finding, error) {
	log, addr, err := startLog(ctx, t)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Process.Kill(); _ = log.Wait() }()
	var out *written
	var ratios, allocations, collecting []float64
	for round := range c.Rounds {
		poll, err := c.child(ctx, "poll", addr, t)
		if err != nil {
			return nil, err
		}
		stage, err := c.child(ctx, "aggregate", addr, t)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, poll.perRecord(poll.CPUNanos)/stage.perRecord(stage.CPUNanos))
		allocations = append(allocations, stage.perRecord(int64(stage.Mallocs))-poll.perRecord(int64(poll.Mallocs)))
		collecting = append(collecting, float64(stage.GCNanos)/float64(stage.CPUNanos))
		fmt.Fprintf(os.Stderr, "  %d series: poll %.0f ns, aggregate %.0f ns a record, %d MiB\n", t.series, poll.perRecord(poll.CPUNanos),
			stage.perRecord(stage.CPUNanos), stage.MaxRSS/1024)
		if round == 0 && t.verified {
			if out, err = verify(ctx, addr, newReports(t.series, kindHistogram), t.records); err != nil {
				return nil, err
			}
		}
	}
	found := []finding{median(t.name(), ratios, t.want, false)}
	if out == nil {
		return found, nil
	}
	perCell, perPartial := float64(out.cellBytes)/float64(out.cells), float64(out.partBytes)/float64(out.partials)
	return append(found, median("allocations a record above the poll loop's", allocations, mostAllocations, true),
		median("garbage collection, share of CPU", collecting, mostCollecting, true),
		median("bytes a cell", []float64{perCell}, mostCellBytes, true), median("bytes a group partial", []float64{perPartial}, mostPartialBytes, true)), nil
}

// Bounds from above. Allocations of a flush are shared by its reports: less than one in a hundred reports is none.
const (
	mostAllocations  = 0.01
	mostCollecting   = 0.02
	mostCellBytes    = 60
	mostPartialBytes = 30
)

// startLog starts the broker's process and waits until its log is written.
func startLog(ctx context.Context, t target) (*exec.Cmd, string, error) {
	kind := cmp.Or(t.kind, kindHistogram)
	command := pinned(ctx, brokerCore, "broker", strconv.Itoa(t.series), strconv.Itoa(t.records), strconv.Itoa(t.partitions()), string(kind), "--pace", t.pace.String())
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start the log: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, "", fmt.Errorf("start the log: %w", err)
	}
	began := time.Now()
	var said result
	lines := bufio.NewScanner(out)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &said) != nil {
		return nil, "", fmt.Errorf("start the log: it said %q", lines.Text())
	}
	fmt.Fprintf(os.Stderr, "  wrote %d reports of %d series in %s\n", t.records, t.series, time.Since(began).Round(time.Second))
	return command, said.Addr, nil
}

// reader is a process that reads the log.
func (c *allCommand) reader(ctx context.Context, mode, addr string, t target, flags ...string) *exec.Cmd {
	return pinned(ctx, measuredCore, append([]string{mode, addr, strconv.Itoa(t.records), strconv.Itoa(t.partitions()), strconv.Itoa(t.series),
		"--rules", cmp.Or(t.rules, "cmd/bench/rules.d")}, flags...)...)
}

// child is what a reader says when it is through.
func (c *allCommand) child(ctx context.Context, mode, addr string, t target, flags ...string) (result, error) {
	var out result
	text, err := c.reader(ctx, mode, addr, t, flags...).Output()
	if err != nil {
		return out, fmt.Errorf("measure %s: %w", mode, err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("measure %s: it said %q: %w", mode, text, err)
	}
	return out, nil
}

// pinned is this program in another mode, on one core and with one processor.
func pinned(ctx context.Context, core string, args ...string) *exec.Cmd {
	return pinnedProgram(ctx, core, os.Args[0], args...)
}

func pinnedProgram(ctx context.Context, core, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "taskset", append([]string{"-c", core, program}, args...)...)
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	command.Stderr = os.Stderr
	return command
}
