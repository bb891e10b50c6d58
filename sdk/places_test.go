package weir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// town is a system of clusters within the test that answer as it says. What moves decide by is written for any system, and much of it takes minutes: here time is
// made up. That real systems answer so is tested with those.
type town struct {
	mu       sync.Mutex
	clusters map[string]*cluster
	events   []string // what was asked of it, in order
}

// cluster is what is said of one.
type cluster struct {
	handled bool  // the group has handled everything
	delayed bool  // something is still to come
	unknown error // why it does not say whether something is
	asked   error // why it does not answer how far the group is
	ready   error // why it cannot be reached
	failing chan error
	times   int // it was asked whether something is still to come
}

func newTown(clusters ...string) *town {
	out := &town{clusters: map[string]*cluster{}}
	for _, name := range clusters {
		out.clusters[name] = &cluster{failing: make(chan error)}
	}
	return out
}

// say changes what is said of a cluster.
func (w *town) say(name string, change func(*cluster)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w.clusters[name])
}

func (w *town) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

// happened are the events since it was asked last.
func (w *town) happened() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.events
	w.events = nil
	return out
}

func (*town) Name() string                            { return "town" }
func (*town) CheckSender(SenderConfig) error          { return nil }
func (*town) CheckReceiver(ReceiverConfig) error      { return nil }
func (*town) OpenSender(SenderConfig) (Sender, error) { return nil, ErrLacks }

// CheckTogether refuses two topics of one cluster, as RocketMQ does.
func (*town) CheckTogether(a, b Route) error {
	if a.Cluster == b.Cluster && a.Topic != b.Topic {
		return ErrLacks
	}
	return nil
}

func (w *town) OpenReceiver(c ReceiverConfig) (Receiver, error) {
	w.note("open %s", c.Route.Cluster)
	return &resident{w, c.Route.Cluster}, nil
}

// resident is a receiver of a town.
type resident struct {
	*town
	at string
}

func (r *resident) Ready(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clusters[r.at].ready
}

func (r *resident) Run(ctx context.Context, _ Handler) error {
	r.note("read %s", r.at)
	select {
	case err := <-r.clusters[r.at].failing:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (r *resident) CaughtUp(context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clusters[r.at]
	return c.handled && c.asked == nil, c.asked
}

func (r *resident) Outstanding(context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clusters[r.at]
	c.times++
	return c.delayed && c.unknown == nil, c.unknown
}

func (r *resident) Close() { r.note("close %s", r.at) }

func (r *resident) Native() any { return r.at }

// citizen is a consumer in a town.
type citizen struct {
	*Consumer
	directory *table
	stop      context.CancelFunc
	ended     chan error
}

// settler consumes a resource that is in some clusters of a town, the last of which is where it is now. It runs in a bubble of made-up time.
func settler(t *testing.T, w *town, clusters ...string) *citizen {
	t.Helper()
	return lingerer(t, w, 10*time.Minute, clusters...)
}

// lingerer is a settler that reads former places for so long beside the next.
func lingerer(t *testing.T, w *town, linger time.Duration, clusters ...string) *citizen {
	t.Helper()
	out := &citizen{directory: newTable(), ended: make(chan error, 1)}
	out.directory.replace([]Route{between(clusters...)})
	client, err := Open(t.Context(), Config{Directory: out.directory, Systems: []System{w}, Unmeasured: true})
	if err != nil {
		t.Fatal(err)
	}
	out.Consumer, err = client.Consumer("r", "readers", Moves(5*time.Second, linger))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out.stop = stop
	go func() {
		out.ended <- out.Run(ctx, func(context.Context, []*Delivery) error { return nil })
	}()
	synctest.Wait()
	return out
}

// between is a route to the last of some clusters, with the others as former places.
func between(clusters ...string) Route {
	at := func(name string) Route {
		return Route{ID: "r", System: "town", Cluster: name, Endpoints: []string{name + ":1"}, Topic: "orders"}
	}
	out := at(clusters[len(clusters)-1])
	for _, name := range clusters[:len(clusters)-1] {
		former := at(name)
		out.Former = append(out.Former, former.Place())
	}
	return out
}

// after lets so much time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// end ends the consumer, and returns what Run said.
func (c *citizen) end() error {
	c.stop()
	return <-c.ended
}

// wantEvents holds what happened since it was asked last.
func (w *town) wantEvents(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := w.happened(); !slices.Equal(got, want) {
		t.Errorf("%s: %q happened, want %q", when, got, want)
	}
}

// TestAFormerPlaceThatFailsIsGivenUp has a cluster say that a former place may not be read any more, before that is finished and while it is read
// beside the next. Nothing of it is left, and the place behind it has its turn.
func TestAFormerPlaceThatFailsIsGivenUp(t *testing.T) {
	t.Parallel()
	refused := errors.New("the group may not read it")
	t.Run("before it is finished", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newTown("a", "b")
			c := settler(t, w, "a", "b")
			w.wantEvents(t, "at first", "open a", "open b", "read a")
			w.clusters["a"].failing <- refused
			synctest.Wait()
			w.wantEvents(t, "when it fails", "close a", "read b")
			if !c.State().Settled {
				t.Error("it is not settled")
			}
			after(time.Hour)
			if err := c.end(); err != nil {
				t.Error(err)
			}
			w.wantEvents(t, "at the end", "close b")
		})
	})
	t.Run("beside the next", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newTown("a", "b", "c")
			w.say("a", func(a *cluster) { a.handled = true })
			c := settler(t, w, "a", "b", "c")
			after(10 * time.Second)
			w.wantEvents(t, "when the first is finished", "open a", "open b", "open c", "read a", "read b")
			w.clusters["a"].failing <- refused
			synctest.Wait()
			w.wantEvents(t, "when the finished one fails", "close a")
			w.clusters["b"].failing <- refused
			synctest.Wait()
			w.wantEvents(t, "when the other fails", "close b", "read c")
			if err := c.end(); err != nil {
				t.Error(err)
			}
			w.wantEvents(t, "at the end", "close c")
		})
	})
	t.Run("the newest ends the consumer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newTown("a", "b")
			w.say("a", func(a *cluster) { a.handled = true })
			c := settler(t, w, "a", "b")
			after(10 * time.Second)
			w.clusters["b"].failing <- refused
			if err := <-c.ended; !errors.Is(err, refused) {
				t.Errorf("got %v, want %v", err, refused)
			}
			w.wantEvents(t, "at the end", "open a", "open b", "read a", "read b", "close a", "close b")
		})
	})
}

// TestAMoveWaitsForWhatIsStillLookedAt: a resource moves on to another topic of the cluster that it left, where that may not be read beside the former one.
func TestAMoveWaitsForWhatIsStillLookedAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown("a", "b")
		for name := range w.clusters {
			w.say(name, func(c *cluster) { c.handled = true })
		}
		c := settler(t, w, "a")
		c.directory.replace([]Route{between("b")})
		after(10 * time.Second)
		w.wantEvents(t, "after the move", "open a", "read a", "open b", "read b")
		again := between("a")
		again.Topic = "orders2"
		c.directory.replace([]Route{again})
		after(time.Minute)
		w.wantEvents(t, "while the first topic is looked at")
		if err := c.State().Err; !errors.Is(err, ErrLacks) {
			t.Errorf("got %v, want that it waits", err)
		}
		after(10 * time.Minute)
		w.wantEvents(t, "when it is not any more", "close a", "open a", "read a")
		if s := c.State(); s.Err != nil || s.Moves != 2 || !s.Settled {
			t.Errorf("got %+v, want that it has moved twice", s)
		}
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestTopicsOfOneClusterAreNotReadSideBySide, also where they are former places: that which was first is read.
func TestTopicsOfOneClusterAreNotReadSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown("a", "b")
		route := between("a", "a", "b")
		route.Former[1].Topic = "orders2"
		out := newTable()
		out.replace([]Route{route, {ID: "s", System: "town", Cluster: "a", Endpoints: []string{"a:1"}, Topic: "orders3"}})
		client, err := Open(t.Context(), Config{Directory: out, Systems: []System{w}, Unmeasured: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.Consumer("r", "readers")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, func(context.Context, []*Delivery) error { return nil }) }()
		synctest.Wait()
		w.wantEvents(t, "at first", "open a", "open b", "read a")
		if _, err := client.Consumer("s", "readers"); !errors.Is(err, ErrLacks) {
			t.Errorf("another topic of the cluster of a former place: got %v", err)
		}
		if _, err := client.Consumer("s", "others"); err != nil {
			t.Errorf("by another group: got %v", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestAPlaceThatIsItsOwnFormerIsReadOnce has a route name where the resource is as a former place, too, and has former places given up as soon as they are finished.
func TestAPlaceThatIsItsOwnFormerIsReadOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown("a", "b")
		for name := range w.clusters {
			w.say(name, func(c *cluster) { c.handled = true })
		}
		c := lingerer(t, w, 0, "b", "a", "a")
		after(20 * time.Second)
		w.wantEvents(t, "in the end", "open b", "open a", "open a", "read b", "read a", "close b", "close a", "read a")
		if !c.State().Settled {
			t.Error("it is not settled")
		}
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestAFormerPlaceIsKeptWhileSomethingMayCome has a message delayed by two hours where a resource was, and then nothing known of what is delayed there.
func TestAFormerPlaceIsKeptWhileSomethingMayCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown("a", "b")
		w.say("a", func(a *cluster) { a.handled, a.delayed = true, true })
		c := settler(t, w, "a", "b")
		after(2 * time.Hour)
		w.wantEvents(t, "while it is delayed", "open a", "open b", "read a", "read b")
		w.say("a", func(a *cluster) {
			if a.times < 600 || a.times > 700 {
				t.Errorf("in two hours it was asked %d times: want once in 10 s, after the first 10 minutes", a.times)
			}
			a.delayed, a.unknown = false, errors.New("it may not be asked")
		})
		after(time.Hour)
		w.wantEvents(t, "while nothing is known")
		w.say("a", func(a *cluster) { a.unknown, a.handled = nil, false })
		after(time.Minute)
		w.wantEvents(t, "while what came is handled")
		w.say("a", func(a *cluster) { a.handled = true })
		after(time.Minute)
		w.wantEvents(t, "when nothing is left", "close a")
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
}
