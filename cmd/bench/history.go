package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/rules/backtest"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// What is asked of history.
const (
	historyGroups = 1000
	historyRules  = 30
	// Not shorter: the start of a process would count; not longer: a round of an hour takes minutes.
	historySpan = 10 * time.Minute
	// Before it. Not shorter: windows reach so far back.
	historyBefore = 5 * time.Minute
	// Of one insert. Not shorter: each insert is a part that is merged; not longer: memory.
	historyInsert = 5 * time.Minute
	// historyReports is how many reports a cell is of.
	historyReports = 10

	mostBacktestDay     = 30 // CPU seconds
	nameBacktest        = "backtest, 10 min, 1000 groups, 30 rules, CPU s"
	nameBacktestDay     = "backtest, from it for a day, CPU s"
	nameBacktestElapsed = "backtest, 10 min, seconds elapsed"
)

// historyConditions are those of the rules, in turn. Hardly any is ever true.
var historyConditions = []string{"tps > 500000", "errors > 900", "p99 > 900ms", "error_rate > 0.5", "tps < 0.5", "size_max > 900KB", "volatility > 900",
	"p95 > 900ms and tps > 1", "messages > 90000000", "clients > 5"}

// engineCommand serves a ClickHouse engine until it is stopped.
type engineCommand struct {
	Data string `arg:""`
}

// Run serves and says where.
func (c *engineCommand) Run(ctx context.Context) error {
	library, err := parts.ChDB()
	if err != nil {
		return err
	}
	var said error
	err = chdb.Serve(ctx, chdb.Config{Addr: "127.0.0.1:0", DataDir: c.Data, LibPath: library, Listening: func(addr string) { said = result{Addr: addr}.print() }})
	if err != nil {
		return err
	}
	return said
}

// backtestCommand is weir rules backtest, and says what it cost.
type backtestCommand struct {
	DSN   string    `arg:""`
	Rules string    `arg:""`
	From  time.Time `arg:""`
}

// Run evaluates the rules over a span.
func (c *backtestCommand) Run(ctx context.Context) error {
	began, settings := time.Now(), pipeline.DefaultConfig()
	settings.ClickHouse.DSN = c.DSN
	asked := pipeline.Backtest{Dir: c.Rules, From: c.From, To: c.From.Add(historySpan), Now: began, Hours: backtest.DefaultHours, Format: "text", Out: io.Discard, Progress: os.Stderr}
	if _, err := pipeline.RunBacktest(ctx, &settings, asked); err != nil {
		return err
	}
	cpu, rss, err := cpuNanos()
	if err != nil {
		return err
	}
	return result{CPUNanos: cpu, MaxRSS: rss, WallNanos: int64(time.Since(began))}.print()
}

// history measures a backtest over cells that the ClickHouse writer wrote.
func (c *allCommand) history(ctx context.Context) ([]finding, error) {
	if !strings.Contains(nameBacktest+nameBacktestDay+nameBacktestElapsed, c.Only) {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	engine, addr, err := startEngine(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Process.Kill(); _ = engine.Wait() }()
	folder := filepath.Join(dir, "rules.d")
	if err := writeHistoryRules(folder); err != nil {
		return nil, err
	}
	dsn, from := "http://"+addr+"/default", time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	if err := writeHistory(ctx, dsn, from); err != nil {
		return nil, err
	}
	var cpu, day, elapsed []float64
	for range min(c.Rounds, fewRounds) {
		text, err := pinned(ctx, measuredCore, "backtest", dsn, folder, from.Format(time.RFC3339)).Output()
		var said result
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		if err != nil {
			return nil, fmt.Errorf("measure a backtest: it said %q: %w", text, err)
		}
		seconds := time.Duration(said.CPUNanos).Seconds()
		cpu, day = append(cpu, seconds), append(day, seconds*float64(24*time.Hour/historySpan))
		elapsed = append(elapsed, time.Duration(said.WallNanos).Seconds())
		fmt.Fprintf(os.Stderr, "  backtest: %.1f CPU seconds, %d MiB\n", seconds, said.MaxRSS/1024)
	}
	found := []finding{median(nameBacktest, cpu, 0, true), median(nameBacktestElapsed, elapsed, 0, true), median(nameBacktestDay, day, mostBacktestDay, true)}
	printAll(found)
	return found, nil
}

// startEngine starts the engine's process and waits until it serves.
func startEngine(ctx context.Context, data string) (*exec.Cmd, string, error) {
	command := pinned(ctx, brokerCore, "engine", data)
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start the engine: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, "", fmt.Errorf("start the engine: %w", err)
	}
	var said result
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		_ = command.Process.Kill()
		return nil, "", fmt.Errorf("start the engine: %w: %w", err, command.Wait())
	}
	return command, said.Addr, nil
}

func writeHistoryRules(folder string) error {
	var text strings.Builder
	text.WriteString("groups:\n  - name: bench\n    rules:\n")
	for i := range historyRules {
		fmt.Fprintf(&text, "      - {alert: Rule%d, by: [cluster, topic, client], window: %dm, expr: %s, for: 30s}\n", i, 1+i/20, historyConditions[i%len(historyConditions)])
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "bench.yaml"), []byte(text.String()), 0o600)
}

// writeHistory writes a cell of each group for each pane, as storage does.
func writeHistory(ctx context.Context, dsn string, from time.Time) error {
	store, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn})
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	pane, began, made := pipeline.DefaultConfig().Telemetry.Pane, time.Now(), newReports(historyGroups, kindHistogram)
	table, number := &telemetry.CellTable{}, 0
	for at := from.Add(-historyBefore); at.Before(from.Add(historySpan)); at = at.Add(pane) {
		for source := range int32(partitions) {
			batch := telemetry.CellBatch{Source: telemetry.Source{Partition: source}, Segment: telemetry.Segment{MinuteUnix: at.Unix() / 60}}
			for range historyGroups / partitions {
				report := made.report(number)
				number++
				batch.Cells = append(batch.Cells, telemetry.Cell{Pane: at, Labels: report.Labels, Totals: telemetry.Totals{Reports: historyReports,
					Messages: report.Messages, Bytes: report.Bytes, LatencyMicros: report.LatencyMicros, IntervalMillis: uint64(pane.Milliseconds())}})
			}
			if err := table.Add(telemetry.AppendCellBatch(nil, &batch)); err != nil {
				return err
			}
		}
		if at.Add(pane).Sub(from)%historyInsert == 0 {
			if err := store.WriteCells(ctx, table); err != nil {
				return err
			}
			table.Reset()
		}
	}
	fmt.Fprintf(os.Stderr, "  wrote %d cells in %s\n", number, time.Since(began).Round(time.Second))
	return nil
}
