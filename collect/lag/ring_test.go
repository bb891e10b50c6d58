package lag

import (
	"testing"
	"time"
)

// A week of polls every 5 s: no age is cut off, and the bounds of each are as close as RingPoints says.
func TestRingOfAWeek(t *testing.T) {
	var log Log
	now := int64(0)
	worst, age := 0.0, 0.0
	for ; now <= (7 * 24 * time.Hour).Milliseconds(); now += 5_000 {
		log.Poll(Ends{At: at(now), End: now / 1000}) // a message each second
		if now%3_600_000 != 0 || now == 0 {
			continue
		}
		for i := 1; i < len(log.ring); i++ {
			left, right := log.ring[i-1], log.ring[i]
			width, old := float64(right.at-left.at), float64(now-left.at)
			if share := width / old; width > preciseMillis && share > worst {
				worst, age = share, old/1000
			}
		}
	}
	t.Logf("bounds are %.2f of the age apart at worst, at %v", worst, time.Duration(age)*time.Second)
	if log.ring[0].at != 0 || len(log.ring) != RingPoints {
		t.Errorf("%d points since %d", len(log.ring), log.ring[0].at)
	}
	if worst > 0.3 {
		t.Errorf("bounds are %.2f of an age of %v s apart, and ages are known up to %.1f", worst, age, preciseShare)
	}
}

// Of a stretch without writes both ends are kept, and nothing in between.
func TestRingOfAQuietNight(t *testing.T) {
	var r ring
	for second := range int64(8 * 3600) {
		r.add(point{second * 1000, 7})
	}
	r.add(point{8 * 3600 * 1000, 8})
	if len(r) != 3 || r[1] != (point{(8*3600 - 1) * 1000, 7}) {
		t.Errorf("%v", r)
	}
	left, right, ok := r.around(7)
	if !ok || left != r[1] || right != r[2] {
		t.Errorf("the message of the morning is between %v and %v, %v", left, right, ok)
	}
}

func TestRingBeforeTheFirstPoll(t *testing.T) {
	r := ring{{0, 10}, {5_000, 20}}
	if _, right, ok := r.around(9); ok || right != r[0] {
		t.Errorf("offset 9 is before the first poll, and not after %v, %v", right, ok)
	}
	r.trim(20)
	if len(r) != 1 || r[0].end != 20 {
		t.Errorf("%v is kept of a log that starts at 20", r)
	}
}
