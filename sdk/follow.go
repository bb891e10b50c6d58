package weir

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// readyWait is how long a place that a resource moves to may take to answer. Not shorter: a connection with
	// TLS to a far cluster takes a second; not longer: the old place is used until then, and a later route waits.
	readyWait = 10 * time.Second
	// moveRetry is between two tries of a move that did not succeed. Not shorter: each is a connection of each
	// client of a fleet; not longer: who mends the cluster waits for it.
	moveRetry = 2 * time.Second
)

// State is where a producer or a consumer is.
type State struct {
	Route Route // that is used
	Moves int   // that were made
	// Settled says that nothing of a move is left to do: a consumer has finished what was in the old place.
	Settled bool
	// Err says why the directory's route is not used, or the resource cannot be reached; nil where all is well.
	Err error
}

// following is a resource that is followed through the directory.
type following struct {
	client *Client
	id     string
	log    *slog.Logger

	mu       sync.Mutex
	state    State
	routeErr error // why the directory's route is not used
	placeErr error // why a place cannot be reached
}

// State says where it is now.
func (f *following) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.state
	if out.Err = f.routeErr; out.Err == nil {
		out.Err = f.placeErr
	}
	return out
}

// note takes over why the directory's route is not used, nil where it is.
func (f *following) note(err error) { f.noteAt(&f.routeErr, err) }

// notePlace takes over why a place cannot be reached, nil where all can.
func (f *following) notePlace(err error) { f.noteAt(&f.placeErr, err) }

// noteAt takes over what went wrong, and logs it when it is new.
func (f *following) noteAt(at *error, err error) {
	f.mu.Lock()
	before := *at
	*at = err
	f.mu.Unlock()
	if err != nil && (before == nil || before.Error() != err.Error()) {
		f.log.Warn("a resource is not where its route says", "error", err)
	}
}

// moved takes over a route that is used from now on.
func (f *following) moved(to Route) {
	f.mu.Lock()
	from := f.state.Route
	f.state.Route, f.routeErr = to, nil
	f.state.Moves++ // whether it is settled, who moves it says
	f.mu.Unlock()
	f.log.Info("a resource has moved", "from_cluster", from.Cluster, "from_topic", from.Topic, "cluster", to.Cluster, "topic", to.Topic,
		"revision", to.Revision)
}

// next asks the directory once more: a route to move to, or nil. The channel is closed when the answer
// may be another one. What is not known any more, and what would change the system, changes nothing.
func (f *following) next() (to *Route, changed <-chan struct{}) {
	route, changed, err := f.client.config.Directory.Resolve(f.client.query(f.id))
	if err != nil {
		f.note(err)
		return nil, changed
	}
	f.mu.Lock()
	now := f.state.Route
	f.mu.Unlock()
	switch {
	case route.System != now.System:
		f.note(fmt.Errorf("move from %s to %s: %w; make a resource of another id, and have programs use that", now.System, route.System, ErrOtherSystem))
		return nil, changed
	case samePlace(&route, &now):
		f.note(nil)
		return nil, changed
	}
	if err := f.client.together(&now, &route); err != nil {
		f.note(fmt.Errorf("move from topic %s to topic %s: %w", now.Topic, route.Topic, err))
		return nil, changed
	}
	return &route, changed
}

// follow makes moves until ctx ends.
func (f *following) follow(ctx context.Context, move func(ctx context.Context, to Route) error) {
	for {
		to, changed := f.next()
		var again <-chan time.Time
		if to != nil {
			if err := move(ctx, *to); err != nil {
				f.note(fmt.Errorf("move to topic %s of cluster %s: %w", to.Topic, to.Cluster, err))
				again = time.After(moveRetry)
			} else {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-again:
		}
	}
}
