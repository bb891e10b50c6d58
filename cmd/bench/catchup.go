package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// catchUp is a log whose reader is killed near the end of a minute: so near that a
// restart has almost a whole segment of each source to read again.
var catchUp = target{series: 10_000, records: 1_800_000}

const (
	killedAt         = 1_150_000 // of 10,000 a second, the second minute is almost over
	segmentSeconds   = 60        // the length of a segment by the brokers' clock
	nameCatchUp      = "read again after SIGKILL, share of a segment"
	nameCatchUpTotal = "seconds from restart to caught up"
	nameCatchUpWait  = "seconds of that until the group let it in"
)

// catchUps kills the stage, starts it again, and measures how much it reads again and
// how long it takes until it has read everything. What was written is exact all the same.
func (c *allCommand) catchUps(ctx context.Context) ([]finding, error) {
	if !strings.Contains(nameCatchUp+nameCatchUpTotal+nameCatchUpWait, c.Only) {
		return nil, nil
	}
	log := &servedLog{}
	defer log.stop()
	var again, total, wait []float64
	for range min(c.Rounds, fewRounds) {
		log.stop()
		var err error
		if log.process, log.addr, err = startLog(ctx, catchUp); err != nil {
			return nil, err
		}
		killed, err := c.killed(ctx, log.addr)
		if err != nil {
			return nil, err
		}
		after, err := c.child(ctx, "aggregate", log.addr, catchUp, "--resume") // from what its group has committed
		if err != nil {
			return nil, err
		}
		if _, err := verify(ctx, log.addr, newReports(catchUp.series, kindHistogram), catchUp.records); err != nil {
			return nil, err
		}
		replayed := killed + after.Seen - catchUp.records
		again = append(again, float64(replayed)/float64(catchUp.series*segmentSeconds))
		total, wait = append(total, float64(after.WallNanos)/1e9), append(wait, float64(after.FirstNanos)/1e9)
		fmt.Fprintf(os.Stderr, "  killed after %d records, read %d of them again in %.1f s\n", killed, replayed, float64(after.WallNanos-after.FirstNanos)/1e9)
	}
	found := []finding{median(nameCatchUp, again, 1, true), median(nameCatchUpTotal, total, 0, true), median(nameCatchUpWait, wait, 0, true)}
	printAll(found)
	return found, nil
}

// killed runs the stage until it kills itself, and returns how many records it had read.
func (c *allCommand) killed(ctx context.Context, addr string) (int, error) {
	text, err := c.reader(ctx, "aggregate", addr, catchUp, "--killed-at", strconv.Itoa(killedAt)).Output()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() {
		return 0, fmt.Errorf("measure a killed stage: it was not killed: %w: %s", err, text)
	}
	var said result
	if err := json.Unmarshal(text, &said); err != nil {
		return 0, fmt.Errorf("measure a killed stage: it said %q: %w", text, err)
	}
	return said.Records, nil
}
