package rocketmq

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// LogTo has the library's log handed to a logger, for all of its clients in this process. By
// itself the library writes to standard error, from level info on, several lines for each
// client and every failed message with its body. Here messages are told of by their ids.
//
// What the library calls fatal is an error here, and does not end the process. Call it before
// the first client is made: the library takes a logger without a lock. It may be called again at any time.
func LogTo(logger *slog.Logger) {
	adapter.to.Store(logger)
	adapting.Do(func() { rlog.SetLogger(&adapter) })
}

var (
	adapter  slogger
	adapting sync.Once
)

// slogger is the library's interface to a logger. Its level and its output are the logger's own.
type slogger struct {
	to atomic.Pointer[slog.Logger]
	// lines counts what the library logs, what is left out too. A goroutine of the library that has logged is known to whoever reads it.
	lines atomic.Uint64
}

func (s *slogger) Debug(text string, fields map[string]any)   { s.log(slog.LevelDebug, text, fields) }
func (s *slogger) Info(text string, fields map[string]any)    { s.log(slog.LevelInfo, text, fields) }
func (s *slogger) Warning(text string, fields map[string]any) { s.log(slog.LevelWarn, text, fields) }
func (s *slogger) Error(text string, fields map[string]any)   { s.log(slog.LevelError, text, fields) }
func (s *slogger) Fatal(text string, fields map[string]any)   { s.log(slog.LevelError, text, fields) }
func (s *slogger) Level(string)                               {}
func (s *slogger) OutputPath(string) error                    { return nil }

func (s *slogger) log(level slog.Level, text string, fields map[string]any) {
	ctx := context.Background()
	s.lines.Add(1)
	to := s.to.Load()
	if text == "" && len(fields) == 0 || !to.Enabled(ctx, level) {
		return
	}
	attributes := make([]slog.Attr, 0, len(fields))
	for name, value := range fields {
		attributes = append(attributes, slog.Any(name, loggable(value)))
	}
	slices.SortFunc(attributes, func(a, b slog.Attr) int { return cmp.Compare(a.Key, b.Key) })
	to.LogAttrs(ctx, level, text, attributes...)
}

// loggable is a field's value without the bodies of messages.
func loggable(value any) any {
	switch v := value.(type) {
	case *primitive.MessageExt:
		return v.MsgId
	case []*primitive.MessageExt:
		ids := make([]string, 0, len(v))
		for _, m := range v {
			ids = append(ids, m.MsgId)
		}
		return ids
	case *primitive.Message:
		return v.Topic + " " + v.GetProperty(primitive.PropertyUniqueClientMessageIdKeyIndex)
	case error, fmt.Stringer:
		return fmt.Sprint(v)
	}
	return value
}
