package rocketmq

import (
	"maps"
	"testing"

	"github.com/weirmq/weir/sdk"
)

// TestAGroupBegins at the end of the queues of which it has committed nothing, on a broker that takes no offset of a group that it does not know. Once it has begun
// it passes over nothing.
func TestAGroupBegins(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.topics["orders"] = map[int]place{0: {0, -1, 5}, 1: {2, -1, 7}, 2: {0, -1, 0}}
	r := p.open(t, Access{}).(weir.Beginner)
	knows := func(want bool) {
		t.Helper()
		if got, err := r.Knows(t.Context()); err != nil || got != want {
			t.Errorf("it knows the group: got %v, %v, want %v", got, err, want)
		}
	}
	wants := func(want map[int]place) {
		t.Helper()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !maps.Equal(p.topics["orders"], want) {
			t.Errorf("got %v, want %v", p.topics["orders"], want)
		}
	}
	knows(false)
	if err := r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	knows(true)
	wants(map[int]place{0: {0, 5, 5}, 1: {2, 7, 7}, 2: {0, 0, 0}})
	if p.committed[2] != 0 {
		t.Errorf("it has committed of the queues %v: want that of the first one last", p.committed)
	}
	for _, of := range []struct{ is, want map[int]place }{
		{map[int]place{0: {0, -1, 9}, 1: {0, 3, 9}, 2: {0, -1, 4}}, map[int]place{0: {0, 9, 9}, 1: {0, 3, 9}, 2: {0, 4, 4}}}, // another was cut short
		{map[int]place{0: {0, 3, 9}, 1: {0, 9, 9}, 2: {0, -1, 4}}, map[int]place{0: {0, 3, 9}, 1: {0, 9, 9}, 2: {0, -1, 4}}}, // a queue came since: what is in it is for the group
	} {
		p.mu.Lock()
		p.topics["orders"] = of.is
		p.mu.Unlock()
		if err := r.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		wants(of.want)
	}
}
