package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// How what has come is found: by when ClickHouse took it.
const (
	// arrivalGrain is how finely it is told when rows came. Not finer: more is remembered; not coarser: more is added up again
	// when one more row comes.
	arrivalGrain = 10 * time.Second
	// visibleWithin is how long after the time that a row bears it may be seen first: an insert under load takes as long as an attempt,
	// replicas are behind, and the clocks of servers differ. Not less: such rows would be missing until somebody fills them in; not
	// more: so much is looked at in every round.
	visibleWithin = 3 * time.Minute
	// maxAhead is how long before a step begins rows of it may come without that it is added up at once, as clocks of clients are ahead.
	// Not less: every step would be added up while it is under way; not more: so much more is looked at in every round.
	maxAhead = time.Minute
	// maxMarkAge is how old the note of how far was added up may be while nothing comes. Not less: a row is written each time; not
	// more: a restart looks at so much more.
	maxMarkAge = time.Minute
)

// rollupLevel is what is made of one table.
type rollupLevel struct {
	of       []rollup // in this order
	identity string   // columns by which rows are told apart
	// settles is for how long after its end a step is waited with. Not less: panes close late by the lateness, and storage writes once
	// a second, so that steps would be added up twice; not more: dashboards are behind by it.
	settles time.Duration
	// interval is how often it is looked at most. Not less: every statement makes parts; not more: dashboards are behind by it.
	interval time.Duration
}

var rollupLevels = []rollupLevel{
	{[]rollup{rollupMinutes, rollupTopics, rollupGroups}, "ts, client, topic, source, segment_block, segment_minute, reports, inserted_at", 10 * time.Second, 0},
	{[]rollup{rollupHours}, "ts, client, topic, op, consumer_group, partition, reports, inserted_at", 2 * time.Minute, time.Minute},
}

func (l *rollupLevel) from() string        { return l.of[0].from }
func (l *rollupLevel) step() time.Duration { return l.of[0].step }

// looksBack is how much of what has come before the mark is looked at again: as long as a step is waited with, and may be unseen.
func (l *rollupLevel) looksBack() time.Duration {
	return maxAhead + l.step() + l.settles + visibleWithin
}

// Compaction is what a Compactor tells of its work.
type Compaction struct {
	Table  string
	Rows   uint64        // that were read
	Behind time.Duration // how long ago all was added up that had come, but for what was left
	// Missing is of how long what came was left, to be added up in spare time.
	Missing time.Duration
}

// Compactor adds up what has come to rollup_10s into the tables of longer steps. Any number of them may do so at once, and each may end
// anywhere: a step is made anew of all its rows, and a row that was made of fewer loses. One goroutine uses it.
type Compactor struct {
	store  *Store
	told   func(Compaction)
	now    func(context.Context) (time.Time, error) // ClickHouse's clock, which rows bear
	most   uint64                                   // rows of a statement
	spare  time.Duration                            // until how long after its begin a round works off what was left
	levels []*levelProgress
}

// levelProgress is how far a level was added up.
type levelProgress struct {
	*rollupLevel
	mark    time.Time // what had come before was added up or left; zero while that is not known
	written time.Time // the mark that the store knows
	looked  time.Time // when all was added up
	known   map[arrival]uint64
	backlog backlog
}

// arrival is rows of a step that came at about one time.
type arrival struct{ step, at int64 } // Unix seconds

// NewCompactor returns one that goes on where the store says that others have come to. told hears of each statement's work.
func (s *Store) NewCompactor(told func(Compaction)) *Compactor {
	c := &Compactor{store: s, told: told, now: s.now, most: maxRollupRows, spare: backlogTime}
	for i := range rollupLevels {
		c.levels = append(c.levels, &levelProgress{rollupLevel: &rollupLevels[i], known: map[arrival]uint64{}})
	}
	return c
}

// now is the time that the server would give a row.
func (s *Store) now(ctx context.Context) (now time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	err = s.conn.QueryRow(ctx, "SELECT now('UTC')").Scan(&now)
	return now.UTC(), err
}

// CompactorInterval is how often Round is to be called. Not more often: every statement makes parts; not less: dashboards are behind by it.
const CompactorInterval = 10 * time.Second

// Round adds up all that has come since the last one and is due, the newest first. What came long ago it leaves, and works off in the
// time that it has left. Everything is asked once: the error is of an attempt that failed, after which another round goes on.
func (c *Compactor) Round(ctx context.Context) error {
	began := time.Now()
	now, err := c.now(ctx)
	if err != nil {
		return fmt.Errorf("ask for the time: %w", err)
	}
	for _, level := range c.levels {
		if now.Sub(level.looked) < level.interval {
			continue
		}
		if err := c.advance(ctx, level, now); err != nil {
			return fmt.Errorf("add up %s: %w", level.of[0].into, err)
		}
	}
	return c.workOffUntil(ctx, began.Add(c.spare), now)
}

// advance adds up what came from the mark on, and moves the mark behind it.
func (c *Compactor) advance(ctx context.Context, level *levelProgress, now time.Time) error {
	if level.mark.IsZero() {
		if err := c.begin(ctx, level, now); err != nil {
			return err
		}
	}
	if now.Sub(level.mark) > maxFreshAge {
		if err := c.leave(ctx, level, now); err != nil {
			return err
		}
	}
	from := level.mark.Add(-level.looksBack()).Truncate(arrivalGrain)
	came, err := c.arrivals(ctx, level, from, time.Time{})
	if err != nil {
		return err
	}
	maps.DeleteFunc(level.known, func(a arrival, _ uint64) bool { return a.at < from.Unix() })
	if err := c.addUp(ctx, level, came, now); err != nil {
		return err
	}
	level.mark, level.looked = now, now
	c.tell(level, now)
	if len(came) == 0 && level.mark.Sub(level.written) < maxMarkAge {
		return nil
	}
	return c.writeMark(ctx, level)
}

// tell says how far a level is.
func (c *Compactor) tell(level *levelProgress, now time.Time) {
	for i := range level.of {
		c.told(Compaction{Table: level.of[i].into, Behind: now.Sub(level.mark), Missing: level.backlog.missing()})
	}
}

// begin reads how far the store says that all was added up. Where it says nothing, all that is there is still to be.
func (c *Compactor) begin(ctx context.Context, level *levelProgress, now time.Time) error {
	var marks, rows uint64
	var mark, first time.Time
	err := c.store.askRows(ctx, "SELECT count(), max(added_up) FROM rollup_marks WHERE name = "+quoted(level.of[0].into), []any{&marks, &mark}, func() {})
	if err == nil && marks == 0 { // parts know their least ts, so that no row is read
		err = c.store.askRows(ctx, "SELECT count(), min(ts) FROM "+level.from(), []any{&rows, &first}, func() {})
	}
	if err == nil {
		var superseded []leftSpan
		if superseded, err = level.backlog.begin(ctx, c.store, level.of[0].into); err == nil {
			err = c.supersede(ctx, level, superseded)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("read how far it was: %w", err)
	case marks > 0:
		level.mark, level.written = mark.UTC(), mark.UTC()
	case rows > 0:
		level.mark = first.UTC().Add(-maxComesBefore)
	default:
		level.mark = now
	}
	c.tell(level, now) // it is known also where nothing can be added up
	return nil
}

func (c *Compactor) writeMark(ctx context.Context, level *levelProgress) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	statement := fmt.Sprintf("INSERT INTO rollup_marks (name, added_up) VALUES (%s, toDateTime(%d, 'UTC'))", quoted(level.of[0].into), level.mark.Unix())
	if err := c.store.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("write how far it is: %w", err)
	}
	level.written = level.mark
	return nil
}

// arrivals are the rows that came from a time on and before another one, or all: a number for each step and time that differs when
// one more row is there.
func (c *Compactor) arrivals(ctx context.Context, level *levelProgress, from, to time.Time) (map[arrival]uint64, error) {
	where := fmt.Sprintf("inserted_at >= toDateTime(%d, 'UTC')", from.Unix())
	if !to.IsZero() {
		where += fmt.Sprintf(" AND inserted_at < toDateTime(%d, 'UTC')", to.Unix())
	}
	out := map[arrival]uint64{}
	var step, at time.Time
	var rows uint64
	err := c.store.askRows(ctx, fmt.Sprintf("SELECT %s AS begin, toStartOfInterval(inserted_at, INTERVAL %d SECOND) AS at, sum(cityHash64(%s)) FROM %s WHERE %s GROUP BY begin, at",
		level.of[0].begin(), int(arrivalGrain.Seconds()), level.identity, level.from(), where), []any{&step, &at, &rows},
		func() { out[arrival{step.Unix(), at.Unix()}] = rows })
	if err != nil {
		return nil, fmt.Errorf("look for what has come: %w", err)
	}
	return out, nil
}

// due are the steps that something has come of which is not known, in order, without those that are under way.
func (l *levelProgress) due(came, known map[arrival]uint64, now time.Time) []time.Time {
	news, early := map[int64]bool{}, map[int64]bool{}
	for a, rows := range came {
		if before, is := known[a]; !is || before != rows {
			news[a.step] = true
		}
		if a.at < a.step-int64(maxAhead.Seconds()) {
			early[a.step] = true
		}
	}
	var out []time.Time
	for _, unix := range slices.Sorted(maps.Keys(news)) {
		step := time.Unix(unix, 0).UTC()
		underWay := !step.After(now.Add(maxAhead)) && now.Before(step.Add(l.step()+l.settles))
		if !underWay || early[unix] {
			out = append(out, step)
		}
	}
	return out
}

// addUp adds up steps that something has come of, the newest first.
func (c *Compactor) addUp(ctx context.Context, level *levelProgress, came map[arrival]uint64, now time.Time) error {
	batches, err := c.store.batches(ctx, &level.of[0], level.due(came, level.known, now), c.most)
	if err != nil {
		return err
	}
	for i := range slices.Backward(batches) {
		if err := c.make(ctx, level, &batches[i], now); err != nil {
			return err
		}
		for a, rows := range came {
			if _, added := slices.BinarySearchFunc(batches[i].steps, time.Unix(a.step, 0), time.Time.Compare); added {
				level.known[a] = rows
			}
		}
	}
	return nil
}

// make makes steps anew in all tables of a level.
func (c *Compactor) make(ctx context.Context, level *levelProgress, batch *rollupBatch, now time.Time) error {
	for i := range level.of {
		if err := c.store.addUp(ctx, &level.of[i], batch); err != nil {
			return err
		}
		c.told(Compaction{Table: level.of[i].into, Rows: batch.rows, Behind: now.Sub(level.mark), Missing: level.backlog.missing()})
	}
	return nil
}
