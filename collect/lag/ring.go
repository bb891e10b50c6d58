package lag

import "slices"

const (
	// RingPoints bounds the points (time, end offset) that are kept of a log. Not fewer: old points are thinned so that each is a
	// constant ratio older than the next, and with 64 a week of polls every 5 s leaves a fifth between two of them. Not more: it is
	// most of the memory, and twice as many would only halve that fifth.
	RingPoints = 64

	// thinFloorMillis is the age below which points are not told apart when one has to go. Not shorter: the newest points would be
	// kept at any cost, and what is minutes old would be thin. Not longer: a lag of seconds would be guessed.
	thinFloorMillis = 5_000
)

// point says that the log ended at an offset at a time: what is before it had been written, what is from there on had not.
type point struct{ at, end int64 }

// ring is the history of a log's end, sorted by both time and end. Between two points with one end nothing was written.
type ring []point

// add appends a point that is not before the newest in time or end.
func (r *ring) add(p point) {
	points := *r
	if n := len(points); n > 0 && points[n-1].at == p.at {
		points[n-1].end = p.end
		return
	}
	if n := len(points); n > 1 && points[n-1].end == p.end && points[n-2].end == p.end {
		points[n-1].at = p.at // of a stretch without writes its two ends are all there is to know
		return
	}
	if len(points) == RingPoints {
		points = points.thin(p.at)
	}
	*r = append(points, p)
}

// thin takes out the point that widens the bounds least, against the age of what lies between its neighbours. So the error grows
// with age, and no age is cut off.
func (r ring) thin(now int64) ring {
	best, least := 1, -1.0
	for i := 1; i < len(r)-1; i++ {
		left, right := r[i-1], r[i+1]
		cost := float64(right.at-left.at) / float64(now-right.at+thinFloorMillis)
		if left.end == right.end {
			cost = 0
		}
		if least < 0 || cost < least {
			best, least = i, cost
		}
	}
	return slices.Delete(r, best, best+1)
}

// cut drops what is past an end to which the log went back.
func (r *ring) cut(end int64) {
	*r = slices.DeleteFunc(*r, func(p point) bool { return p.end > end })
}

// trim drops points that only speak of messages before the log's start.
func (r *ring) trim(start int64) {
	useless := 0
	for useless+1 < len(*r) && (*r)[useless+1].end <= start {
		useless++
	}
	*r = slices.Delete(*r, 0, useless)
}

// around are the points between which the message at an offset was written: after left, and not after right. hasLeft is false
// where it was there at the first poll. The offset is below the newest end.
func (r ring) around(offset int64) (left, right point, hasLeft bool) {
	at, _ := slices.BinarySearchFunc(r, offset, func(p point, offset int64) int {
		if p.end <= offset {
			return -1
		}
		return 1
	})
	if at == 0 {
		return point{}, r[0], false
	}
	return r[at-1], r[at], true
}
