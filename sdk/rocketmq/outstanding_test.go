package rocketmq

import "testing"

// TestOutstanding goes through what brokers say of a topic, of the group's retries and of all that is delayed, one state after the other. Something is outstanding until
// all that was delayed when everything had been handled is delivered, and nothing came of it.
func TestOutstanding(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	const retries = "%RETRY%billing"
	r := p.open(t, Access{})
	for _, step := range []struct {
		what   string
		change func()
		want   bool
	}{
		{"a topic that is handled, on a cluster where nothing is delayed", func() { p.topics["orders"] = map[int]place{0: {0, 5, 5}} }, false},
		{"a message of the topic is not handled", func() { p.topics["orders"][0] = place{0, 5, 6} }, true},
		{"it failed, and is given again in a while", func() {
			p.topics["orders"][0] = place{0, 6, 6}
			p.levels[1], p.levels[3] = [2]int64{7, 7}, [2]int64{20, 21}
		}, true},
		{"another is delayed by somebody", func() { p.levels[3] = [2]int64{20, 22} }, true},
		{"the first is delivered for the first time", func() {
			p.levels[3] = [2]int64{21, 22}
			p.topics[retries] = map[int]place{0: {0, -1, 1}}
		}, true},
		{"it failed again, and waits at the next level", func() {
			p.levels[4] = [2]int64{0, 1}
			p.topics[retries][0] = place{0, 1, 1}
		}, true},
		{"the other is delivered, elsewhere", func() { p.levels[3] = [2]int64{22, 22} }, true},
		{"it is delivered for the second time", func() {
			p.levels[4] = [2]int64{1, 1}
			p.topics[retries][0] = place{0, 1, 2}
		}, true},
		{"it is handled", func() { p.topics[retries][0] = place{0, 2, 2} }, false},
		{"what others delay meanwhile is not waited for", func() { p.levels[3] = [2]int64{22, 25} }, false},
	} {
		p.mu.Lock()
		step.change()
		p.mu.Unlock()
		if got, err := r.Outstanding(t.Context()); err != nil || got != step.want {
			t.Errorf("%s: got %v, %v, want %v", step.what, got, err, step.want)
		}
	}
	p.mu.Lock()
	p.topics["orders"][0] = place{0, 7, 7} // something was consumed, so that it begins anew
	p.mu.Unlock()
	if got, err := r.Outstanding(t.Context()); err != nil || !got {
		t.Errorf("after what came late: got %v, %v, want true", got, err)
	}
	p.mu.Lock()
	delete(p.levels, 3)
	p.mu.Unlock()
	if got, err := r.Outstanding(t.Context()); err == nil {
		t.Errorf("a broker that does not tell of a level: got %v and no error", got)
	}
}
