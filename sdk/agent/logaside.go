package agent

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// maxLines bounds the lines that wait for the program's log. Not fewer: each client of a program has one of each command, all at once; not more: they are
// kept for a log that is slow, or stands still.
const maxLines = 256

// aside hands lines to the program's own handler on a goroutine of its own. That handler may send them through a client that commands steer, and wait
// there for what the agent does next: the agent waits for no log while it works, and Close for what waits then.
type aside struct {
	to    slog.Handler
	lines *lines
}

// lines are those that wait, and how many found no room.
type lines struct {
	queue   chan line
	dropped atomic.Int64
}

// line is what one handler is given.
type line struct {
	ctx    context.Context
	to     slog.Handler
	record slog.Record
}

func logAside(log *slog.Logger) *aside {
	return &aside{log.Handler(), &lines{queue: make(chan line, maxLines)}}
}

// Enabled asks the program's handler.
func (a *aside) Enabled(ctx context.Context, level slog.Level) bool { return a.to.Enabled(ctx, level) }

// Handle has a line wait. Where there is no room it is counted, and told of with the next.
func (a *aside) Handle(ctx context.Context, record slog.Record) error {
	select {
	case a.lines.queue <- line{context.WithoutCancel(ctx), a.to, record.Clone()}:
	default:
		a.lines.dropped.Add(1)
	}
	return nil
}

// WithAttrs is the same with attributes.
func (a *aside) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &aside{a.to.WithAttrs(attrs), a.lines}
}

// WithGroup is the same in a group.
func (a *aside) WithGroup(name string) slog.Handler { return &aside{a.to.WithGroup(name), a.lines} }

// run hands lines over until ctx ends, and then those that wait.
func (a *aside) run(ctx context.Context) {
	for {
		select {
		case of := <-a.lines.queue:
			a.lines.hand(of)
			continue
		case <-ctx.Done():
		}
		for {
			select {
			case of := <-a.lines.queue:
				a.lines.hand(of)
			default:
				return
			}
		}
	}
}

// hand gives a line to its handler. One that panics is the program's, and ends nothing here.
func (l *lines) hand(of line) {
	defer func() { _ = recover() }()
	if dropped := l.dropped.Swap(0); dropped > 0 {
		slog.New(of.to).Warn("the log was too slow: some of what the agent said is left out", "lines", dropped)
	}
	_ = of.to.Handle(of.ctx, of.record) // nobody is left to be told
}
