package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Filled says what a table of longer steps lacked.
type Filled struct {
	Table   string `json:"table"`
	Steps   int    `json:"steps"`         // that were looked at
	Lacking int    `json:"lacking_steps"` // of which rows were missing, or made of too few reports
	Rows    uint64 `json:"lacking_rows"`
	// Kept are rows that were made of more reports than there are now, as cells have expired since.
	Kept uint64 `json:"kept_rows"`
}

// FillIn is which steps to fill in.
type FillIn struct {
	From, To time.Time // whole hours of event time that overlap it are looked at
	DryRun   bool      // nothing is written
	UnderWay bool      // also steps that are not over yet, which are left to a Compactor otherwise
	Told     func(day time.Time, so []Filled)
}

// FillIn compares the tables of longer steps with what they are made of, row by row, and makes those steps anew that lack something. It
// changes nothing where all is right, and never makes less of a row. Everything is asked once: the error is of an attempt that failed,
// after which it may be asked again.
func (s *Store) FillIn(ctx context.Context, of FillIn) ([]Filled, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the time: %w", err)
	}
	f := &filler{store: s, of: of, over: now, out: make([]Filled, len(RollupTables))}
	if of.UnderWay {
		f.over = of.To.Add(time.Hour)
	}
	for i, table := range RollupTables {
		f.out[i].Table = table
	}
	begin, end := of.From.UTC().Truncate(time.Hour), of.To.Add(time.Hour-1).UTC().Truncate(time.Hour)
	for day := begin.Truncate(24 * time.Hour); day.Before(end); day = day.Add(24 * time.Hour) {
		from, to := day, day.Add(24*time.Hour)
		if from.Before(begin) {
			from = begin
		}
		if to.After(end) {
			to = end
		}
		if err := f.day(ctx, from, to); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", day.Format(time.DateOnly), err)
		}
		if of.Told != nil {
			of.Told(day, f.out)
		}
	}
	return f.out, nil
}

type filler struct {
	store *Store
	of    FillIn
	over  time.Time // by when a step must have ended
	out   []Filled  // by RollupTables
}

// day fills in a day or a part of it: what a table lacks, those made of it lack too.
func (f *filler) day(ctx context.Context, from, to time.Time) error {
	minutes, err := f.table(ctx, &rollupMinutes, from, to, nil)
	if err != nil {
		return err
	}
	if _, err = f.table(ctx, &rollupTopics, from, to, minutes); err != nil {
		return err
	}
	if _, err = f.table(ctx, &rollupHours, from, to, minutes); err != nil {
		return err
	}
	_, err = f.table(ctx, &rollupGroups, from, to, nil)
	return err
}

// table fills in a table, and returns the steps that it did. Among these are those that the table which it is made of lacked.
func (f *filler) table(ctx context.Context, r *rollup, from, to time.Time, lacking map[int64]bool) (map[int64]bool, error) {
	var steps []time.Time
	for at := from; at.Before(to) && !at.Add(r.step).After(f.over); at = at.Add(r.step) {
		steps = append(steps, at)
	}
	counts, err := f.store.rowsOfSteps(ctx, r, steps)
	if err != nil {
		return nil, err
	}
	so := &f.out[slices.Index(RollupTables[:], r.into)]
	steps = slices.DeleteFunc(steps, func(at time.Time) bool { return counts[at.Unix()] == 0 })
	so.Steps += len(steps)
	fill := map[int64]bool{}
	for at := range lacking {
		if step := time.Unix(at, 0).UTC().Truncate(r.step); !step.Add(r.step).After(f.over) {
			fill[step.Unix()] = true
		}
	}
	batches := cutByRows(steps, counts, maxRollupRows)
	for i := range batches {
		if err := f.compare(ctx, r, &batches[i], fill); err != nil {
			return nil, err
		}
	}
	so.Lacking += len(fill)
	if f.of.DryRun {
		return fill, nil
	}
	var again []time.Time
	for _, unix := range slices.Sorted(maps.Keys(fill)) {
		again = append(again, time.Unix(unix, 0).UTC())
	}
	batches = cutByRows(again, counts, maxRollupRows)
	for i := range batches {
		if err := f.store.addUp(ctx, r, &batches[i]); err != nil {
			return nil, err
		}
	}
	return fill, nil
}

// compare adds the steps of a batch that lack something.
func (f *filler) compare(ctx context.Context, r *rollup, batch *rollupBatch, fill map[int64]bool) error {
	so := &f.out[slices.Index(RollupTables[:], r.into)]
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{finalByPartition: 1, "max_bytes_before_external_group_by": groupBytes, "max_threads": maxRollupThreads}))
	for part := range max(1, batch.parts) {
		where := batch.condition(r, part)
		statement := fmt.Sprintf(`SELECT step, countIf(want > have) AS lacking, countIf(want < have AND want > 0) FROM (
			SELECT step, series, sum(want) AS want, sum(have) AS have FROM (
				SELECT %[1]s AS step, sipHash128(%[2]s) AS series, reports AS want, 0 AS have FROM %[3]s FINAL PREWHERE %[5]s WHERE %[6]s
				UNION ALL SELECT ts AS step, sipHash128(%[2]s) AS series, 0 AS want, reports AS have FROM %[4]s FINAL PREWHERE %[5]s
			) GROUP BY step, series
		) GROUP BY step`, r.begin(), r.labels, r.from, r.into, where, cmp.Or(r.only, "1"))
		var step time.Time
		var lacking, kept uint64
		err := f.store.askRows(ctx, statement, []any{&step, &lacking, &kept}, func() {
			if so.Rows, so.Kept = so.Rows+lacking, so.Kept+kept; lacking > 0 {
				fill[step.Unix()] = true
			}
		})
		if err != nil {
			return fmt.Errorf("compare %s with %s: %w", r.into, r.from, err)
		}
	}
	return nil
}

// Reports is how many reports the store has of a time.
func (s *Store) Reports(ctx context.Context, from, to time.Time) (uint64, error) {
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{finalByPartition: 1}))
	var sum uint64
	for begin := from; begin.Before(to); begin = begin.Add(time.Hour) {
		end := begin.Add(time.Hour)
		if end.After(to) {
			end = to
		}
		var reports uint64
		err := s.askRows(ctx, fmt.Sprintf("SELECT sum(reports) FROM rollup_10s FINAL PREWHERE ts >= toDateTime(%d, 'UTC') AND ts < toDateTime(%d, 'UTC')", begin.Unix(), end.Unix()),
			[]any{&reports}, func() { sum += reports })
		if err != nil {
			return 0, fmt.Errorf("count the reports that are stored: %w", err)
		}
	}
	return sum, nil
}
