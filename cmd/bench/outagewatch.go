package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/pipeline"
)

// outageWatch looks at the processes once a second, and prints a paragraph for each phase.
type outageWatch struct {
	run   *outageRun
	phase string
	began time.Time
	last  time.Time
	first outageLook
	most  int64 // KiB that weir held
	now   outageLook
	lines int // of the log
}

// outageLook is how things are at a moment.
type outageLook struct {
	at                 time.Time
	resident           int64 // KiB
	records, lag, errs float64
	weir, kafka        time.Duration // of CPU
	engine             time.Duration
}

const (
	storedRecords = `weir_records_total{stage="clickhouse"}`
	storedLag     = `weir_lag_records{stage="clickhouse"}`
	storedFaults  = `weir_errors_total{stage="clickhouse",kind="write"}`
)

func (w *outageWatch) begin(phase string) {
	*w = outageWatch{run: w.run, phase: phase, began: time.Now(), lines: len(w.logged())}
}

// logged are the lines of weir's log.
func (w *outageWatch) logged() []string {
	text, err := os.ReadFile(w.run.log.Name())
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// lookAt looks at the processes.
func (w *outageWatch) lookAt(ctx context.Context) (outageLook, error) {
	out := outageLook{at: time.Now()}
	var err error
	if out.resident, err = residentOf(w.run.weir.command.Process.Pid); err != nil {
		return out, err
	}
	if out.weir, err = cpuOf(w.run.weir.command.Process.Pid); err != nil {
		return out, err
	}
	if out.kafka, err = cpuOf(w.run.broker.PID()); err != nil {
		return out, err
	}
	out.engine, _ = cpuOf(w.run.engine.Process.Pid) // 0 while it is away
	said, err := w.run.weir.metric(ctx, storedRecords, storedLag, storedFaults)
	if err != nil {
		return out, nil // it starts
	}
	out.records, out.lag, out.errs = said[storedRecords], said[storedLag], said[storedFaults]
	return out, nil
}

// look looks, once a second.
func (w *outageWatch) look(ctx context.Context) error {
	if time.Since(w.last) < time.Second {
		return nil
	}
	w.last = time.Now()
	var err error
	if w.now, err = w.lookAt(ctx); err != nil {
		return err
	}
	if w.first.at.IsZero() {
		w.first = w.now
	}
	w.most = max(w.most, w.now.resident)
	return nil
}

// end prints what a phase came to.
func (w *outageWatch) end(ctx context.Context) error {
	w.last = time.Time{}
	if err := w.look(ctx); err != nil {
		return err
	}
	a, b := w.first, w.now
	fmt.Printf("%s, %s: weir held %d MiB, at most %d, then %d; lag %.0f -> %.0f records; %.0f records stored; %.0f attempts failed; CPU s: weir %.1f, kafka %.1f, engine %.1f\n", w.phase, time.Since(w.began).Round(time.Second),
		a.resident>>10, w.most>>10, b.resident>>10, a.lag, b.lag, b.records-a.records, b.errs-a.errs, (b.weir - a.weir).Seconds(), (b.kafka - a.kafka).Seconds(), (b.engine - a.engine).Seconds())
	stage, err := w.run.weir.stage(ctx)
	if err == nil {
		rollups, _ := json.Marshal(stage.Rollups) // of texts and numbers
		fmt.Printf("  status: %s, error %q, lag %d, %.0f records/s, writes p50 %.2f s p99 %.2f s, rollups %s\n", stage.State, stage.Error, stage.LagRecords, stage.RecordsPerSecond, stage.WriteP50Seconds, stage.WriteP99Seconds, rollups)
	}
	for _, line := range w.logged()[w.lines:] {
		if !strings.Contains(line, "migrate the store") && !strings.Contains(line, "topic created") {
			fmt.Println("  log:", line)
		}
	}
	return nil
}

// untilStored waits until there is no lag.
func (w *outageWatch) untilStored(ctx context.Context) error {
	began, next, before := time.Now(), time.Now(), 0.0
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		if w.now.lag == 0 && w.now.records > 0 && time.Since(began) > 3*time.Second {
			break
		}
		if time.Now().After(next) {
			parts, _ := w.partCounts(ctx)
			fmt.Printf("  after %s: %.0f records stored, %.1f/s, lag %.0f, %d MiB, parts of a partition at most: %s\n", time.Since(began).Round(time.Second), w.now.records-w.first.records,
				(w.now.records-before)/10, w.now.lag, w.now.resident>>10, parts)
			next, before = next.Add(10*time.Second), w.now.records
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return w.end(ctx)
}

// partCounts are the most parts that a partition has, by table.
func (w *outageWatch) partCounts(ctx context.Context) (string, error) {
	text, err := ask(ctx, strings.TrimSuffix(w.run.dsn, "default"), "SELECT arrayStringConcat(groupArray(t), ', ') FROM (SELECT table || ' ' || toString(max(n)) AS t FROM (SELECT table, partition, count() AS n FROM system.parts WHERE active AND database = 'default' GROUP BY ALL) GROUP BY table ORDER BY table)")
	return strings.TrimSpace(text), err
}

// untilAddedUp waits until rollups are not behind, and nothing that they left is missing.
func (w *outageWatch) untilAddedUp(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		stage, err := w.run.weir.stage(ctx)
		waits := func(of pipeline.RollupStatus) bool {
			return of.BehindSeconds >= 120 || of.MissingSeconds == nil || *of.MissingSeconds > 0
		}
		if err == nil && len(stage.Rollups) > 0 && !slices.ContainsFunc(stage.Rollups, waits) {
			return w.end(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
