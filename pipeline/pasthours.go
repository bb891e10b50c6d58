package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of what is kept of hours past.
const (
	// maxPastHours is how many hours of groupings are kept. Not fewer: a few rules look back by a few spans each, and two hours of
	// each are asked for while partitions come to the next; not more: memory.
	maxPastHours = 64
	// maxPastGroups is how many groups all of them may have. Not fewer: a large fleet has 100,000 pairs of topic and group; not
	// more: each takes some 200 bytes.
	maxPastGroups = 1_000_000
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
	wake chan struct{} // holds one

	mu     sync.Mutex // guards what follows
	hours  map[pastKey]*pastHour
	groups int // of all hours
}

type pastKey struct {
	grouping string
	start    int64 // Unix seconds
}

// pastHour is what the groups of a grouping counted in an hour.
type pastHour struct {
	grouping telemetry.Grouping
	asked    time.Time                   // when last
	read     bool                        // all that the store can say
	counted  map[string]telemetry.Totals // by group; nil where it is unknown
}

func newPastHours() *pastHours {
	return &pastHours{wake: make(chan struct{}, 1), hours: map[pastKey]*pastHour{}}
}

// Hour is what rules.Past says.
func (p *pastHours) Hour(grouping *telemetry.Grouping, group string, start time.Time) (telemetry.Totals, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := pastKey{grouping.ID, start.Unix()}
	hour := p.hours[key]
	if hour == nil {
		p.forgetOldest()
		hour = &pastHour{grouping: *grouping}
		p.hours[key] = hour
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	hour.asked = time.Now()
	return hour.counted[group], hour.counted != nil
}

// forgetOldest makes room for one hour more: the one that was not asked for the longest goes. The lock is held.
func (p *pastHours) forgetOldest() {
	if len(p.hours) < maxPastHours {
		return
	}
	var oldest pastKey
	for key, hour := range p.hours {
		if of := p.hours[oldest]; of == nil || hour.asked.Before(of.asked) {
			oldest = key
		}
	}
	p.groups -= len(p.hours[oldest].counted)
	delete(p.hours, oldest)
}

// run reads until ctx ends. say hears of each attempt.
func (p *pastHours) run(ctx context.Context, dsn string, say func(error)) {
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
			store, err = clickhouse.Open(ctx, clickhouse.Config{DSN: dsn, OnError: say})
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

// read reads all hours that are asked for and not known. Those that the store does not have all of keep none from being read.
func (p *pastHours) read(ctx context.Context, store *clickhouse.Store) error {
	missing := p.missing(time.Now())
	if len(missing) == 0 {
		return nil
	}
	first, last, err := store.Held(ctx)
	if err != nil {
		return err
	}
	var lacking error
	for _, start := range slices.Backward(slices.Sorted(maps.Keys(missing))) {
		from := time.Unix(start, 0).UTC()
		to := from.Add(time.Hour)
		var series []clickhouse.Counted
		begun := !first.IsZero() && !first.After(from) // else nobody knows of the hour
		if begun && last.Before(to.Add(pastSettles)) {
			lacking = fmt.Errorf("rules ask for the hour from %s on, and the store has no cells yet from %s after it: it may lack some of the hour",
				from.Format(time.RFC3339), pastSettles)
			continue
		}
		if begun {
			if series, err = store.ReadCounted(ctx, from, to); err != nil {
				return fmt.Errorf("read the hour from %s on: %w", from.Format(time.RFC3339), err)
			}
		}
		for _, grouping := range missing[start] {
			if err := p.put(pastKey{grouping.ID, start}, groupCounted(&grouping, series), begun); err != nil {
				return err
			}
		}
	}
	return lacking
}

// missing returns the groupings of which an hour is asked for and not known, by the hour's start. What was not asked for lately
// is forgotten.
func (p *pastHours) missing(now time.Time) map[int64][]telemetry.Grouping {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[int64][]telemetry.Grouping{}
	for key, hour := range p.hours {
		switch {
		case hour.read:
		case now.Sub(hour.asked) > pastForgotten:
			delete(p.hours, key)
		default:
			out[key.start] = append(out[key.start], hour.grouping)
		}
	}
	return out
}

// put keeps what the store says of an hour, known where it has it.
func (p *pastHours) put(key pastKey, counted map[string]telemetry.Totals, known bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	hour := p.hours[key]
	if hour == nil { // nobody asks for it any more
		return nil
	}
	if p.groups+len(counted) > maxPastGroups {
		return fmt.Errorf("hours past have %d groups, at most %d are kept: use ago over an hour in fewer rules, or group by less", p.groups+len(counted), maxPastGroups)
	}
	if hour.read = true; known {
		p.groups += len(counted)
		hour.counted = counted
	}
	return nil
}

// groupCounted adds up what a grouping's groups counted, by their keys.
func groupCounted(grouping *telemetry.Grouping, series []clickhouse.Counted) map[string]telemetry.Totals {
	out := map[string]telemetry.Totals{}
	for i := range series {
		values, ok := grouping.Values(series[i].Labels)
		if !ok {
			continue
		}
		key := telemetry.GroupKey(grouping.ID, values)
		sum := out[key]
		sum.JoinCounters(&telemetry.Labels{}, &series[i].Totals)
		out[key] = sum
	}
	return out
}
