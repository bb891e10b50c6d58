package applied

import "time"

// slack is how late somebody may come for a permit that is free without losing the time: then some come at once. Not shorter: who sends one
// message after the other wakes up to some milliseconds late for each, and would be held to less than the rate; not longer: what comes at once
// is a burst.
const slack = 20 * time.Millisecond

// warmUp is a rate that begins low and rises, and falls again while nothing asks for it: what has
// been idle (a cache, a pool of connections, a consumer behind) is not met by the full rate at once.
//
// It is the curve of Guava's SmoothWarmingUp, which Sentinel's warm-up controller follows. Permits are
// stored while nobody takes them, and taking stored ones takes longer the more there are:
//
//	interval                      max     permits that can be stored
//	  ^                           threshold: below it the interval is the stable one
//	  cold  +            /
//	        |          / .        stable = 1 / rate, cold = stable * coldFactor
//	        |        /   .        threshold = ramp * rate / (coldFactor - 1)
//	 stable +-------+    .        max = threshold + 2 * ramp * rate / (1 + coldFactor)
//	        |       .    .
//	        +-------+----+-->     the area between threshold and max is the ramp's time
//	        0  threshold max  stored
//
// So t seconds after it began from max, under full load, the interval is sqrt(cold² - t * (cold² - stable²) / ramp),
// and after the ramp it is stable. Idle, it is cold again after a ramp.
//
// Sources: com.google.common.util.concurrent.SmoothRateLimiter (the comment on SmoothWarmingUp), with the
// threshold of com.alibaba.csp.sentinel.slots.block.flow.controller.WarmUpController, which holds for any cold factor.
//
// It knows no clock: times are arguments, since any moment, and never go back.
type warmUp struct {
	stableSeconds, coldSeconds float64 // intervals
	threshold, max             float64 // permits
	rampSeconds                float64
	stored                     float64       // permits
	free                       time.Duration // when the next permit is free
	let                        time.Duration // when who took last was let through
}

// newWarmUp returns a cold one that begins at a time. The rate is in permits per second and above 0, the cold factor
// at least 1; with 1, or no ramp, it is the full rate from the beginning.
func newWarmUp(now time.Duration, perSecond, coldFactor float64, ramp time.Duration) *warmUp {
	w := &warmUp{free: now}
	w.shape(perSecond, coldFactor, ramp)
	w.stored = w.max
	return w
}

func (w *warmUp) shape(perSecond, coldFactor float64, ramp time.Duration) {
	w.stableSeconds = 1 / perSecond
	w.coldSeconds = w.stableSeconds * max(coldFactor, 1)
	w.rampSeconds = ramp.Seconds()
	w.threshold, w.max = 0, 0
	if coldFactor > 1 && ramp > 0 {
		w.threshold = w.rampSeconds * perSecond / (coldFactor - 1)
		w.max = w.threshold + 2*w.rampSeconds*perSecond/(1+coldFactor)
	}
}

// change gives it another shape at a time. It is as cold as it was, by share, and what has been taken already is paid for by
// the new rate.
func (w *warmUp) change(now time.Duration, perSecond, coldFactor float64, ramp time.Duration) {
	share, before := 1.0, w.stableSeconds
	if w.max > 0 {
		share = w.stored / w.max
	}
	w.shape(perSecond, coldFactor, ramp)
	w.stored = share * w.max
	if left := w.free - now; left > 0 {
		w.free = now + time.Duration(float64(left)*w.stableSeconds/before)
	}
}

// wait is how long after now the next permit is free, 0 where one is.
func (w *warmUp) wait(now time.Duration) time.Duration { return max(w.free-now, 0) }

// take takes permits at a time for who came at another one before, of which the first is free by now. The next one is free when their time has
// passed: who takes many waits no longer than who takes one, and who comes after waits for all of them. Who came before the
// permit was free has it from then on, however late it wakes: the time until then is no idleness, and not lost. Nor is it idleness of
// who comes next: where a machine is so busy that it is woken late for each message, a limit would stay cold for ever.
func (w *warmUp) take(came, now time.Duration, permits int) {
	if came > w.free+slack {
		if idle := came - max(w.free, w.let); idle > slack {
			w.cool(idle)
		}
		w.free = came
	}
	w.let = now
	fromStored := min(float64(permits), w.stored)
	seconds := w.storedSeconds(fromStored) + (float64(permits)-fromStored)*w.stableSeconds
	w.stored -= fromStored
	w.free += time.Duration(seconds * float64(time.Second))
}

// cool stores permits for a time in which nobody took any.
func (w *warmUp) cool(idle time.Duration) {
	if w.max > 0 {
		w.stored = min(w.max, w.stored+idle.Seconds()*w.max/w.rampSeconds)
	}
}

// storedSeconds is how long it takes to take stored permits: the area below the curve.
func (w *warmUp) storedSeconds(permits float64) float64 {
	above := max(w.stored-w.threshold, 0)
	taken := min(permits, above)
	// A trapezoid: from the interval at stored down to that at stored - taken.
	steep := taken * (w.intervalSeconds(above) + w.intervalSeconds(above-taken)) / 2
	return steep + (permits-taken)*w.stableSeconds
}

// intervalSeconds is the interval where so many permits are stored above the threshold.
func (w *warmUp) intervalSeconds(above float64) float64 {
	if w.max == w.threshold {
		return w.stableSeconds
	}
	return w.stableSeconds + above*(w.coldSeconds-w.stableSeconds)/(w.max-w.threshold)
}
