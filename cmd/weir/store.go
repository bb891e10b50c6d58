package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/weirmq/weir/pipeline"
)

// storeCommands work with the tables in ClickHouse.
type storeCommands struct {
	Migrate  storeMigrateCommand  `cmd:"" help:"Bring the tables up to date, or say what that would do."`
	Backfill storeBackfillCommand `cmd:"" help:"Fill in what the tables of longer steps lack."`
}

type storeMigrateCommand struct {
	configFlags
	DSN    address `help:"Address of the ClickHouse; the configuration's unless given."`
	DryRun bool    `help:"Print the statements that would run, and change nothing."`
	Leave  bool    `name:"leave-fills" help:"Leave it to a running weir to fill new tables with what was stored before, hour by hour; it does so while rows come."`
	JSON   bool    `help:"Print versions and statements as JSON."`
}

// Help shows examples.
func (storeMigrateCommand) Help() string {
	return "Creates and changes Weir's tables, and makes their rows expire as clickhouse.retention says. The role clickhouse does the same when it " +
		"begins. Several at once wait for one another. What new tables are filled with is noted hour by hour, so that who ends it, or dies, goes on there.\n\n" +
		"Examples:\n\n  weir store migrate --config weir.yaml --dry-run\n  weir store migrate --config weir.yaml\n" +
		"  weir store migrate --dsn http://127.0.0.1:8123/weir --dry-run --json\n\n" +
		"Exits 1 when the store cannot be asked, or has a newer schema than this Weir knows."
}

// Run migrates.
func (c *storeMigrateCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	if c.DSN != "" {
		config.ClickHouse.DSN = string(c.DSN)
		if err := config.Validate(); err != nil {
			return fmt.Errorf("--dsn: %w", err)
		}
	}
	steps := watchSteps(os.Stderr)
	defer steps.stop()
	return pipeline.RunStoreMigrate(ctx, &config, pipeline.StoreMigrate{DSN: string(c.DSN), DryRun: c.DryRun, LeaveFills: c.Leave, JSON: c.JSON, Out: os.Stdout, Progress: steps.begin,
		Filled: tellFilled(os.Stderr)})
}

// tellFilled tells how far a fill is, at most every slowStepAgain, and of its last hour.
func tellFilled(out io.Writer) func(text string, last bool) {
	told := time.Now()
	return func(text string, last bool) {
		if !last && time.Since(told) < slowStepAgain {
			return
		}
		told = time.Now()
		fmt.Fprintf(out, "weir: %s\n", text)
	}
}

const (
	// slowStep is from when on a step is told of. Not smaller: what is done at once needs no words; not larger: people ask what is going on.
	slowStep = time.Second
	// slowStepAgain is how often it is told of again. Not smaller: lines without end; not larger: it seems to hang.
	slowStepAgain = 10 * time.Second
)

// slowSteps tell of what takes long.
type slowSteps struct {
	mu    sync.Mutex
	out   io.Writer
	text  string
	begun time.Time
	told  time.Time // zero where it was not
	quit  chan struct{}
	ended sync.WaitGroup
}

func watchSteps(out io.Writer) *slowSteps {
	s := &slowSteps{out: out, quit: make(chan struct{})}
	s.ended.Go(func() {
		ticker := time.NewTicker(slowStep / 4)
		defer ticker.Stop()
		for {
			select {
			case <-s.quit:
				return
			case now := <-ticker.C:
				s.tell(now)
			}
		}
	})
	return s
}

// begin says what is done from now on.
func (s *slowSteps) begin(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text != s.text {
		s.text, s.begun, s.told = text, time.Now(), time.Time{}
	}
}

func (s *slowSteps) tell(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lasts := now.Sub(s.begun)
	if s.text == "" || lasts < slowStep || !s.told.IsZero() && now.Sub(s.told) < slowStepAgain {
		return
	}
	s.told = now
	fmt.Fprintf(s.out, "weir: %s: %s so far\n", s.text, lasts.Round(time.Second))
}

func (s *slowSteps) stop() {
	close(s.quit)
	s.ended.Wait()
}
