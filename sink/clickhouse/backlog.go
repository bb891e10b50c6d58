package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// How what could not be added up in time is worked off: as after an upgrade, or where no process added up for hours.
const (
	// maxFreshAge is how old what has come may be before it is left for spare time, so that what is new does not wait for it. Not less:
	// a restart would leave what it can add up at once; not more: a round takes so much longer.
	maxFreshAge = 10 * time.Minute
	// freshArrivals is how much of what has come is added up at once where the rest is left. Not less: nothing would be, while a store
	// is slow; not more: a start takes so much longer.
	freshArrivals = time.Minute
	// backlogStretch is how much of what had come is looked at at once; where nothing had, twice as much the next time. Not less: steps at
	// its borders are looked at twice; not more: a restart does it again.
	backlogStretch = 10 * time.Minute
	// backlogTime is until how long after its begin a round works off what was left: half of the time between rounds. Not less: a
	// month of a large fleet takes half a day; not more: what is new would wait, and so would people's questions.
	backlogTime = CompactorInterval / 2
	// maxComesBefore is how long before a step begins rows of it may have come, by the skew that reports may have.
	maxComesBefore = 24 * time.Hour
)

// leftSpan is when what came that was left: from since on and before until, of which so much before until was worked off since.
type leftSpan struct {
	since, until time.Time
	workedOff    time.Duration
}

// end is before when what came is still missing.
func (s *leftSpan) end() time.Time { return s.until.Add(-s.workedOff) }

// backlog is what was left of a level, worked off from the newest on: people ask about that.
type backlog struct {
	spans   []leftSpan     // by their end, so that the last is the newest; none is empty
	made    map[int64]bool // steps that were made since, as many as the table has at most
	batches []rollupBatch  // what is left of the newest stretch, the newest last
	from    time.Time      // since when that is
	stretch time.Duration  // that is looked at next: longer while nothing came, as it begins with the oldest pane, and that may have come today
}

// missing is for how long what came is missing.
func (b *backlog) missing() (sum time.Duration) {
	for i := range b.spans {
		sum += b.spans[i].end().Sub(b.spans[i].since)
	}
	return sum
}

// has says in SQL whether what came at a time was left.
func (b *backlog) has(came string) string {
	out := "false"
	for i := range b.spans {
		out += fmt.Sprintf(" OR %[1]s >= %[2]s AND %[1]s < %[3]s", came, moment(b.spans[i].since), moment(b.spans[i].end()))
	}
	return out
}

// begin reads what others left. Spans within others are of a process that died before it wrote its mark: they are superseded, also where the
// others are worked off.
func (b *backlog) begin(ctx context.Context, s *Store, table string) (superseded []leftSpan, err error) {
	b.spans, b.made, b.batches, b.stretch = nil, map[int64]bool{}, nil, backlogStretch
	var since, until time.Time
	var workedOff uint32
	var all []leftSpan
	err = s.askRows(ctx, "SELECT since, until, worked_off_seconds FROM rollup_backlog FINAL WHERE name = "+quoted(table)+" ORDER BY until - worked_off_seconds, since DESC",
		[]any{&since, &until, &workedOff}, func() {
			all = append(all, leftSpan{since.UTC(), until.UTC(), time.Duration(workedOff) * time.Second})
		})
	for i := range all {
		within := func(of leftSpan) bool { return of.until.After(all[i].until) && !of.since.After(all[i].since) }
		switch {
		case !all[i].since.Before(all[i].end()):
		case slices.ContainsFunc(all, within):
			superseded = append(superseded, all[i])
		default:
			b.spans = append(b.spans, all[i])
		}
	}
	return superseded, err
}

// writeSpan notes how far a span is worked off. Of what two processes write the further one counts: each has worked off what it says.
func (c *Compactor) writeSpan(ctx context.Context, level *levelProgress, of *leftSpan) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	statement := fmt.Sprintf("INSERT INTO rollup_backlog (name, since, until, worked_off_seconds) VALUES (%s, toDateTime(%d, 'UTC'), toDateTime(%d, 'UTC'), %d)",
		quoted(level.of[0].into), of.since.Unix(), of.until.Unix(), int64(of.workedOff/time.Second))
	if err := c.store.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("write what is left: %w", err)
	}
	return nil
}

// supersede notes spans as worked off: a wider one has all of them.
func (c *Compactor) supersede(ctx context.Context, level *levelProgress, spans []leftSpan) error {
	for i := range spans {
		spans[i].workedOff = spans[i].until.Sub(spans[i].since)
		if err := c.writeSpan(ctx, level, &spans[i]); err != nil {
			return err
		}
	}
	return nil
}

// leave leaves what is too old for later, with what had come shortly before the mark: its steps may have been under way, or it was not seen.
// The mark is written with what is new: who dies before leaves it again.
func (c *Compactor) leave(ctx context.Context, level *levelProgress, now time.Time) error {
	left := leftSpan{since: level.mark.Add(-level.looksBack()).Truncate(arrivalGrain), until: now.Add(-freshArrivals).Truncate(time.Second)}
	if err := c.writeSpan(ctx, level, &left); err != nil {
		return err
	}
	level.mark = left.until
	b := &level.backlog
	var superseded, others []leftSpan
	for _, of := range b.spans {
		if of.since.Before(left.since) {
			others = append(others, of)
		} else {
			superseded = append(superseded, of)
		}
	}
	b.spans = append(others, left)
	if err := c.supersede(ctx, level, superseded); err != nil {
		return err
	}
	return nil
}

// workOff adds up one batch of what was left, or looks for more, and says whether there was anything.
func (c *Compactor) workOff(ctx context.Context, level *levelProgress, now time.Time) (bool, error) {
	b := &level.backlog
	if len(b.spans) == 0 {
		return false, nil
	}
	newest := &b.spans[len(b.spans)-1]
	if len(b.batches) == 0 {
		b.from = newest.end().Add(-b.stretch)
		if b.from.Before(newest.since) {
			b.from = newest.since
		}
		came, err := c.arrivals(ctx, level, b.from, newest.end())
		if err != nil {
			return true, err
		}
		switch {
		case len(came) == 0:
			b.stretch *= 2
		case b.stretch > backlogStretch:
			b.stretch = backlogStretch
			return true, nil
		}
		steps := slices.DeleteFunc(level.due(came, nil, now), func(step time.Time) bool { return b.made[step.Unix()] })
		if b.batches, err = c.store.batches(ctx, &level.of[0], steps, c.most); err != nil {
			return true, err
		}
	}
	some := len(b.batches) > 0
	if some {
		last := len(b.batches) - 1
		if err := c.make(ctx, level, &b.batches[last], now); err != nil {
			return true, err
		}
		for _, step := range b.batches[last].steps {
			b.made[step.Unix()] = true
		}
		if b.batches = b.batches[:last]; last > 0 {
			return true, nil
		}
	}
	newest.workedOff = newest.until.Sub(b.from)
	done := !newest.since.Before(newest.end())
	if some || done { // that nothing came is found out again
		if err := c.writeSpan(ctx, level, newest); err != nil {
			return true, err
		}
	}
	if done {
		b.stretch = backlogStretch
		if b.spans = b.spans[:len(b.spans)-1]; len(b.spans) == 0 {
			clear(b.made)
		}
	}
	c.tell(level, now)
	return true, nil
}

// workOffUntil works off what was left until a time of this process's clock, what is newest of each table first.
func (c *Compactor) workOffUntil(ctx context.Context, deadline, now time.Time) error {
	for _, level := range c.levels {
		for time.Now().Before(deadline) {
			more, err := c.workOff(ctx, level, now)
			if err != nil {
				return fmt.Errorf("add up what %s lacks: %w", level.of[0].into, err)
			}
			if !more {
				break
			}
		}
	}
	return nil
}
