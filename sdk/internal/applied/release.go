package applied

import (
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
)

// release lets go of partitions that a pause has held, over a ramp.
type release struct {
	command string
	from    time.Time
	ramp    time.Duration
	only    map[int32]bool // nil: of all partitions
}

// golden is the fractional part of the golden ratio, whose multiples are spread evenly over a turn however many
// there are (Weyl's sequence; Knuth, The Art of Computer Programming, volume 3, section 6.4, on Fibonacci hashing).
const golden = 0.6180339887498949

// due is when a partition is let go. Neighbours are far from each other, and each partition has its place
// wherever it is consumed, so that the clients of a group together come back in an even ramp without talking.
func (r *release) due(topic string, partition int32) time.Time {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(r.command + "\x00" + topic)) // never fails
	place := float64(hash.Sum32())/(1<<32) + float64(partition)*golden
	share := place - math.Floor(place) // a topic that is let go as one is partition -1
	return r.from.Add(time.Duration(share * float64(r.ramp)))
}

// release is what is being let go of after a change: what was before, as long as it lasts, and what is held no longer.
func (r *round) release(topic string, before, after *hold) []release {
	var out []release
	for _, old := range before.releasing {
		if r.now.Before(old.from.Add(old.ramp)) && after.whole == nil {
			out = append(out, old)
		}
	}
	if before.whole != nil && after.whole == nil {
		out = append(out, r.ended(before.whole, nil))
	}
	for partition, pause := range before.named {
		if pause == nil {
			continue
		}
		if held, _ := after.held(topic, partition, r.now); !held {
			out = append(out, r.ended(pause, map[int32]bool{partition: true}))
		}
	}
	if before.whole != nil && after.whole != nil { // partitions that were taken out of it
		for partition, pause := range after.named {
			if held, _ := before.held(topic, partition, r.now); held && pause == nil {
				out = append(out, r.ended(before.whole, map[int32]bool{partition: true}))
			}
		}
	}
	return slices.DeleteFunc(out, func(one release) bool { return one.ramp <= 0 })
}

// ended is the release of a pause that holds no longer. It begins at the same time for all clients where the pause
// expired; how long it takes is said by the newest revision, which may be the one that ended it.
func (r *round) ended(pause *control.Command, only map[int32]bool) release {
	from := r.now
	if pause.ExpiresAt.Before(from) && from.Sub(pause.ExpiresAt) < time.Minute {
		from = pause.ExpiresAt
	}
	seconds := pause.ReleaseSeconds()
	if newest, ok := r.set.Command(pause.Name); ok && newest.Pause != nil {
		seconds = newest.ReleaseSeconds()
	}
	return release{command: pause.Name, from: from, ramp: time.Duration(seconds * float64(time.Second)), only: only}
}
