package pipeline

import (
	"context"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
)

// When a client counts as gone though it did not say that it stopped. The store has when panes begin, and is as new as the newest of them.
const (
	// gonePanes is how many whole panes a client is missing in. Not fewer: clients without messages report once in each; not more: who is killed would differ for longer.
	gonePanes = 2
	// goneLeast is how long such a pane is at least. Not less: clients without messages report each ten seconds, however short panes are; not more: see gonePanes.
	goneLeast = 10 * time.Second
	// goneReports is how many of its own reports are missing, of a client that reports more seldom. Not fewer: one may be late, or lost; not more: see gonePanes.
	goneReports = 3
	// goneElsewhere is how much longer it is waited where only other sources have newer panes: its own may be late. Not smaller: a source that is taken over is as late; not
	// larger: where few clients are, nobody else is in the source of the one that was killed.
	goneElsewhere = time.Minute
)

// clientSeries names what a client sends to or consumes.
type clientSeries struct {
	clientKey
	topic, group, op string
}

// absence is since when a client is away, and how that is known; a zero one is of a client that is there.
type absence struct {
	since time.Time
	why   string
}

func (a *absence) is() bool { return a.why != "" }

// toldOf is a store that tells of clients, by panes of a length.
type toldOf struct {
	*clickhouse.Store
	pane time.Duration
}

// clientPresence is who is away.
type clientPresence struct {
	pane  time.Duration
	seen  map[clientKey]clickhouse.ClientPresence
	stops map[clientSeries]time.Time
	more  bool // there are others, of whom it is not known
}

// askPresence asks the store when clients were heard of last.
func askPresence(ctx context.Context, store toldOf, now time.Time) (clientPresence, error) {
	out := clientPresence{pane: store.pane, seen: map[clientKey]clickhouse.ClientPresence{}, stops: map[clientSeries]time.Time{}}
	seen, moreSeen, err := store.ClientPresences(ctx, now.Add(-touchedSpan))
	if err != nil {
		return out, err
	}
	for _, of := range seen {
		out.seen[clientKey{of.Env, of.Cluster, of.Client}] = of
	}
	stops, moreStops, err := store.ClientStops(ctx, now.Add(-touchedSpan))
	if err != nil {
		return out, err
	}
	for _, of := range stops {
		out.stops[clientSeries{clientKey{of.Env, of.Cluster, of.Client}, of.Topic, of.Group, of.Op}] = of.At
	}
	out.more = moreSeen || moreStops
	return out, nil
}

// absent says whether a client is away from a topic of which it told last in a pane: it said that it stopped, and nothing newer; or nothing came of it for longer than it
// leaves between two reports.
func (p *clientPresence) absent(of clientSeries, last time.Time) absence {
	if at, stopped := p.stops[of]; stopped && !last.After(at) {
		return absence{at, "it stopped at " + shownTime(at)}
	}
	seen, known := p.seen[of.clientKey]
	if !known {
		return absence{}
	}
	pane := max(p.pane, goneLeast)
	patience := (gonePanes+1)*pane + max(goneReports*seen.Interval-pane, 0)
	if seen.Newest.Sub(seen.Last) < patience && seen.NewestOfAll.Sub(seen.Last) < patience+goneElsewhere {
		return absence{}
	}
	since := seen.Last.Add(p.pane)
	return absence{since, "nothing came of it since " + shownTime(since)}
}
