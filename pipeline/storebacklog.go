package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// backlogAge is how old what is stored must be for that storage has a backlog. Not less: a slow insert, or a rebalance, would be one; not
// more: what is added up meanwhile takes the time of ClickHouse that storage needs.
const backlogAge = time.Minute

// errBacklog ends what may wait.
var errBacklog = errors.New("storage has a backlog")

// backlog knows whether storage catches up with what came while it could not write. What is added up of cells waits for it: there is more
// to come of the same minutes, which would be added up again, and ClickHouse has better to do.
type backlog struct {
	mu   sync.Mutex
	some bool
	cut  context.CancelCauseFunc // ends what began before there was one; nil where nothing did
}

// note takes a batch when it was gathered. One that is not full is all that there is, whatever its producers' clocks say.
func (b *backlog) note(batch *storeBatch, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.some = batch.full() && now.Sub(batch.records[0].Timestamp) > backlogAge
	if b.some && b.cut != nil {
		b.cut(errBacklog)
	}
}

func (b *backlog) exists() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.some
}

// without returns a context that ends by errBacklog once there is one; one goroutine at a time uses it.
func (b *backlog) without(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cut := context.WithCancelCause(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut = cut; b.some {
		cut(errBacklog)
	}
	return ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.cut = nil
		cut(nil)
	}
}
