package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// errNoBlocks is of a store that has no DSN.
var errNoBlocks = errors.New("history is read by a store that was opened with a DSN")

// historyReader reads rows.
type historyReader struct {
	store   *Store
	of      Range
	head    blockHead
	series  *seriesNumbers
	origins map[string]origin
	names   names
	buckets buckets
	spare   spareBlocks
}

// origin returns where reports of a source stood.
func (r *historyReader) origin(text []byte) origin {
	from, ok := r.origins[string(text)]
	if !ok {
		from.source, from.err = parseSource(string(text))
		r.origins[string(text)] = from
	}
	return from
}

// spareBlocks are blocks whose rows have been handed on: what comes next is decoded into them.
type spareBlocks struct {
	mu     sync.Mutex
	blocks []*cellBlock
}

func (s *spareBlocks) take() *cellBlock {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.blocks) - 1
	if n < 0 {
		return nil
	}
	b := s.blocks[n]
	s.blocks = s.blocks[:n]
	return b
}

func (s *spareBlocks) give(blocks []*cellBlock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks = append(s.blocks, blocks...)
}

// block returns a block to decode into.
func (r *historyReader) block() *cellBlock {
	if b := r.spare.take(); b != nil {
		return b
	}
	return newCellBlock(&r.head, r.of.Omit)
}

// hand makes the cells of a time and hands them on, some panes at a time.
func (r *historyReader) hand(step fetchedStep, yield func(*telemetry.StoredCells) error) error {
	runs, from := step.runs, step.from
	for {
		n, rows := wholePanes(runs, r.store.reads.decoded)
		until := step.to
		if n < len(runs) {
			until = time.Unix(int64(runs[n].pane), 0).UTC()
		}
		if err := yield(&telemetry.StoredCells{From: from, To: until, Cells: r.cells(runs[:n], rows), Labels: step.labels}); err != nil {
			return err
		}
		if runs, from = runs[n:], until; len(runs) == 0 {
			r.spare.give(step.blocks)
			return nil
		}
	}
}

// fetch reads blocks as often as it takes: an attempt that fails half way has handed nothing on. A row that is not as Weir writes
// them ends it: asking again does not help.
func (r *historyReader) fetch(ctx context.Context, from, to time.Time) (out fetchedStep) {
	out.from, out.to = from, to
	var damaged error
	out.err = r.store.retry(ctx, "read", func(ctx context.Context) error {
		r.spare.give(out.blocks)
		out.blocks, out.runs = nil, out.runs[:0]
		err := r.fetchBlocks(ctx, &out)
		var decoded *rowError
		var column *columnError
		if errors.As(err, &decoded) || errors.As(err, &column) {
			damaged = err
			return nil
		}
		return err
	})
	if out.err == nil {
		out.err = damaged
	}
	out.runs, out.labels = byPane(out.runs), slices.Clip(r.series.labels)
	return out
}

// rowError is of a row that is not as Weir writes them.
type rowError struct{ error }

func (r *historyReader) fetchBlocks(ctx context.Context, out *fetchedStep) error {
	next := &nextBlock{r.block()}
	defer func() { r.spare.give([]*cellBlock{next.cellBlock}) }()
	return r.store.blocks.query(ctx, next.statement()+r.of.where(out.from, out.to), next, func() error {
		b := next.cellBlock
		out.blocks, next.cellBlock = append(out.blocks, b), r.block()
		if err := b.take(r); err != nil {
			return &rowError{fmt.Errorf("decode a row: %w", err)}
		}
		out.runs = appendRuns(out.runs, b)
		return nil
	})
}

// nextBlock is the one that the next rows are decoded into.
type nextBlock struct{ *cellBlock }

// fetchedStep is the rows of a time, by pane.
type fetchedStep struct {
	from, to time.Time
	runs     []run
	blocks   []*cellBlock        // of the runs
	labels   []*telemetry.Labels // of their series
	err      error
}

// fetchSteps fetches one step after the other until one fails or ctx ends: while ClickHouse answers, what it answered before is
// evaluated.
func (r *historyReader) fetchSteps(ctx context.Context, steps []time.Time, out chan<- fetchedStep) {
	defer close(out)
	for i, from := range steps {
		to := r.of.To
		if i+1 < len(steps) {
			to = steps[i+1]
		}
		step := r.fetch(ctx, from, to)
		select {
		case out <- step:
		case <-ctx.Done():
			return
		}
		if step.err != nil {
			return
		}
	}
}
