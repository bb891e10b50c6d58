package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of what is kept of hours past.
const (
	// maxPastHours is how many hours of groupings are kept. Not fewer: the longest baseline is 28 hours of a grouping, 16 groupings
	// may have one, and two of each are asked for while partitions come to the next hour; not more: each is read by a query.
	maxPastHours = 1024
	// maxPastGroups is how many groups all of them may have. Not fewer: a large fleet has 100,000 pairs of topic and group, and a
	// baseline of a week is seven hours of them; not more: each takes some 150 bytes.
	maxPastGroups = 1_000_000
	// pastInUse is for how long after it was asked for an hour makes no room for another. Not less: panes may be a minute long, and
	// rules are asked once in each; not more: after the turn of an hour those of the one before are in the way.
	pastInUse = 2 * time.Minute
	// pastSettles is how far behind an hour's end the store's newest cell must be. Not less: storage reads its partitions side by
	// side, and some are behind others; not more: the spans end an hour ago and more, and storage may be behind by the rest.
	pastSettles = 10 * time.Minute
	// pastForgotten is for how long an hour that cannot be read is tried again after it was asked for. Not less: panes may be
	// minutes long; not more: what rules no longer read would be shown as a fault.
	pastForgotten = 10 * time.Minute
)

// pastHours reads hours that rules ask for from the store, in the background: who asks is told what is known. One goroutine
// reads; any may ask.
type pastHours struct {
	wake  chan struct{} // holds one
	inUse time.Duration // pastInUse, less where none is

	mu      sync.Mutex // guards what follows
	hours   map[pastKey]*pastHour
	groups  int       // of all hours
	crowded time.Time // when there was no room for one, last
}

type pastKey struct {
	grouping string
	start    int64 // Unix seconds
}

// pastHour is what the groups of a grouping counted in an hour.
type pastHour struct {
	grouping telemetry.Grouping
	asked    time.Time // when last
	known    rules.Knowledge
	counted  rules.Hour
}

func newPastHours() *pastHours {
	return &pastHours{wake: make(chan struct{}, 1), inUse: pastInUse, hours: map[pastKey]*pastHour{}}
}

// Hour is what rules.Past says.
func (p *pastHours) Hour(grouping *telemetry.Grouping, group string, start time.Time) (rules.Counted, rules.Knowledge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, now := pastKey{grouping.ID, start.Unix()}, time.Now()
	hour := p.hours[key]
	if hour == nil {
		defer p.awake()
		if len(p.hours) >= maxPastHours && !p.forgetOldest(now) {
			p.crowded = now
			return rules.Counted{}, rules.Unread
		}
		hour = &pastHour{grouping: *grouping}
		p.hours[key] = hour
	}
	hour.asked = now
	return hour.counted[group], hour.known
}

// awake has the reader look what is asked for.
func (p *pastHours) awake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// forgetOldest makes room: the hour that was not asked for the longest goes, false where all are in use. The lock is held.
func (p *pastHours) forgetOldest(now time.Time) bool {
	var oldest pastKey
	for key, hour := range p.hours {
		if of := p.hours[oldest]; of == nil || hour.asked.Before(of.asked) {
			oldest = key
		}
	}
	hour := p.hours[oldest]
	if hour == nil || now.Sub(hour.asked) <= p.inUse {
		return false
	}
	p.groups -= len(hour.counted)
	delete(p.hours, oldest)
	return true
}

// run reads until ctx ends. say hears of each attempt.
func (p *pastHours) run(ctx context.Context, of *ClickHouseConfig, say func(error)) {
	var store *clickhouse.Store
	defer func() {
		if store != nil {
			_ = store.Close()
		}
	}()
	pauses := restartPauses()
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-again:
		}
		var err error
		if store == nil {
			store, err = clickhouse.Open(ctx, of.store(say))
		}
		if err == nil {
			err = p.read(ctx, store)
		}
		if ctx.Err() != nil {
			return
		}
		say(err)
		if again = nil; err == nil {
			pauses.Reset()
			continue
		}
		again = time.After(pauses.NextBackOff())
	}
}

// read reads all hours that are asked for and not known. Those that the store does not have all of, and those that there is no
// room for, keep none from being read.
func (p *pastHours) read(ctx context.Context, store *clickhouse.Store) error {
	missing, lacking := p.missing(time.Now())
	if len(missing) == 0 {
		return lacking
	}
	stored, err := hoursOf(ctx, store)
	if err != nil {
		return err
	}
	for _, start := range slices.Backward(slices.Sorted(maps.Keys(missing))) {
		series, known, err := stored.hour(ctx, time.Unix(start, 0).UTC())
		if err != nil {
			return err
		}
		if known == rules.Unread {
			lacking = fmt.Errorf("rules ask for the hour from %s on, and the store has no cells yet from %s after it: it may lack some of the hour",
				time.Unix(start, 0).UTC().Format(time.RFC3339), pastSettles)
			continue
		}
		for _, grouping := range missing[start] {
			if err := p.put(pastKey{grouping.ID, start}, countedBy(&grouping, series), known); err != nil {
				lacking = err
			}
		}
	}
	return lacking
}

// storedHours are those of a store, with the time of which it has cells.
type storedHours struct {
	store       *clickhouse.Store
	first, last time.Time // pane; zero of an empty store
}

func hoursOf(ctx context.Context, store *clickhouse.Store) (storedHours, error) {
	first, last, err := store.Held(ctx)
	return storedHours{store, first, last}, err
}

// hour returns what series counted in an hour, and whether that is known.
func (h storedHours) hour(ctx context.Context, from time.Time) ([]clickhouse.Counted, rules.Knowledge, error) {
	to := from.Add(time.Hour)
	switch {
	case h.first.IsZero() || h.first.After(from):
		return nil, rules.Absent, nil
	case h.last.Before(to.Add(pastSettles)):
		return nil, rules.Unread, nil
	}
	series, err := h.store.ReadCounted(ctx, from, to)
	if err != nil {
		return nil, rules.Unread, fmt.Errorf("read the hour from %s on: %w", from.Format(time.RFC3339), err)
	}
	return series, rules.Known, nil
}

// missing returns the groupings of which an hour is asked for and not known, by the hour's start, and an error where there is no
// room for all. What was not asked for lately is forgotten.
func (p *pastHours) missing(now time.Time) (map[int64][]telemetry.Grouping, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[int64][]telemetry.Grouping{}
	for key, hour := range p.hours {
		switch {
		case hour.known != rules.Unread:
		case now.Sub(hour.asked) > pastForgotten:
			delete(p.hours, key)
		default:
			out[key.start] = append(out[key.start], hour.grouping)
		}
	}
	if !p.crowded.IsZero() && now.Sub(p.crowded) <= pastForgotten {
		return out, fmt.Errorf("rules ask for more than %d hours past at a time, each of one grouping: use shorter baselines, or have rules group and filter alike", maxPastHours)
	}
	return out, nil
}

// put keeps what the store says of an hour.
func (p *pastHours) put(key pastKey, counted rules.Hour, known rules.Knowledge) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now()
	for p.hours[key] != nil && p.groups+len(counted) > maxPastGroups {
		if !p.forgetOldest(began) {
			return fmt.Errorf("hours past have %d groups, at most %d are kept: use ago over an hour and baseline in fewer rules, or group by less",
				p.groups+len(counted), maxPastGroups)
		}
	}
	if hour := p.hours[key]; hour != nil { // else nobody asks for it any more
		p.groups += len(counted)
		hour.known, hour.counted = known, counted
	}
	return nil
}

// countedBy adds up what a grouping's groups counted.
func countedBy(grouping *telemetry.Grouping, series []clickhouse.Counted) rules.Hour {
	out := rules.Hour{}
	for i := range series {
		out.Add(grouping, series[i].Labels, rules.CountedIn(&series[i].Totals, series[i].Minutes))
	}
	return out
}
