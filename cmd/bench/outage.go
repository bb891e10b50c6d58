package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/ports"
	"github.com/weirmq/weir/pipeline"
)

// outageCommand has ClickHouse be away from a weir that stores, behind a real Kafka and the real engine, and measures how it lives with
// that and how it catches up.
type outageCommand struct {
	Rate    int           `help:"Cells a second, of ten times as many series." default:"20000"`
	For     time.Duration `help:"How long ClickHouse is away, by the time of the cells." default:"1h"`
	Watch   time.Duration `help:"How much of it passes as it does; the rest is written as fast as Kafka takes it." default:"10m"`
	Before  time.Duration `help:"How long all goes well first. Not much shorter: what the process holds is to be known." default:"2m"`
	Stopped bool          `help:"Stop ClickHouse by SIGSTOP, so that it takes connections and answers nothing; otherwise it is killed."`
	Rollups bool          `help:"Wait until all is added up to longer steps, too."`
	Heap    string        `help:"The most of the broker's heap, as java writes it." default:"512m"`
	Keep    string        `help:"Folder for all data and logs; empty: one that is removed."`
	Profile string        `help:"Write a CPU profile of weir to this file, from its start to its end."`
}

// outageRun is what runs.
type outageRun struct {
	*outageCommand
	dir    string
	broker *kafka.Server
	engine *exec.Cmd
	dsn    string
	weir   *storing
	log    *os.File
	cells  *cellLog
	seen   *outageWatch
}

// Run prints what was measured.
func (c *outageCommand) Run(ctx context.Context) error {
	if c.Rate%(partitions*aggregatedAtOnce) != 0 || c.For < time.Minute || c.Watch > c.For {
		return fmt.Errorf("got %d cells/s for %s, watched for %s: a multiple of %d for a minute at least, and a part of it are allowed", c.Rate, c.For, c.Watch, partitions*aggregatedAtOnce)
	}
	run := &outageRun{outageCommand: c, dir: c.Keep}
	if run.dir == "" {
		var err error
		if run.dir, err = os.MkdirTemp("", "weir-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(run.dir)
	}
	defer run.kill()
	if err := run.start(ctx); err != nil {
		return err
	}
	for _, phase := range []func(context.Context) error{run.steady, run.outage, run.catchUp, run.verify} {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return run.weir.stop()
}

// aggregatedAtOnce keeps partitions alike.
const aggregatedAtOnce = 100

func (r *outageRun) span() time.Duration { return r.Before + r.For }

// start starts all three, with the log that cells are made of.
func (r *outageRun) start(ctx context.Context) error {
	jars, err := parts.Kafka()
	if err != nil {
		return err
	}
	if r.broker, err = kafka.Start(ctx, kafka.Config{JarDir: jars, DataDir: filepath.Join(r.dir, "kafka"), Java: []string{"-Xmx" + r.Heap}}); err != nil {
		return err
	}
	if err := makeTopics(ctx, r.broker.Addr()); err != nil {
		return err
	}
	began := time.Now()
	if r.cells, err = openCellLog(ctx, r.broker.Addr(), r.Rate*int(cellPane/time.Second), began.Add(-r.span())); err != nil {
		return err
	}
	if err := r.cells.writeReports(ctx, r.span()); err != nil {
		return err
	}
	fmt.Printf("the log of %d reports was written in %s\n", r.Rate*int(r.span()/time.Second), time.Since(began).Round(time.Second))
	addr, err := ports.FreeAddr()
	if err != nil {
		return err
	}
	r.dsn = "http://" + addr + "/default"
	if err := r.startEngine(ctx, addr); err != nil {
		return err
	}
	rules := filepath.Join(r.dir, "rules.d")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(rules, "bench.yaml"), []byte(earlyRule), 0o600); err != nil {
		return err
	}
	if r.log, err = os.Create(filepath.Join(r.dir, "weir.log")); err != nil {
		return err
	}
	if r.weir, err = startStoring(ctx, r, rules); err != nil {
		return err
	}
	r.seen = &outageWatch{run: r}
	return nil
}

func (r *outageRun) startEngine(ctx context.Context, addr string) (err error) {
	r.engine, _, err = startEngineOn(ctx, filepath.Join(r.dir, "engine"), addr)
	return err
}

// kill ends what runs.
func (r *outageRun) kill() {
	if r.weir != nil {
		_ = r.weir.command.Process.Kill()
		_ = r.weir.command.Wait()
	}
	if r.engine != nil {
		_ = r.engine.Process.Kill()
		_ = r.engine.Wait()
	}
	if r.cells != nil {
		r.cells.client.Close()
	}
	if r.broker != nil {
		r.broker.Kill()
	}
	if r.log != nil {
		_ = r.log.Close()
	}
}

// steady writes what is stored before the outage, as time passes.
func (r *outageRun) steady(ctx context.Context) error {
	r.seen.begin("all is there")
	if err := r.writePaced(ctx, r.Before); err != nil {
		return err
	}
	return r.seen.untilStored(ctx)
}

// outage takes ClickHouse away, and writes meanwhile.
func (r *outageRun) outage(ctx context.Context) error {
	away := r.engine.Process.Kill
	if r.Stopped {
		away = func() error { return r.engine.Process.Signal(syscall.SIGSTOP) }
	}
	if err := away(); err != nil {
		return fmt.Errorf("take ClickHouse away: %w", err)
	}
	if !r.Stopped {
		_ = r.engine.Wait()
	}
	r.seen.begin("ClickHouse is away, cells come as time passes")
	if err := r.writePaced(ctx, r.Watch); err != nil {
		return err
	}
	r.seen.begin("ClickHouse is away, cells come as fast as Kafka takes them")
	for range int((r.For - r.Watch) / cellPane) {
		if err := r.cells.writePane(ctx, func(float64) error { return r.seen.look(ctx) }); err != nil {
			return err
		}
	}
	return r.seen.end(ctx)
}

// writePaced writes panes as time passes.
func (r *outageRun) writePaced(ctx context.Context, span time.Duration) error {
	began := time.Now()
	for i := range int(span / cellPane) {
		begin := began.Add(time.Duration(i) * cellPane)
		err := r.cells.writePane(ctx, func(share float64) error {
			return errors.Join(sleepUntil(ctx, begin.Add(time.Duration(share*float64(cellPane)))), r.seen.look(ctx))
		})
		if err != nil {
			return err
		}
	}
	return r.seen.end(ctx)
}

// catchUp brings ClickHouse back, and waits until all is stored.
func (r *outageRun) catchUp(ctx context.Context) error {
	if r.Stopped {
		if err := r.engine.Process.Signal(syscall.SIGCONT); err != nil {
			return fmt.Errorf("bring ClickHouse back: %w", err)
		}
	} else if err := r.startEngine(ctx, r.dsn[len("http://"):len(r.dsn)-len("/default")]); err != nil {
		return err
	}
	r.seen.begin("ClickHouse is back")
	return r.seen.untilStored(ctx)
}

// verify holds what is stored against what was written.
func (r *outageRun) verify(ctx context.Context) error {
	if r.Rollups {
		r.seen.begin("all is added up")
		if err := r.seen.untilAddedUp(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	text, err := ask(ctx, r.dsn[:len(r.dsn)-len("default")], "SELECT sum(reports), count() FROM rollup_10s FINAL")
	if err != nil {
		return err
	}
	want := fmt.Sprintf("%[1]d\t%[1]d\n", r.cells.cells)
	fmt.Printf("stored: %swritten: %sasked in %s\n", text, want, time.Since(began).Round(time.Millisecond))
	if text != want {
		return fmt.Errorf("the store has %q, want %q", text, want)
	}
	settings := config(r.broker.Addr(), partitions)
	settings.ClickHouse.DSN = r.dsn
	now := time.Now().UTC()
	day := func(of time.Time) time.Time { return of.UTC().Truncate(24 * time.Hour) }
	var said strings.Builder
	_, err = pipeline.RunAudit(ctx, &settings, pipeline.Audit{From: day(r.cells.begin), To: day(r.cells.begin.Add(r.span() - 1)), Now: now.Add(time.Second),
		Out: io.MultiWriter(os.Stdout, &said), Progress: os.Stderr})
	if err != nil {
		return err
	}
	for line := range strings.Lines(said.String()) { // rollups are made later
		if strings.Contains(line, " ledger ") && !strings.HasSuffix(strings.TrimSpace(line), "complete") {
			return fmt.Errorf("the audit says %q", line)
		}
	}
	return nil
}
