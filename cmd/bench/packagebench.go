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

// packageBench is a benchmark of a package, which runs as a child: a process of the package's
// own tests. A test holds, before every round, that what is compared finds the same.
type packageBench struct {
	what    string // is measured
	folder  string
	bench   string
	same    string // test
	turns   int    // of one round
	targets []unitTarget
}

// unitTarget is what a benchmark reports in a unit of its own.
type unitTarget struct {
	name   string
	unit   string
	want   float64 // 0 where it is told only
	atMost bool
}

// writerTurns are the turns of one round. Not fewer: in the first, memory that is used
// again is allocated; not more: each takes some seconds.
const writerTurns = 3

// packageBenches measure what no other code may call: an insert by the ClickHouse writer beside one
// by rows and one by bare columns, and rules over the columns of many groups.
var packageBenches = []packageBench{
	{"the writer", "./sink/clickhouse", "^BenchmarkPairs$", "^TestTheWaysOfTheBenchmarkEncodeTheSame$", writerTurns, []unitTarget{
		{"row Append / ClickHouse writer, CPU time", "rows/columns", 4, false},
		{"row Append / ClickHouse writer, from records", "rows-from-records/columns-from-records", 4, false},
		{"ClickHouse writer / bare ch-go, CPU time", "columns/ch-go", 1.15, true},
	}},
	{"rules", "./rules", "^BenchmarkRules$", "^TestBatchFindsWhatOneByOneIsFound$", 1, []unitTarget{
		{"rules: 1,000 rules x 10,000 groups, ms", "ms-conditions", 100, true},
		{"rules: expr.Run / conditions, CPU time", "expr/conditions", 20, false},
		{"rules: a whole step, ms", "ms-step", 0, true},
	}},
}

// packages measures the packages' benchmarks.
func (c *allCommand) packages(ctx context.Context) ([]finding, error) {
	var all []finding
	for _, b := range packageBenches {
		found, err := b.measure(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", b.what, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (b *packageBench) measure(ctx context.Context, c *allCommand) ([]finding, error) {
	var targets []unitTarget
	for _, t := range b.targets {
		if strings.Contains(t.name, c.Only) {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "package.test")
	if text, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, b.folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", b.folder, err, text)
	}
	said := map[string][]float64{}
	for range c.Rounds {
		if err := b.round(ctx, program, said); err != nil {
			return nil, err
		}
	}
	var found []finding
	for _, t := range targets {
		if len(said[t.unit]) != c.Rounds {
			return nil, fmt.Errorf("%d of %d rounds said %q", len(said[t.unit]), c.Rounds, t.unit)
		}
		found = append(found, median(t.name, said[t.unit], t.want, t.atMost))
	}
	printAll(found)
	return found, nil
}

// round adds what one run of the benchmark says.
func (b *packageBench) round(ctx context.Context, program string, said map[string][]float64) error {
	command := pinnedProgram(ctx, measuredCore, program, "-test.run", b.same, "-test.bench", b.bench,
		"-test.benchtime", strconv.Itoa(b.turns)+"x", "-test.timeout", "0")
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	lines := benchfmt.NewReader(out, b.folder)
	for lines.Scan() {
		switch record := lines.Result().(type) {
		case *benchfmt.SyntaxError:
			err = errors.Join(err, record)
		case *benchfmt.Result:
			for _, t := range b.targets {
				if value, ok := record.Value(t.unit); ok {
					said[t.unit] = append(said[t.unit], value)
					fmt.Fprintf(os.Stderr, "  %s: %.2f\n", t.name, value)
				}
			}
		}
	}
	_, _ = io.Copy(io.Discard, out) // where the reader gave up, so that the process can end
	return errors.Join(err, lines.Err(), command.Wait())
}
