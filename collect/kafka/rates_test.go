package kafka

import (
	"maps"
	"testing"
	"time"
)

// TestRates says which partitions have a rate.
func TestRates(t *testing.T) {
	now := time.Unix(1_795_626_000, 0)
	r := rates{}
	if got := r.since(map[at]offset{{"a", 0}: {100, now}, {"a", 1}: {50, now}, {"gone", 0}: {7, now}}); len(got) != 0 {
		t.Errorf("got %v of the first poll, want none", got)
	}
	later := now.Add(10 * time.Second)
	got := r.since(map[at]offset{{"a", 0}: {250, later}, {"a", 1}: {20, later}, {"new", 0}: {9, later}})
	if want := map[at]float64{{"a", 0}: 15}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v: neither of what was made again nor of what is new", got, want)
	}
	if got := r.since(map[at]offset{{"a", 0}: {250, later}, {"gone", 0}: {9, later}}); len(got) != 0 {
		t.Errorf("got %v of no time, and of what the poll before did not know, want none", got)
	}
	if len(r) != 2 {
		t.Errorf("%d partitions are remembered, want those of the last poll", len(r))
	}
}
