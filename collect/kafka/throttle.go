package kafka

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// throttles remembers by broker the longest time that it has told this collector to wait before it asks again, because of a quota.
type throttles struct {
	mu      sync.Mutex
	longest map[int32]time.Duration
}

// OnBrokerThrottle is called by the client, from any goroutine.
func (t *throttles) OnBrokerThrottle(meta kgo.BrokerMetadata, wait time.Duration, _ bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.longest == nil {
		t.longest = map[int32]time.Duration{}
	}
	t.longest[meta.NodeID] = max(t.longest[meta.NodeID], wait)
}

// take returns what came since the last call, at most one number for each broker.
func (t *throttles) take() map[int32]time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.longest
	t.longest = nil
	return out
}
