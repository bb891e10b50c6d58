package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirmq/weir/deploy/child"
)

const (
	// stopTimeout bounds the end of each part. Not smaller: ClickHouse lets queries and merges end first, which takes a
	// busy machine of two cores more than ten seconds; not larger: what did not end by then will not.
	stopTimeout = 2 * time.Minute
	// stopTold is how often people hear of a part that has not ended yet. Not smaller: most end within a second or two,
	// and need no words; not larger: it seems to hang.
	stopTold = 4 * time.Second
)

// part is a process of the demo.
type part interface {
	Stop(ctx context.Context) error
}

// stopLater has close stop a part.
func (h *house) stopLater(name string, p part) {
	h.closers = append(h.closers, func() error { return stopPart(name, p, h.tell) })
}

// stopPart ends a part, and tells how long that takes. That one had to be killed is told, and is no error: what a part has
// acknowledged is on its disk by then, and the story was verified before.
func stopPart(name string, p part, tell func(string)) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- p.Stop(ctx) }()
	ticker := time.NewTicker(stopTold)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			if !errors.Is(err, child.ErrKilled) {
				return err
			}
			tell(fmt.Sprintf("warning: %s did not end within %s and was killed; what it had acknowledged is kept, and the next start on this folder goes on from there",
				name, stopTimeout))
			return nil
		case <-ticker.C:
			tell(fmt.Sprintf("stopping %s, %.0f s", name, time.Since(began).Seconds()))
		}
	}
}
