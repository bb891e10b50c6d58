package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// sourceCounts are how many partitions one process reads; what most targets have comes first.
var sourceCounts = []int{partitions, 1, 64, 512}

const (
	scaleSeries  = 100_000 // a process with many sources has many series
	scaleRecords = 4_000_000
	leastScale   = 0.80 // a process is as fast with few sources as with many
	leastLinear  = 0.90 // several processes need the CPU time of one
	manyReaders  = 4
)

// sourcesScale compares the stage's throughput by CPU time over logs of one, 64 and 512
// partitions with that over 8, in pairs.
func (c *allCommand) sourcesScale(ctx context.Context) ([]finding, error) {
	if !strings.Contains(sourcesName(1)+sourcesName(64)+sourcesName(512), c.Only) {
		return nil, nil
	}
	usual := target{series: scaleSeries, records: scaleRecords, sources: sourceCounts[0]}
	base := &servedLog{}
	defer base.stop()
	var err error
	if base.process, base.addr, err = startLog(ctx, usual); err != nil {
		return nil, err
	}
	var found []finding
	for _, sources := range sourceCounts[1:] {
		other := target{series: scaleSeries, records: scaleRecords, sources: sources}
		ratios, err := c.sourcesPairs(ctx, base.addr, usual, other)
		if err != nil {
			return nil, err
		}
		found = append(found, median(sourcesName(sources), ratios, leastScale, false))
	}
	printAll(found)
	return found, nil
}

func sourcesName(sources int) string {
	return fmt.Sprintf("throughput, %d sources / %d sources", sources, sourceCounts[0])
}

func (c *allCommand) sourcesPairs(ctx context.Context, base string, usual, other target) ([]float64, error) {
	log := &servedLog{}
	defer log.stop()
	var err error
	if log.process, log.addr, err = startLog(ctx, other); err != nil {
		return nil, err
	}
	var ratios []float64
	for range min(c.Rounds, fewRounds) {
		a, err := c.child(ctx, "aggregate", base, usual)
		if err != nil {
			return nil, err
		}
		b, err := c.child(ctx, "aggregate", log.addr, other)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, a.perRecord(a.CPUNanos)/b.perRecord(b.CPUNanos))
		fmt.Fprintf(os.Stderr, "  %d sources %.0f ns, %d sources %.0f ns a record\n", usual.sources, a.perRecord(a.CPUNanos), other.sources, b.perRecord(b.CPUNanos))
	}
	return ratios, nil
}

// processesScale compares the CPU time a record that one process needs with what several
// need together that share the partitions.
func (c *allCommand) processesScale(ctx context.Context) ([]finding, error) {
	name := fmt.Sprintf("throughput by CPU time, %d processes / 1", manyReaders)
	if !strings.Contains(name, c.Only) {
		return nil, nil
	}
	t, log := target{series: scaleSeries, records: scaleRecords}, &servedLog{}
	defer log.stop()
	var err error
	if log.process, log.addr, err = startLog(ctx, t); err != nil {
		return nil, err
	}
	var ratios []float64
	for range min(c.Rounds, fewRounds) {
		alone, err := c.together(ctx, log.addr, t, 1)
		if err != nil {
			return nil, err
		}
		shared, err := c.together(ctx, log.addr, t, manyReaders)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, alone/shared)
		fmt.Fprintf(os.Stderr, "  1 process %.0f ns, %d processes %.0f ns a record\n", alone, manyReaders, shared)
	}
	found := []finding{median(name, ratios, leastLinear, false)}
	printAll(found)
	return found, nil
}

// together lets so many processes share the partitions of a log, and returns their CPU
// time a record. Until all are in the group the first has partitions of the others, whose
// series it meets for nothing: CPU time counts from when each has its own part, and has
// seen each series of it.
func (c *allCommand) together(ctx context.Context, addr string, t target, processes int) (nanosPerRecord float64, err error) {
	if err := forget(ctx, addr); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read, readers := make(chan progress), make([]*exec.Cmd, processes)
	share := t
	share.series /= processes // of which each is seen before CPU time counts
	for i := range readers {
		command := c.reader(ctx, "aggregate", addr, share, "--member", strconv.Itoa(t.partitions()/processes))
		out, err := command.StdoutPipe()
		if err != nil {
			return 0, fmt.Errorf("start a reader: %w", err)
		}
		if err := command.Start(); err != nil {
			return 0, fmt.Errorf("start a reader: %w", err)
		}
		readers[i] = command
		go follow(ctx, i, out, read)
	}
	return collect(readers, read, t.records)
}

// progress is what one reader said, or that it has ended.
type progress struct {
	reader int
	said   result
	err    error
}

// follow passes on what a reader says until it ends.
func follow(ctx context.Context, reader int, out io.Reader, to chan<- progress) {
	lines := bufio.NewScanner(out)
	for more := true; more; {
		p := progress{reader: reader, err: io.EOF}
		if more = lines.Scan(); more {
			p.err = json.Unmarshal(lines.Bytes(), &p.said)
		}
		select {
		case to <- p:
		case <-ctx.Done():
			return
		}
	}
}

// collect stops the readers when all records were read and what came of them is written,
// and adds up their CPU time. It does not wait for quiet: idle processes need CPU time
// too, and several need that of several.
func collect(readers []*exec.Cmd, read <-chan progress, records int) (nanosPerRecord float64, err error) {
	furthest, last, told := map[int32]int64{}, make([]result, len(readers)), false
	for running := len(readers); running > 0; {
		p := <-read
		if p.err != nil && p.err != io.EOF {
			return 0, fmt.Errorf("measure a reader: %w", p.err)
		}
		if p.err == io.EOF {
			running--
			if err := readers[p.reader].Wait(); err != nil {
				return 0, fmt.Errorf("measure a reader: %w", err)
			}
			continue
		}
		last[p.reader] = p.said
		for partition, next := range p.said.Offsets {
			furthest[partition] = max(furthest[partition], next)
		}
		if !told && sum(furthest) >= int64(records) {
			told = true
			if err := terminate(readers); err != nil {
				return 0, err
			}
		}
	}
	var all result
	for _, r := range last {
		all.Records, all.CPUNanos = all.Records+r.Records, all.CPUNanos+r.CPUNanos
	}
	return all.perRecord(all.CPUNanos), nil
}

func sum(offsets map[int32]int64) (total int64) {
	for _, offset := range offsets {
		total += offset
	}
	return total
}

// terminate asks the readers to end; some may have.
func terminate(readers []*exec.Cmd) error {
	for _, command := range readers {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop a reader: %w", err)
		}
	}
	return nil
}
