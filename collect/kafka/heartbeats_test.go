package kafka

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
)

// TestBrokersThatLeft fail their heartbeats while some partition has them as a replica, and have none where none has.
func TestBrokersThatLeft(t *testing.T) {
	p := &Poller{}
	all := []answers{}
	for id, node := range []string{"b0", "b1", "b2"} {
		all = append(all, answers{broker: broker{id: int32(id), node: node}, answered: true, roundTrip: time.Millisecond})
	}
	c := &cluster{topics: map[string]*topic{"a": {partitions: []partition{{0, 1, []int32{1, 2}, nil}}}}}
	p.beats.Take(p.probed(&snapshot{cluster: c, answers: all}), time.Unix(1_795_626_000, 0))
	got := p.probed(&snapshot{cluster: c, answers: all[1:2]})
	slices.SortFunc(got, func(a, b collect.Probed[int32]) int { return cmp.Compare(a.ID, b.ID) })
	want := []collect.Probed[int32]{{ID: 1, Node: "b1", Answered: true, Took: time.Millisecond}, {ID: 2, Node: "b2"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
