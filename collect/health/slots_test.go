package health

import (
	"slices"
	"testing"
	"time"
)

// TestSlots says what is kept of five minutes, and when they are over.
func TestSlots(t *testing.T) {
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	var s slots
	for second := 0; second < 290; second += 5 {
		s.add(at(second), float64(second/10))
		if sorted := s.sorted(); sorted != nil {
			t.Fatalf("after %d s five minutes are over: %v", second, sorted)
		}
	}
	s.add(at(290), 100)
	s.add(at(295), 200)
	sorted := s.sorted()
	if len(sorted) != 30 || sorted[0] != 0 || sorted[28] != 28 || sorted[29] != 150 {
		t.Errorf("got %v, want 0 to 28, and 150, the mean of the newest ten seconds", sorted)
	}
	s.add(at(300), 7) // takes the place of the oldest
	if sorted := s.sorted(); len(sorted) != 30 || sorted[0] != 1 || !slices.Contains(sorted, 150) {
		t.Errorf("got %v, want the oldest gone", sorted)
	}
	s.add(at(295), 300) // a clock that steps back a little
	if sorted := s.sorted(); sorted[29] != 200 {
		t.Errorf("got %v, want 200, the mean of three", sorted)
	}
	for name, step := range map[string]int{"ahead": 600, "back": -600} {
		stepped := s
		stepped.add(at(300+step), 1)
		if sorted := stepped.sorted(); sorted != nil {
			t.Errorf("after a clock stepped %s there are five minutes: %v", name, sorted)
		}
	}
	var sparse slots
	for minute := range 6 {
		sparse.add(at(60*minute), 1)
	}
	if sorted := sparse.sorted(); len(sorted) != 5 {
		t.Errorf("got %v of polls that are a minute apart, want five", sorted)
	}
	if sparse.add(at(480), 1); sparse.sorted() != nil {
		t.Error("after two minutes without a poll too little of five minutes is known")
	}
}

// TestGreatestOfAMinute keeps the slowest of each ten seconds.
func TestGreatestOfAMinute(t *testing.T) {
	var s slots
	if _, ok := s.greatest(began, minuteSlots); ok {
		t.Error("there is a greatest of nothing")
	}
	s.raise(began, 3)
	s.raise(began.Add(time.Second), 9)
	s.raise(began.Add(2*time.Second), 4)
	s.raise(began.Add(30*time.Second), 5)
	for after, want := range map[time.Duration]float64{30 * time.Second: 9, 59 * time.Second: 9, time.Minute: 5, 89 * time.Second: 5} {
		if got, ok := s.greatest(began.Add(after), minuteSlots); !ok || got != want {
			t.Errorf("after %s got %g, %v, want %g", after, got, ok, want)
		}
	}
	if got, ok := s.greatest(began.Add(90*time.Second), minuteSlots); ok {
		t.Errorf("got %g of a minute in which nothing came", got)
	}
}
