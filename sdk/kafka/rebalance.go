package kafka

// lookAtGroup counts the rebalances since it was called last. Groups of the newer
// protocol (KIP-848) do without syncGroupKey: for them it is called in every interval.
func (h *Hooks) lookAtGroup(nowMillis int64) {
	h.mu.Lock()
	if h.client == nil {
		h.mu.Unlock()
		return
	}
	_, generation := h.client.GroupMetadata() // under the lock, so that an older one never comes second
	rebalances := h.passed(generation)
	h.mu.Unlock()
	if generation <= 0 {
		return
	}
	h.measured.InGroup(rebalances, nowMillis)
}

// passed takes over the group's generation and returns how many rebalances led to it.
// None lead to the first one. A client that was thrown out (generation 0 or less)
// learns when it is back of those that it missed. A group that was made anew counts
// from the beginning: that is one. h.mu is held.
func (h *Hooks) passed(generation int32) (rebalances uint64) {
	before := h.generation
	if generation <= 0 || generation == before {
		return 0
	}
	h.generation = generation
	switch {
	case before == 0:
		return 0
	case generation < before:
		return 1
	}
	return uint64(generation - before)
}
