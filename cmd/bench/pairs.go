package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

// allCommand runs every measurement.
type allCommand struct {
	Rounds int `help:"Pairs for each target." default:"7"`
}

// Cores: the log is served on one, what is measured runs on the other.
const (
	brokerCore   = "0"
	measuredCore = "1"
	partitions   = 8
)

// target is a ratio of the poll loop's CPU time to the stage's that should hold.
type target struct {
	series  int
	records int // one a second of each series: not fewer than fill a pane
	want    float64
}

var aggregateTargets = []target{{10_000, 4_000_000, 0.50}, {100_000, 4_000_000, 0.40}, {1_000_000, 12_000_000, 0.30}}

// Run prints a line for each target.
func (c *allCommand) Run(ctx context.Context) error {
	fmt.Printf("%-28s %8s %8s %8s %8s  %s\n", "name", "ratio", "min", "max", "target", "holds")
	for _, t := range aggregateTargets {
		if err := c.aggregate(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *allCommand) aggregate(ctx context.Context, t target) error {
	log, addr, err := startLog(ctx, t)
	if err != nil {
		return err
	}
	defer func() { _ = log.Process.Kill(); _ = log.Wait() }()
	var ratios []float64
	for range c.Rounds {
		poll, err := c.child(ctx, "poll", addr, t)
		if err != nil {
			return err
		}
		stage, err := c.child(ctx, "aggregate", addr, t)
		if err != nil {
			return err
		}
		ratios = append(ratios, float64(poll.CPUNanos)/float64(stage.CPUNanos))
		fmt.Fprintf(os.Stderr, "  %d series: poll %d ns, aggregate %d ns a record, %d MiB\n", t.series, poll.CPUNanos/int64(poll.Records),
			stage.CPUNanos/int64(stage.Records), stage.MaxRSS/1024)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	holds := "no"
	if median >= t.want {
		holds = "yes"
	}
	fmt.Printf("%-28s %8.2f %8.2f %8.2f %8.2f  %s\n", fmt.Sprintf("aggregate/%d series", t.series), median, ratios[0], ratios[len(ratios)-1], t.want, holds)
	return nil
}

// startLog starts the broker's process and waits until its log is written.
func startLog(ctx context.Context, t target) (*exec.Cmd, string, error) {
	command := pinned(ctx, brokerCore, "broker", strconv.Itoa(t.series), strconv.Itoa(t.records), strconv.Itoa(partitions))
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

func (c *allCommand) child(ctx context.Context, mode, addr string, t target) (result, error) {
	var out result
	text, err := pinned(ctx, measuredCore, mode, addr, strconv.Itoa(t.records), strconv.Itoa(partitions), strconv.Itoa(t.series)).Output()
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
	command := exec.CommandContext(ctx, "taskset", append([]string{"-c", core, os.Args[0]}, args...)...)
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	command.Stderr = os.Stderr
	return command
}
