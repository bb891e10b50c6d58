package pipeline

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
)

// sharedOffsets asks once for all the workers that one assignment starts: each answer is
// of every partition.
type sharedOffsets struct {
	starts    func() (kadm.ListedOffsets, error)
	committed func() (kadm.OffsetResponses, error)
}

// shareOffsets returns an offsetLister of one topic and one group, which asks in ctx.
func shareOffsets(ctx context.Context, offsets offsetLister, topic, group string) *sharedOffsets {
	return &sharedOffsets{
		starts: sync.OnceValues(func() (kadm.ListedOffsets, error) { return within(ctx, offsets.ListStartOffsets, topic) }),
		committed: sync.OnceValues(func() (kadm.OffsetResponses, error) {
			ctx, cancel := context.WithTimeout(ctx, boundsTimeout)
			defer cancel()
			return offsets.FetchOffsets(ctx, group)
		}),
	}
}

func (s *sharedOffsets) ListStartOffsets(context.Context, ...string) (kadm.ListedOffsets, error) {
	return s.starts()
}

func (s *sharedOffsets) FetchOffsets(context.Context, string) (kadm.OffsetResponses, error) {
	return s.committed()
}
