package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/parts"
)

// rivalTarget compares the aggregate stage with vmagent's stream aggregation.
//
// Both get the same reports: of so many series, each with 10 reports in a window. Both
// write each window's totals of each series to the other core, and what they wrote is
// compared with what was put in. CPU time counts from when both have seen every series
// in a whole window, until the last total is written.
//
// Weir reads the reports as records of Kafka, 10 s of event time to a window, at full
// speed, and writes cells. No rule is of its series, as vmagent has none: what groups
// cost is in the targets against the poll loop. It keeps the cells of a whole minute,
// for a restart to write the same ones again, where vmagent keeps one window.
//
// vmagent gets what the reports say as samples, in remote write requests of 10,000
// samples, over one connection that stays open, at full speed within a window. Its
// windows are of wall time, so a shorter interval stands for 10 s: as many reports are
// in each and as many totals come of it. It aggregates by all labels, which costs it
// least, and it is spared what each kind of event says.
type rivalTarget struct {
	kind     eventKind
	series   int
	windows  int           // that vmagent sees; the first is not measured
	replayed int           // windows in Weir's log, which it is through in no time
	interval time.Duration // of vmagent: it must do with less than half of the CPU in it
	want     float64       // times as much CPU an event
	pace     time.Duration // set where want is of memory: Weir too gets a window at a time
}

// rulesNone is a folder with rules that no series is of.
const rulesNone = "cmd/bench/rules.none"

// reportsPerWindow of each series: one a second.
const reportsPerWindow = 10

var rivalTargets = []rivalTarget{
	{kind: kindCount, series: 10_000, windows: 4, replayed: 20, interval: 3 * time.Second, want: 3},
	{kind: kindLatency, series: 10_000, windows: 4, replayed: 20, interval: 3 * time.Second, want: 3},
	{kind: kindHistogram, series: 2_500, windows: 3, replayed: 60, interval: 5 * time.Second, want: 50},
	{kind: kindLatency, series: 50_000, windows: 3, replayed: 13, interval: 6 * time.Second, want: 8, pace: time.Second},
	{kind: kindHistogram, series: 5_000, windows: 3, replayed: 13, interval: 10 * time.Second, want: 8, pace: time.Second},
}

// rivals prints a line for each target.
func (c *allCommand) rivals(ctx context.Context) ([]finding, error) {
	vmagent, err := parts.VMAgent()
	if err != nil {
		return nil, err
	}
	var all []finding
	for i := range rivalTargets {
		t := &rivalTargets[i]
		if !strings.Contains(t.name(), c.Only) {
			continue
		}
		ratios, err := c.rival(ctx, vmagent, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name(), err)
		}
		found := median(t.name(), ratios, t.want, false)
		found.print(os.Stdout)
		all = append(all, found)
	}
	return all, nil
}

func (t *rivalTarget) name() string {
	what := "CPU time"
	if t.pace > 0 {
		what = "memory"
	}
	return fmt.Sprintf("vmagent / aggregate, %s, %s", what, t.kind)
}

// log is what Weir reads.
func (t *rivalTarget) log() target {
	return target{series: t.series, records: t.series * reportsPerWindow * t.replayed, kind: t.kind, pace: t.pace, rules: rulesNone}
}

// rival measures both in turn.
func (c *allCommand) rival(ctx context.Context, vmagent string, t *rivalTarget) ([]float64, error) {
	idle, err := c.idle(ctx)
	if err != nil {
		return nil, err
	}
	rounds := c.Rounds
	if t.pace > 0 {
		rounds = min(rounds, fewRounds)
	}
	log := &servedLog{}
	defer log.stop()
	var ratios []float64
	for round := range rounds {
		if round == 0 || t.pace > 0 { // a log that is written while it is read serves once
			log.stop()
			if log.process, log.addr, err = startLog(ctx, t.log()); err != nil {
				return nil, err
			}
		}
		weir, err := c.weir(ctx, log.addr, t)
		if err != nil {
			return nil, err
		}
		weir.IdleRSS = idle
		if round == 0 {
			if err := checkCells(ctx, log.addr, t); err != nil {
				return nil, err
			}
		}
		other, err := c.rivalChild(ctx, vmagent, t)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, t.ratio(&weir, &other))
	}
	return ratios, nil
}

// servedLog is the process that serves Weir's log, if it runs.
type servedLog struct {
	process *exec.Cmd
	addr    string
}

func (l *servedLog) stop() {
	if l.process != nil {
		_ = l.process.Process.Kill()
		_ = l.process.Wait()
	}
}

// ratio is how many times as much the other needs.
func (t *rivalTarget) ratio(weir, other *result) float64 {
	cpu := func(r *result) float64 { return float64(r.CPUNanos) / float64(r.Records) }
	bytes := func(r *result) float64 { return float64(r.MaxRSS-r.IdleRSS) * 1024 / float64(t.series) }
	fmt.Fprintf(os.Stderr, "  %s: vmagent %.0f ns, Weir %.0f ns a report; %.0f and %.0f bytes a series (%d and %d MiB, idle %d and %d)\n", t.name(),
		cpu(other), cpu(weir), bytes(other), bytes(weir), other.MaxRSS/1024, weir.MaxRSS/1024, other.IdleRSS/1024, weir.IdleRSS/1024)
	if t.pace > 0 {
		return bytes(other) / bytes(weir)
	}
	return cpu(other) / cpu(weir)
}

// weir measures the stage over the log.
func (c *allCommand) weir(ctx context.Context, addr string, t *rivalTarget) (result, error) {
	log := t.log()
	log.series *= reportsPerWindow // reports seen before CPU time counts
	return c.child(ctx, "aggregate", addr, log)
}

// idle is the memory of a stage that has read one report: what it needs to read at full
// speed counts as memory of its series.
func (c *allCommand) idle(ctx context.Context) (int64, error) {
	one, log := target{series: 1, records: 1, rules: rulesNone}, &servedLog{}
	defer log.stop()
	var err error
	if log.process, log.addr, err = startLog(ctx, one); err != nil {
		return 0, err
	}
	r, err := c.child(ctx, "aggregate", log.addr, one)
	return r.MaxRSS, err
}

// rivalAttempts bounds how often a round is repeated where others kept the machine from
// getting a window through in time.
const rivalAttempts = 4

func (c *allCommand) rivalChild(ctx context.Context, vmagent string, t *rivalTarget) (result, error) {
	var failed error
	for range rivalAttempts {
		text, err := pinned(ctx, brokerCore, "rival", vmagent, string(t.kind), strconv.Itoa(t.series), strconv.Itoa(t.windows), t.interval.String()).Output()
		if err != nil {
			return result{}, fmt.Errorf("measure vmagent: %w", err)
		}
		var said rivalResult
		if err := json.Unmarshal(text, &said); err != nil {
			return result{}, fmt.Errorf("measure vmagent: it said %q: %w", text, err)
		}
		if said.Late == "" {
			return said.result, nil
		}
		failed = fmt.Errorf("measure vmagent: %s; run this on an idle machine", said.Late)
		fmt.Fprintln(os.Stderr, "  once more:", said.Late)
	}
	return result{}, failed
}

// checkCells compares what the stage wrote with what the log holds.
func checkCells(ctx context.Context, addr string, t *rivalTarget) error {
	if text, err := pinned(ctx, brokerCore, "cells", addr, string(t.kind), strconv.Itoa(t.series), strconv.Itoa(t.replayed)).Output(); err != nil {
		return fmt.Errorf("check the cells: %w: %s", err, text)
	}
	return nil
}
