package weir

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/control"
)

// Route says where a resource is: which topic of which cluster. It is what travels in weir.control, too.
type Route = control.Route

// samePlace says that both routes lead to one topic by one way.
func samePlace(a, b *Route) bool { return sameTopic(a, b) && slices.Equal(a.Endpoints, b.Endpoints) }

// sameTopic says that both routes lead to one topic: what a group has handled there is known by either way.
func sameTopic(a, b *Route) bool {
	return a.System == b.System && a.Cluster == b.Cluster && a.Topic == b.Topic && a.Namespace == b.Namespace && a.Instance == b.Instance
}

// Query asks where a resource is.
type Query struct{ ID, Env, Lane string }

// Directory says where resources are.
type Directory interface {
	// Resolve returns the route of a resource that is closest to what is asked: of its env and lane, of
	// its env alone, or of neither. It does not wait. The channel is closed when the answer may be
	// another one; there is one beside an error, too. The error is ErrUnknownResource where there is no route.
	//
	// A directory whose routes change names in Former where a resource was a while ago: who asks may have missed a route.
	Resolve(Query) (Route, <-chan struct{}, error)
}

// Routes is a directory that does not change, for programs and tests that know where their resources are.
func Routes(routes ...Route) Directory {
	t := newTable()
	t.replace(routes)
	return t
}

// formerFor is how long a table remembers where a resource was. Not shorter: a consumer that waits for a cluster asks again after
// seconds only; not longer: a consumer that is opened reads there first.
const formerFor = 5 * time.Minute

// table is a directory in memory. Its methods may be called from any goroutine.
type table struct {
	mu      sync.Mutex
	routes  map[string]*entry // by key
	changed chan struct{}
}

// entry is a route, and where the resource was before.
type entry struct {
	route  Route
	former []formerPlace // oldest first
}

type formerPlace struct {
	control.Place
	until time.Time
}

func newTable() *table { return &table{routes: map[string]*entry{}, changed: make(chan struct{})} }

// Resolve answers from memory.
func (t *table) Resolve(q Query) (Route, <-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range []string{control.RouteKey(q.Env, q.Lane, q.ID), control.RouteKey(q.Env, "", q.ID), control.RouteKey("", "", q.ID)} {
		if e := t.routes[key]; e != nil {
			return e.at(time.Now()), t.changed, nil
		}
	}
	return Route{}, t.changed, fmt.Errorf("resolve %q in env %q and lane %q: %w", q.ID, q.Env, q.Lane, ErrUnknownResource)
}

// at is the route with the places that are remembered.
func (e *entry) at(now time.Time) Route {
	out := e.route
	out.Former = slices.Clone(out.Former)
	for i := range e.former {
		if f := &e.former[i]; now.Before(f.until) {
			out.Former = append(out.Former, f.Place)
		}
	}
	return out
}

// replace takes over all routes, and tells whoever resolved.
func (t *table) replace(routes []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.routes
	t.routes = make(map[string]*entry, len(routes))
	for _, r := range routes {
		t.routes[r.Key()] = before[r.Key()].moved(r, time.Now())
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// moved is the entry of a route that replaces another, which is nil where there was none.
func (e *entry) moved(to Route, now time.Time) *entry {
	out := &entry{route: to}
	if e == nil {
		return out
	}
	if e.route.System != to.System {
		return out
	}
	for _, f := range e.former {
		if now.Before(f.until) {
			out.former = append(out.former, f)
		}
	}
	if !sameTopic(&e.route, &to) {
		out.former = append(out.former, formerPlace{e.route.Place(), now.Add(formerFor)})
	}
	out.former = out.former[max(0, len(out.former)-control.MaxFormer):]
	return out
}
