package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// overheadCommand measures what the SDK costs the process of an application, by CPU time of a message, beside the library alone.
type overheadCommand struct {
	Rounds   int     `help:"Processes, one after the other, in each of which all ways take turns." default:"4"`
	Turns    int     `help:"Turns of each way in a process; 0: the usual number, which is another one for each measurement."`
	Share    float64 `help:"Messages of a turn, as a share of the usual number." default:"1"`
	Only     string  `help:"Only measurements whose name contains this."`
	JSON     bool    `help:"Print JSON, and nothing else." name:"json"`
	Profiles string  `help:"Write a CPU profile of the last process of each measurement to this folder." type:"path"`
	Ways     string  `help:"Beside the library alone, only the way of this name, so that a profile has no other."`
}

// overheadBytes are those of a message's body.
const overheadBytes = 1024

// Ways to send and consume.
const (
	wayBare     = "bare"     // the library alone
	wayEmpty    = "empty"    // it, with hooks that do nothing: what it costs to be asked
	wayMeasured = "measured" // it, measured by the SDK
	wayUnified  = "unified"  // package weir, which measures
)

// What a process does.
const (
	opSend    = "send"
	opConsume = "consume"
)

// overheadTarget is what the SDK may add to the CPU time of a client.
type overheadTarget struct {
	system   string
	op       string
	rate     int // messages a second, 0 for as many as can be
	messages int // of a turn
	turns    int // of a way in a process
	percent  float64
}

// What is added is a small part of what scatters from one turn to the next, so there are many; a turn is some milliseconds, so that both ways of
// a pair meet the same machine, and of consumers several times what the library fetches at once. Not more percent: nobody would leave it on; a
// message of RocketMQ is a request of its own. Without a rate, batches are full, and a message costs the library the least that it ever does;
// 10,000 a second are what a busy service sends.
var overheadTargets = []overheadTarget{
	{"kafka", opSend, 0, 4_000, 300, 2},
	{"kafka", opSend, 10_000, 300, 100, 2},
	{"kafka", opConsume, 0, 60_000, 25, 2},
	{"rocketmq", opSend, 0, 50, 200, 5},
	{"rocketmq", opConsume, 0, 16_000, 8, 5},
}

// ways are those that are compared with the library alone.
func (t *overheadTarget) ways() []string {
	if t.system == "kafka" {
		return []string{wayEmpty, wayMeasured, wayUnified}
	}
	return []string{wayMeasured, wayUnified}
}

func (t *overheadTarget) name(way string) string {
	rate := ""
	if t.rate > 0 {
		rate = fmt.Sprintf(" %d/s", t.rate)
	}
	return fmt.Sprintf("SDK overhead, %s %s%s, %s, %%", t.system, t.op, rate, way)
}

// Run prints a line for each way.
func (c *overheadCommand) Run(ctx context.Context) error {
	return printFigures("overhead", c.JSON, func(out io.Writer) ([]overheadFigure, error) { return c.measure(ctx, out) })
}

// overhead is the part of all measurements.
func (c *allCommand) overhead(ctx context.Context) ([]finding, error) {
	command := overheadCommand{Only: c.Only}
	if err := kong.ApplyDefaults(&command); err != nil {
		return nil, err
	}
	figures, err := command.measure(ctx, os.Stdout)
	var found []finding
	for i := range figures {
		found = append(found, figures[i].finding())
	}
	return found, err
}

// wanted are the ways of a target that are to be measured.
func (c *overheadCommand) wanted(t *overheadTarget) (ways []string) {
	for _, way := range t.ways() {
		if strings.Contains(t.name(way), c.Only) && strings.Contains(way, c.Ways) {
			ways = append(ways, way)
		}
	}
	return ways
}

// turns are those of a way in a process.
func (c *overheadCommand) turns(t *overheadTarget) int { return cmp.Or(c.Turns, t.turns) }

// turn is how many messages a way has in a turn.
func (c *overheadCommand) turn(t *overheadTarget) int {
	return max(1, int(float64(t.messages)*c.Share))
}

// measure measures both systems, and prints each figure as soon as it is known.
func (c *overheadCommand) measure(ctx context.Context, out io.Writer) (all []overheadFigure, err error) {
	grounds := map[string]*overheadGround{}
	defer func() {
		for _, ground := range grounds {
			ground.stop()
		}
	}()
	for i := range overheadTargets {
		t := &overheadTargets[i]
		ways := c.wanted(t)
		if len(ways) == 0 {
			continue
		}
		if grounds[t.system] == nil {
			ground, err := c.startGround(ctx, t.system)
			if err != nil {
				return nil, err
			}
			grounds[t.system] = ground
		}
		said, err := c.blocks(ctx, grounds[t.system], t, append([]string{wayBare}, ways...))
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			printOverheadHeader(out)
		}
		for _, way := range ways {
			f := compared(said[wayBare], said[way])
			if f.Name = t.name(way); way == wayMeasured {
				f.Want = t.percent
			}
			f.print(out)
			all = append(all, f)
		}
	}
	return all, nil
}

// blocks runs the processes of a target, and returns what they say.
func (c *overheadCommand) blocks(ctx context.Context, ground *overheadGround, t *overheadTarget, ways []string) (overheadSaid, error) {
	all := overheadSaid{}
	for round := range c.Rounds {
		args := []string{"overhead-side", t.system, t.op, ground.said.Addr, ground.said.Telemetry, "--blocks", strconv.Itoa(c.turns(t)),
			"--messages", strconv.Itoa(c.turn(t)), "--rate", strconv.Itoa(t.rate), "--ways", strings.Join(ways, ",")}
		if c.Profiles != "" && round == c.Rounds-1 {
			args = append(args, "--profile", filepath.Join(c.Profiles, fmt.Sprintf("%s-%s-%d.pprof", t.system, t.op, t.rate)))
		}
		text, err := pinned(ctx, measuredCore, args...).Output()
		if err != nil {
			return nil, fmt.Errorf("measure %s of %s: %w", t.op, t.system, err)
		}
		said := overheadSaid{}
		if err := json.Unmarshal(text, &said); err != nil {
			return nil, fmt.Errorf("measure %s of %s: it said %q: %w", t.op, t.system, text, err)
		}
		fmt.Fprintf(os.Stderr, "  %s %s:", t.system, t.op)
		for _, way := range ways {
			fmt.Fprintf(os.Stderr, " %s %.0f ns", way, median("", nanosOf(said[way]), 0, true).Median)
			all[way] = append(all[way], said[way]...)
		}
		fmt.Fprintln(os.Stderr, " a message")
	}
	return all, nil
}
