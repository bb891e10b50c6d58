package weir

import (
	"context"
	"sync"
)

// gate lets calls in, and can be shut: then it is known when those inside have left.
type gate struct {
	mu     sync.Mutex
	inside int
	shut   chan struct{} // nil while open; closed when it opens
	empty  chan struct{} // nil unless somebody waits; closed when nobody is inside
	ended  bool          // for good
}

// enter waits until the gate is open; the error is that of ctx, or ErrClosed.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	for g.shut != nil && !g.ended {
		opens := g.shut
		g.mu.Unlock()
		select {
		case <-opens:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	if g.ended {
		return ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// close shuts the gate, until open.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

// open lets in who waits.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// end shuts the gate for good: who waits is told so. It returns false where it had ended before.
func (g *gate) end() (first bool) {
	g.mu.Lock()
	first = !g.ended
	g.ended = true
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
	g.mu.Unlock()
	return first
}

// wait waits until nobody is inside, of a gate that is shut; false where ctx ended before.
func (g *gate) wait(ctx context.Context) bool {
	g.mu.Lock()
	if g.inside == 0 {
		g.mu.Unlock()
		return true
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.mu.Unlock()
	select {
	case <-empty:
		return true
	case <-ctx.Done():
		return false
	}
}
