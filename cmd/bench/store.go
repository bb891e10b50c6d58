package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/weirmq/weir/pipeline"
)

// storeCommand measures what people ask of the store: each panel of each dashboard, each question of the page, and where a message is.
type storeCommand struct {
	Rows      int    `help:"Rows of clients at 10 s in the newest day." default:"5000000"`
	Data      string `help:"Keep the store in this folder, and take what is there. Without it all is made anew and thrown away." type:"path"`
	JSON      bool   `help:"Print JSON, and nothing else." name:"json"`
	Runs      int    `help:"How often each query runs." default:"3"`
	Only      string `help:"Measure only what matches this regular expression, such as ^topic or question.*7d; it is matched with the range behind it."`
	Questions string `help:"The page with the questions." default:"docs/sql.md" type:"path"`
	Write     bool   `help:"Make the data, and measure nothing."`
}

// storeMade is what is in the store. It is kept beside the data.
type storeMade struct {
	Rows     int       `json:"rows"` // that were asked for
	Stored   uint64    `json:"rows_10s"`
	Messages uint64    `json:"messages"`
	Series   uint64    `json:"series"`
	Begin    time.Time `json:"begin"` // of the newest day
	End      time.Time `json:"end"`
}

// storeResult is all that is measured.
type storeResult struct {
	Machine string        `json:"machine"`
	Threads string        `json:"threads"`
	Made    storeMade     `json:"data"`
	Queries []storeFigure `json:"queries"`
	Tables  []storeTable  `json:"tables"`
	Missed  int           `json:"missed"`
}

// errMissed is that of queries that took too long.
var errMissed = errors.New("queries take longer than they may")

// Run makes the data where they are not there, and measures.
func (c *storeCommand) Run(ctx context.Context) error {
	dir := c.Data
	if dir == "" {
		made, err := os.MkdirTemp("", "weir-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made)
		dir = made
	}
	running, addr, err := startEngine(ctx, filepath.Join(dir, "clickhouse"))
	if err != nil {
		return err
	}
	defer func() { _ = running.Process.Kill(); _ = running.Wait() }()
	engine := storeEngine{addr: addr, process: running.Process.Pid}
	made, err := c.made(ctx, engine, dir)
	if err != nil || c.Write {
		return err
	}
	out := io.Writer(os.Stdout)
	if c.JSON {
		out = io.Discard
	}
	result, err := c.measure(ctx, engine, made, out)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(result); err != nil {
			return err
		}
	}
	if result.Missed > 0 {
		return fmt.Errorf("%d of %d %w", result.Missed, len(result.Queries), errMissed)
	}
	return nil
}

// made says what is in the store, which is made where nothing is.
func (c *storeCommand) made(ctx context.Context, engine storeEngine, dir string) (made storeMade, err error) {
	note := filepath.Join(dir, "bench-store.json")
	text, err := os.ReadFile(note)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &made); err != nil {
			return made, fmt.Errorf("read what %s holds: %w", dir, err)
		}
		if made.Rows != c.Rows {
			return made, fmt.Errorf("%s holds data of --rows %d, not %d: name another folder, or remove it", dir, made.Rows, c.Rows)
		}
		return made, nil
	case !errors.Is(err, os.ErrNotExist):
		return made, fmt.Errorf("read what %s holds: %w", dir, err)
	}
	began := time.Now()
	w := &storeWriter{engine: engine, rows: c.Rows, size: sizeOf(c.Rows), end: time.Now().UTC().Truncate(time.Minute)}
	w.begin = w.end.Add(-time.Duration(w.size.panes*fleetPane) * time.Second)
	if err := w.write(ctx); err != nil {
		return made, err
	}
	made = storeMade{Rows: c.Rows, Begin: w.begin, End: w.end}
	counts, err := engine.values(ctx, fmt.Sprintf("SELECT count(), sum(messages), uniqExact(env, cluster, topic, partition, consumer_group, op, client, node) FROM rollup_10s FINAL WHERE ts >= toDateTime(%d, 'UTC')", w.begin.Unix()))
	if err != nil {
		return made, err
	}
	if _, err := fmt.Sscan(counts[0][0]+" "+counts[0][1]+" "+counts[0][2], &made.Stored, &made.Messages, &made.Series); err != nil {
		return made, fmt.Errorf("read what was made: %w", err)
	}
	if text, err = json.Marshal(made); err != nil {
		return made, fmt.Errorf("note what was made: %w", err)
	}
	fmt.Fprintf(os.Stderr, "  made in %s: %s\n", time.Since(began).Round(time.Second), text)
	return made, os.WriteFile(note, text, 0o600)
}

// measure measures all, prints each as it goes, and the slowest at the end.
func (c *storeCommand) measure(ctx context.Context, engine storeEngine, made storeMade, out io.Writer) (*storeResult, error) {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	queries, err := engine.queries(ctx, c.Questions, made.End)
	if err != nil {
		return nil, err
	}
	result := &storeResult{Machine: machine(), Threads: storeThreads, Made: made}
	fmt.Fprintf(out, "%s; %s threads a query; %d rows of 10 s of %d series with %d messages\n\n", result.Machine, storeThreads, made.Stored, made.Series, made.Messages)
	printStoreHeader(out)
	keep := func(f storeFigure) {
		f.print(out)
		result.Queries = append(result.Queries, f)
	}
	for _, q := range queries {
		if !only.MatchString(q.what + " " + q.span) {
			continue
		}
		f, err := engine.measureQuery(ctx, q, c.Runs)
		if err != nil {
			return nil, err
		}
		keep(f)
	}
	found, err := c.finds(ctx, engine, only)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		keep(f)
	}
	if result.Tables, err = engine.tables(ctx, made); err != nil {
		return nil, err
	}
	fmt.Fprintln(out)
	printTables(out, result.Tables)
	result.end(out)
	return result, nil
}

// end prints the slowest, and counts what missed its limit.
func (r *storeResult) end(out io.Writer) {
	slowest := slices.SortedFunc(slices.Values(r.Queries), func(a, b storeFigure) int {
		if a.Median/a.Limit > b.Median/b.Limit {
			return -1
		}
		return 1
	})
	fmt.Fprintln(out, "\nNearest to its limit, or beyond:")
	for _, f := range slowest[:min(len(slowest), 20)] {
		f.print(out)
	}
	for _, f := range r.Queries {
		if !f.OK {
			r.Missed++
		}
	}
	fmt.Fprintf(out, "\n%d of %d missed their limits\n", r.Missed, len(r.Queries))
}

// finds measures weir find, from opening the store until all is there: by message and by trace, and of what is not there.
func (c *storeCommand) finds(ctx context.Context, engine storeEngine, only *regexp.Regexp) (out []storeFigure, err error) {
	ids, err := engine.values(ctx, fmt.Sprintf("SELECT message_id, trace_id FROM trace_hops WHERE op = 'send' AND cityHash64(message_id) %% 1000 = 7 ORDER BY source_offset %% 101, source_offset LIMIT %d", 2*c.Runs))
	if err != nil {
		return nil, err
	}
	settings := pipeline.DefaultConfig()
	settings.ClickHouse.DSN = engine.dsn()
	for place, what := range []string{"find by message", "find by trace", "find what is not there"} {
		if !only.MatchString(what) {
			continue
		}
		var runs []cost
		if err := engine.cold(ctx); err != nil {
			return nil, err
		}
		for i := range c.Runs {
			id := fmt.Sprintf("orders/0/%d", i)
			if place < 2 {
				id = ids[(2*i+place)%len(ids)][place] // another each time: the engine remembers where a condition held
			}
			before, began := engine.used(), time.Now()
			found, err := pipeline.FindMessage(ctx, &settings, pipeline.FindQuestion{ID: id, Out: io.Discard})
			if err != nil {
				return nil, err
			}
			if found != (place < 2) {
				return nil, fmt.Errorf("find %s: found is %t", id, found)
			}
			runs = append(runs, cost{wall: time.Since(began), cpu: engine.used() - before})
		}
		out = append(out, figure(what, "all", findLimit, runs))
	}
	return out, nil
}
