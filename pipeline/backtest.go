package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/backtest"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// Backtest asks what alerts rules would have raised over what the store holds.
type Backtest struct {
	Dir      string    // of rule files; "" is the configuration's
	Base     string    // another folder or a git revision of Dir to compare with, "" for none
	Kafka    bool      // read weir.cells, not ClickHouse
	From     time.Time // event time
	To       time.Time // or what the store holds, if that ends sooner; zero is as near to Now as all is stored
	Now      time.Time
	Hours    string    // business hours; "" is backtest.DefaultHours
	Format   string    // one of backtest.Formats
	Out      io.Writer // the report
	Progress io.Writer // how far it is
}

// storeSettles is how old cells are when all of their pane is stored. Not less: panes close
// late by the lateness, and storage writes once a second; not more: what is younger is left out.
const storeSettles = time.Minute

// backtestGCPercent is the garbage collector's GOGC for a backtest, where nobody sets it. Not lower: each collection looks at all cells
// again; not higher: most memory is of numbers, which cost nothing to look at, and 100 took a third more memory and no less time.
const backtestGCPercent = 50

// RunBacktest evaluates and prints. It says whether alerts fired otherwise than under the
// base's rules. A store that cannot be asked is an error at once.
func RunBacktest(ctx context.Context, config *Config, b Backtest) (differs bool, err error) {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(backtestGCPercent))
	}
	if b.Dir == "" {
		b.Dir = config.Rules.Dir
	}
	if b.To.IsZero() {
		b.To = b.Now.Add(-storeSettles)
	}
	hours, err := backtest.ParseHours(cmp.Or(b.Hours, backtest.DefaultHours))
	if err != nil {
		return false, err
	}
	head, err := rules.Load(b.Dir)
	if err != nil {
		return false, fmt.Errorf("load rules: %w", err)
	}
	sets := []*rules.Set{head}
	if b.Base != "" {
		base, err := loadBase(ctx, b.Dir, b.Base)
		if err != nil {
			return false, fmt.Errorf("load the rules to compare with: %w", err)
		}
		sets = append(sets, base)
	}
	report, err := b.read(ctx, config, sets)
	if err != nil {
		return false, err
	}
	report.Hours = hours
	return report.Differs(), report.Write(b.Out, b.Format)
}

// history is what a backtest reads.
type history struct {
	cells
	name string     // for people
	past rules.Past // nil where hours past are unknown
}

// cells are those of the store, or of weir.cells.
type cells interface {
	Held(ctx context.Context) (first, last time.Time, err error)
	ReadCells(ctx context.Context, of clickhouse.Range, yield func(*telemetry.StoredCells) error) error
	ClosedSegments(ctx context.Context, from, to time.Time) (map[clickhouse.SegmentOf]uint64, error)
}

// read evaluates what the store holds, or weir.cells.
func (b *Backtest) read(ctx context.Context, config *Config, sets []*rules.Set) (report *backtest.Report, err error) {
	if b.Kafka {
		return b.readLog(ctx, config, sets)
	}
	err = askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		ctx, fail := context.WithCancelCause(ctx) // by hours past that cannot be read
		defer fail(nil)
		report, err = b.evaluate(ctx, config, history{store, "the store", newAwaitedHours(ctx, fail, store, sets)}, sets)
		if err != nil {
			return because(ctx, "backtest", err)
		}
		return nil
	})
	return report, err
}

// readLog reads as much of weir.cells as the rules look back on.
func (b *Backtest) readLog(ctx context.Context, config *Config, sets []*rules.Set) (*backtest.Report, error) {
	pane := config.Telemetry.Pane
	plan, err := backtest.NewPlan(b.From, b.To, pane, sets...)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(b.Progress, "read %s from %s on\n", telemetry.TopicCells, plan.ReadFrom.Format(time.RFC3339))
	log, err := readCellLog(ctx, config, plan)
	if err != nil {
		return nil, because(ctx, "backtest", err)
	}
	report, err := b.evaluate(ctx, config, history{cells: log, name: telemetry.TopicCells}, sets)
	if err != nil {
		return nil, because(ctx, "backtest", err)
	}
	return report, nil
}

// evaluate reads history once for all sets of rules.
func (b *Backtest) evaluate(ctx context.Context, config *Config, of history, sets []*rules.Set) (*backtest.Report, error) {
	pane := config.Telemetry.Pane
	first, last, err := of.Held(ctx)
	if err != nil {
		return nil, err
	}
	to := last.Add(pane)
	if b.To.Before(to) {
		to = b.To
	}
	if last.IsZero() {
		return nil, fmt.Errorf("%s has no cells from %s on", of.name, b.From.UTC().Format(time.RFC3339))
	}
	if !to.After(b.From) {
		return nil, fmt.Errorf("%s has no cells from %s on: its last are of %s", of.name, b.From.UTC().Format(time.RFC3339), last.Format(time.RFC3339))
	}
	plan, err := backtest.NewPlan(b.From, to, pane, sets...)
	if err != nil {
		return nil, err
	}
	if !first.Before(plan.To) {
		return nil, fmt.Errorf("%s has no cells before %s: its first are of %s", of.name, plan.To.Format(time.RFC3339), first.Format(time.RFC3339))
	}
	plan.Begun, plan.Since, plan.Past = first.Before(plan.ReadFrom), first, of.past
	plan.Partitions, plan.Workers = int32(min(config.Telemetry.Partitions, maxGroupPartitions)), runtime.GOMAXPROCS(0)
	replay := backtest.NewReplay(plan, sets...)
	progress := progress{out: b.Progress, from: plan.ReadFrom, to: plan.To, began: time.Now()}
	held := map[clickhouse.SegmentOf]uint64{}
	err = of.ReadCells(ctx, clickhouse.Range{From: plan.ReadFrom, To: plan.To, Omit: plan.Omit}, func(cells *telemetry.StoredCells) error {
		if err := checkPanes(cells, pane, of.name); err != nil {
			return err
		}
		countReports(held, cells)
		replay.Take(cells)
		return progress.note(cells)
	})
	timelines := replay.Finish()
	if ctx.Err() != nil { // an hour past could not be read, or else reading ended early
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	report := &backtest.Report{Head: timelines[0], BaseName: b.Base}
	if len(timelines) > 1 {
		report.Base = timelines[1]
	}
	if of.past == nil && slices.ContainsFunc(sets, func(set *rules.Set) bool { return len(set.PastGroupings()) > 0 }) {
		report.Notes = append(report.Notes, fmt.Sprintf("%s does not answer of hours past: what ago and baseline ask of them is unknown, and alerts by it are missing.", of.name))
	}
	if inspections := rules.Count(sets[0].Inspections); inspections > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d of the rules are inspections, which are asked of whole days: run weir rules inspect.", inspections))
	}
	return report, b.note(ctx, config, report, notable{plan, first, held, of})
}

// notable is what the history was like.
type notable struct {
	plan  backtest.Plan
	first time.Time // pane of the store
	held  map[clickhouse.SegmentOf]uint64
	history
}

// note says what the history lacks.
func (b *Backtest) note(ctx context.Context, config *Config, report *backtest.Report, of notable) error {
	if !of.plan.Begun {
		report.Notes = append(report.Notes, fmt.Sprintf("%s begins at %s: what was before is unknown.", of.name, of.first.Format(time.RFC3339)))
	}
	if report.Head.Failures > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d evaluations failed, each of one rule for one group: run weir rules check.", report.Head.Failures))
	}
	// A segment has panes that are off its minute by the tolerance at most.
	from := of.plan.ReadFrom.Add(config.Telemetry.Tolerance)
	to := of.plan.To.Add(-config.Telemetry.Tolerance - telemetry.SegmentLength)
	ledger, err := of.ClosedSegments(ctx, from, to)
	if err != nil {
		return err
	}
	var lacking, missing uint64
	for segment, reports := range ledger {
		if got := of.held[segment]; got < reports {
			lacking++
			missing += reports - got
		}
	}
	if lacking > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%s lacks %d reports of %d segments of the ledger's %d: alerts may be missing, or be of silence.", of.name, missing, lacking, len(ledger)))
	}
	return nil
}

// countReports adds up what the store holds of each segment. Neighbours are often of one.
func countReports(held map[clickhouse.SegmentOf]uint64, cells *telemetry.StoredCells) {
	var at clickhouse.SegmentOf
	var sum uint64
	for i := range cells.Cells {
		cell := &cells.Cells[i]
		if of := (clickhouse.SegmentOf{Source: cell.Source, Segment: cell.Segment}); of != at {
			held[at] += sum
			at, sum = of, 0
		}
		sum += cell.Totals.Reports
	}
	held[at] += sum
}

// progress tells how far the reading is, a line for each tenth.
type progress struct {
	out      io.Writer
	from, to time.Time // event time
	began    time.Time
	cells    int
	tenths   int
}

func (p *progress) note(cells *telemetry.StoredCells) error {
	p.cells += len(cells.Cells)
	tenths := int(10 * cells.To.Sub(p.from) / p.to.Sub(p.from))
	if tenths == p.tenths {
		return nil
	}
	p.tenths = tenths
	_, err := fmt.Fprintf(p.out, "read to %s, %d%%, %d cells, %s\n", cells.To.Format(time.RFC3339), 10*tenths, p.cells, time.Since(p.began).Round(time.Second))
	return err
}
