package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/pipeline"
)

// What is asked of history.
const (
	historyGroups = 1000
	historyRules  = 30
	historySpan   = 24 * time.Hour
	// Before it. Not shorter: windows reach so far back; not longer: it is read for nothing.
	historyBefore = 10 * time.Minute
	// Of one insert. Not shorter: each insert is a part that is merged; not longer: memory.
	historyInsert = time.Hour

	mostBacktest       = 30 // seconds
	nameBacktest       = "backtest, a day, 1000 groups, 30 rules, s"
	nameBacktestCPU    = "backtest, CPU s of weir"
	nameBacktestEngine = "backtest, CPU s of ClickHouse"
)

// historyConditions are those of the rules, in turn. None is ever true.
var historyConditions = []string{"tps > 500000", "errors > 900", "p99 > 900s", "error_rate > 0.5", "tps < 0.5", "size_max > 900KB", "volatility > 900",
	"p95 > 900s and tps > 1", "messages > 90000000", "clients > 5"}

// historyRows makes the rows of some panes of 10 s: one of each group, with a histogram of 20 buckets and one of 5.
const historyRows = `INSERT INTO rollup_10s (ts, cluster, topic, op, client, sdk_lang, sdk_version, tier, source, segment_minute, reports, messages, bytes, errors,
	"error.class", "error.count", "latency.i", "latency.c", latency_sum_us, latency_max_us, "size.i", "size.c", size_sum_bytes, size_max_bytes, interval_ms)
SELECT toDateTime(%d, 'UTC') + 10 * intDiv(number, %[2]d) AS t, 'main', concat('topic-', toString(number %% 50)), 'send', concat('client-', toString(number %% %[2]d)),
	'go', '1.2.0', 'S1', concat('00000000000000000000000000000000/', toString(number %% 8)), toStartOfMinute(t), 10, 1000 + number * 7919 %% 500, 100000, 3,
	['timeout'], [3], arrayMap(i -> 300 + i + number %% 3, range(20)), arrayMap(i -> i + 1 + number %% 7, range(20)), 12345678, 99999 + number %% 1000,
	arrayMap(i -> 100 + i, range(5)), arrayMap(i -> 65 + i, range(5)), 100000, 1024, 10000
FROM numbers(%[3]d)`

// engineCommand serves a ClickHouse engine until it is stopped, and says where.
type engineCommand struct {
	Data string `arg:""`
	Addr string `default:"127.0.0.1:0"`
}

// Run serves.
func (c *engineCommand) Run(ctx context.Context) error {
	library, err := parts.ChDB()
	if err != nil {
		return err
	}
	var said error
	err = chdb.Serve(ctx, chdb.Config{Addr: c.Addr, DataDir: c.Data, LibPath: library, Listening: func(addr string) { said = result{Addr: addr}.print() }})
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

// Run evaluates the rules over a day.
func (c *backtestCommand) Run(ctx context.Context) error {
	began, settings := time.Now(), pipeline.DefaultConfig()
	settings.ClickHouse.DSN = c.DSN
	asked := pipeline.Backtest{Dir: c.Rules, From: c.From, To: c.From.Add(historySpan), Now: began, Format: "text", Out: io.Discard, Progress: os.Stderr}
	if _, err := pipeline.RunBacktest(ctx, &settings, asked); err != nil {
		return err
	}
	cpu, rss, err := cpuNanos()
	if err != nil {
		return err
	}
	return result{CPUNanos: cpu, MaxRSS: rss, WallNanos: int64(time.Since(began))}.print()
}

// history measures a backtest over a day, which is written anew for it.
func (c *allCommand) history(ctx context.Context) ([]finding, error) {
	if !strings.Contains(nameBacktest+nameBacktestCPU+nameBacktestEngine, c.Only) {
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
	from := time.Now().UTC().Truncate(time.Hour).Add(-historySpan - time.Hour)
	if err := writeHistory(ctx, "http://"+addr+"/default", from); err != nil {
		return nil, err
	}
	var elapsed, own, engines []float64
	for range min(c.Rounds, fewRounds) {
		before, err := cpuOf(engine.Process.Pid)
		if err != nil {
			return nil, err
		}
		// On all cores: that is what is asked for.
		command := exec.CommandContext(ctx, os.Args[0], "backtest", "http://"+addr+"/default", folder, from.Format(time.RFC3339))
		command.Stderr = os.Stderr
		text, err := command.Output()
		var said result
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		if err != nil {
			return nil, fmt.Errorf("measure a backtest: it said %q: %w", text, err)
		}
		after, err := cpuOf(engine.Process.Pid)
		if err != nil {
			return nil, err
		}
		elapsed, own = append(elapsed, time.Duration(said.WallNanos).Seconds()), append(own, time.Duration(said.CPUNanos).Seconds())
		engines = append(engines, (after - before).Seconds())
		fmt.Fprintf(os.Stderr, "  backtest: %d MiB\n", said.MaxRSS/1024)
	}
	found := []finding{median(nameBacktest, elapsed, mostBacktest, true), median(nameBacktestCPU, own, 0, true), median(nameBacktestEngine, engines, 0, true)}
	printAll(found)
	return found, nil
}

// startEngine starts the engine's process and waits until it serves.
func startEngine(ctx context.Context, data string) (*exec.Cmd, string, error) {
	return startEngineOn(ctx, data, "127.0.0.1:0")
}

// startEngineOn starts it on an address.
func startEngineOn(ctx context.Context, data, addr string) (*exec.Cmd, string, error) {
	command := exec.CommandContext(ctx, os.Args[0], "engine", data, "--addr", addr)
	command.Stderr = os.Stderr
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

// tick is the unit in which Linux says what CPU time a process took; USER_HZ is 100 on all its platforms.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time of another process, user and system.
func cpuOf(process int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return 0, fmt.Errorf("ask for a process's CPU time: %w", err)
	}
	var user, system int64
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // its name may have blanks
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, fmt.Errorf("ask for a process's CPU time: %w", err)
	}
	return time.Duration(user+system) * tick, nil
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

// writeHistory lets the engine make a cell of each group for each pane.
func writeHistory(ctx context.Context, dsn string, from time.Time) error {
	settings := pipeline.DefaultConfig()
	settings.ClickHouse.DSN = dsn
	if err := pipeline.MigrateStore(ctx, &settings); err != nil {
		return err
	}
	began := time.Now()
	for at := from.Add(-historyBefore); at.Before(from.Add(historySpan)); at = at.Add(historyInsert) {
		span := min(historyInsert, from.Add(historySpan).Sub(at))
		rows := historyGroups * int(span/settings.Telemetry.Pane)
		if err := insertHistory(ctx, dsn, fmt.Sprintf(historyRows, at.Unix(), historyGroups, rows)); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "  wrote history until %s, %s\n", at.Add(span).Format(time.RFC3339), time.Since(began).Round(time.Second))
	}
	return nil
}

func insertHistory(ctx context.Context, dsn, statement string) error {
	at, database := filepath.Split(dsn)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"?database="+database, strings.NewReader(statement))
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("write history: the engine said %s %s", response.Status, text)
	}
	return nil
}
