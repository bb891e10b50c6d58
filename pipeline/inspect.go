package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/inspect"
	"github.com/weirmq/weir/rules/lint"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// Inspect asks what the rules of the lane inspection find on a day that the store holds.
type Inspect struct {
	Dir    string    // of rule files; "" is the configuration's
	Day    time.Time // in UTC; zero is the last one that is over
	Now    time.Time
	Keep   bool      // replace the day's rows of the table inspections
	Format string    // one of inspect.Formats
	Out    io.Writer // the report
}

// RunInspect asks and prints. It says whether a rule could not be asked of all groups. A store that cannot be asked is an error
// at once. Nobody is told.
func RunInspect(ctx context.Context, config *Config, i Inspect) (failed bool, err error) {
	if i.Dir == "" {
		i.Dir = config.Rules.Dir
	}
	set, err := rules.Load(i.Dir)
	if err != nil {
		return false, fmt.Errorf("load rules: %w", err)
	}
	if len(set.Inspections) == 0 {
		return false, fmt.Errorf("inspect: no group of %s has lane: inspection", i.Dir)
	}
	if i.Day.IsZero() {
		i.Day = i.Now.UTC().Truncate(rules.Day).Add(-rules.Day)
	}
	var report *inspect.Report
	err = askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		of := inspection{store: store, set: set, day: i.Day, tolerance: config.Telemetry.Tolerance, now: i.Now, kafka: config.Kafka}
		report, err = of.run(ctx)
		if err == nil && i.Keep {
			err = store.WriteInspection(ctx, &report.Inspection)
		}
		if err != nil {
			return because(ctx, "inspect", err)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return report.Failed(), report.Write(i.Out, i.Format)
}

// inspection asks a set of rules of one day.
type inspection struct {
	store     *clickhouse.Store
	set       *rules.Set
	day       time.Time // its begin, in UTC
	tolerance time.Duration
	now       time.Time
	kafka     KafkaConfig // of weir.telemetry
	kept      time.Time   // since when rows of all tiers are
	uncounted bool        // how many reports the day has is not known: the ledger has nothing of it, or not all
}

// inspectionSettles is how far behind a day's end the store's newest cell must be. Not less: storage reads its partitions side
// by side, and some are behind others; not more: it may be the first traffic of a morning.
const inspectionSettles = 10 * time.Minute

// errNothing is of a day of which nothing can be said, as the store has neither cells nor a ledger of it.
var errNothing = errors.New("the store has nothing of the day")

// run reads the days that the rules look back on, the newest first, and asks. What the store lacks is in the report's notes.
func (i *inspection) run(ctx context.Context) (*inspect.Report, error) {
	end := i.day.Add(rules.Day)
	if end.After(i.now) {
		return nil, fmt.Errorf("the day %s is not over: choose one before %s", i.day.Format(time.DateOnly), i.now.UTC().Format(time.DateOnly))
	}
	first, last, err := i.store.Held(ctx)
	if err != nil {
		return nil, err
	}
	if i.kept, err = i.store.KeptSince(ctx, "rollup_10s"); err != nil {
		return nil, err
	}
	if last.Before(i.day) {
		return nil, fmt.Errorf("the store has no cells from %s on: its last are of %s", i.day.Format(time.DateOnly), last.Format(time.RFC3339))
	}
	if !first.Before(end) {
		return nil, fmt.Errorf("%w %s: its first cells are of %s", errNothing, i.day.Format(time.DateOnly), first.Format(time.RFC3339))
	}
	known := end
	if !i.settled(last) {
		known = last
	}
	behind, err := i.sourcesBehind(ctx)
	if err != nil {
		return nil, err
	}
	in := rules.NewInspection(i.set, i.day, first, behind.until(known))
	notes := i.notes(first, last, in.Days())
	if text := behind.text(); text != "" {
		i.uncounted = true
		notes = append(notes, text+".")
	}
	for back := range in.Days() {
		if in.Day(back).Add(rules.Day).Before(first) {
			break
		}
		if err := i.readDay(ctx, in, back, &notes); err != nil {
			return nil, err
		}
	}
	if absent := in.FindsAbsent(); len(absent) > 0 {
		names, all := lint.LabelsRead(absent)
		series, err := i.store.Series(ctx, clickhouse.SeriesQuery{From: end.Add(-rules.MaxInspected), To: end, Labels: names, All: all})
		if err != nil {
			return nil, err
		}
		for at := range series {
			in.Know(&series[at])
		}
	}
	report := inspect.NewReport(in, i.set, i.now)
	report.Notes, report.Uncounted = notes, i.uncounted
	return report, nil
}

// readDay takes a day that is so many back, and notes what the store lacks of it.
func (i *inspection) readDay(ctx context.Context, in *rules.Inspection, back int, notes *[]string) error {
	day := in.Day(back)
	held, stored, err := i.store.HeldOf(ctx, day, i.tolerance)
	if err != nil {
		return err
	}
	if stored < held {
		in.Lacks(back, float64(stored)/float64(held)) // what has expired is no traffic of 0 either
		expired := day.Before(i.kept)
		*notes = append(*notes, lackNote(day, held, stored, expired))
		i.uncounted = i.uncounted || back == 0 && expired
	}
	some := held > 0
	i.uncounted = i.uncounted || back == 0 && held == 0
	err = i.store.ReadDay(ctx, clickhouse.DayQuery{Day: day, Omit: in.Omit(), Gauges: in.Gauges()}, func(series *telemetry.SeriesDay) {
		some = true
		in.Take(back, series)
	})
	if err == nil && back == 0 && !some {
		return fmt.Errorf("%w %s, though of days before and after it", errNothing, day.Format(time.DateOnly))
	}
	return err
}

// lackNote says what the store lacks of a day: rows of a tier that is kept for a shorter time are not lost.
func lackNote(day time.Time, held, stored uint64, expired bool) string {
	if expired {
		return fmt.Sprintf("of %s the store holds %d of %d reports: rows of some tier have expired, as their lifetime says.", day.Format(time.DateOnly), stored, held)
	}
	return fmt.Sprintf("the store lacks %d of %d reports of %s.", held-stored, held, day.Format(time.DateOnly))
}

// notes say where the store begins and ends, if it is not where the days do.
func (i *inspection) notes(first, last time.Time, days int) []string {
	var out []string
	if begin := i.day.Add(-time.Duration(days-1) * rules.Day); first.After(begin) {
		out = append(out, fmt.Sprintf("the store begins at %s: what was before is unknown.", first.Format(time.RFC3339)))
	}
	if !i.settled(last) {
		out = append(out, fmt.Sprintf("the store's newest cell is of %s: it may lack some of the day.", last.Format(time.RFC3339)))
	}
	return out
}

// settled says that a store whose newest cell is of that pane has all of the day, as far as it can say.
func (i *inspection) settled(last time.Time) bool {
	return !last.Before(i.day.Add(rules.Day + inspectionSettles))
}

// lacking says what of the day the store may yet get, nil where it has all.
func (i *inspection) lacking(ctx context.Context, last time.Time) (lacking, err error) {
	if !i.settled(last) {
		return fmt.Errorf("the store's newest cell is of %s, and all of %s is there once it has one from %s after it", last.Format(time.RFC3339),
			i.day.Format(time.DateOnly), inspectionSettles), nil
	}
	behind, err := i.sourcesBehind(ctx)
	if err != nil {
		return nil, err
	}
	if text := behind.text(); text != "" {
		return errors.New(text), nil
	}
	return nil, nil
}
