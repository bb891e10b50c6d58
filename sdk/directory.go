package weir

import (
	"fmt"
	"slices"
	"sync"

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
	Resolve(Query) (Route, <-chan struct{}, error)
}

// table is a directory in memory. Its methods may be called from any goroutine.
type table struct {
	mu      sync.Mutex
	routes  map[Query]Route
	changed chan struct{}
}

func newTable() *table { return &table{routes: map[Query]Route{}, changed: make(chan struct{})} }

// Resolve answers from memory.
func (t *table) Resolve(q Query) (Route, <-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range []Query{q, {q.ID, q.Env, ""}, {q.ID, "", ""}} {
		if route, ok := t.routes[key]; ok {
			return route, t.changed, nil
		}
	}
	return Route{}, t.changed, fmt.Errorf("resolve %q in env %q and lane %q: %w", q.ID, q.Env, q.Lane, ErrUnknownResource)
}

// replace takes over all routes, and tells whoever resolved.
func (t *table) replace(routes []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.routes)
	for _, r := range routes {
		t.routes[Query{r.ID, r.Env, r.Lane}] = r
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// Routes is a directory that does not change, for programs and tests that know where their resources are.
func Routes(routes ...Route) Directory {
	t := newTable()
	t.replace(routes)
	return t
}
