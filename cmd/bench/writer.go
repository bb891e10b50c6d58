package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// writerTarget is a ratio that the benchmark of the ClickHouse writer reports.
type writerTarget struct {
	name   string
	unit   string // as BenchmarkPairs of sink/clickhouse calls it
	want   float64
	atMost bool
}

var writerTargets = []writerTarget{
	{"row Append / ClickHouse writer, CPU time", "rows/columns", 4, false},
	{"row Append / ClickHouse writer, from records", "rows-from-records/columns-from-records", 4, false},
	{"ClickHouse writer / bare ch-go, CPU time", "columns/ch-go", 1.15, true},
}

const (
	writerPackage = "./sink/clickhouse"
	writerPairs   = "^BenchmarkPairs$"
	writerSame    = "^TestTheWaysOfTheBenchmarkEncodeTheSame$"
)

// writerTurns are the turns of one round. Not fewer: in the first, memory that is used
// again is allocated; not more: each takes some seconds.
const writerTurns = 3

// writers measures an insert by the ClickHouse writer beside one by rows and one by bare
// columns, in a process of the package's own tests: no other code may hand the writer
// columns. What the ways encode is compared by a test before every round.
func (c *allCommand) writers(ctx context.Context) ([]finding, error) {
	var targets []writerTarget
	for _, t := range writerTargets {
		if strings.Contains(t.name, c.Only) {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, fmt.Errorf("measure the writer: %w", err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "writer.test")
	if text, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, writerPackage).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("measure the writer: build %s: %w: %s", writerPackage, err, text)
	}
	ratios := map[string][]float64{}
	for range c.Rounds {
		if err := writerRound(ctx, program, ratios); err != nil {
			return nil, err
		}
	}
	var found []finding
	for _, t := range targets {
		if len(ratios[t.unit]) != c.Rounds {
			return nil, fmt.Errorf("measure the writer: %d of %d rounds said %q", len(ratios[t.unit]), c.Rounds, t.unit)
		}
		found = append(found, median(t.name, ratios[t.unit], t.want, t.atMost))
	}
	printAll(found)
	return found, nil
}

// writerRound adds the ratios of one run of the benchmark.
func writerRound(ctx context.Context, program string, ratios map[string][]float64) error {
	command := pinnedProgram(ctx, measuredCore, program, "-test.run", writerSame, "-test.bench", writerPairs,
		"-test.benchtime", strconv.Itoa(writerTurns)+"x", "-test.timeout", "0")
	out, err := command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("measure the writer: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("measure the writer: %w", err)
	}
	lines := benchfmt.NewReader(out, "sink/clickhouse")
	for lines.Scan() {
		switch record := lines.Result().(type) {
		case *benchfmt.SyntaxError:
			err = errors.Join(err, record)
		case *benchfmt.Result:
			for _, t := range writerTargets {
				if value, ok := record.Value(t.unit); ok {
					ratios[t.unit] = append(ratios[t.unit], value)
					fmt.Fprintf(os.Stderr, "  %s: %.2f\n", t.name, value)
				}
			}
		}
	}
	_, _ = io.Copy(io.Discard, out) // where the reader gave up, so that the process can end
	if err := errors.Join(err, lines.Err(), command.Wait()); err != nil {
		return fmt.Errorf("measure the writer: %w", err)
	}
	return nil
}
