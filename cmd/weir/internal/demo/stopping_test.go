package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/deploy/child"
)

// slowPart takes so long to end, if it is let, and ends by err.
type slowPart struct {
	takes time.Duration
	err   error
}

func (p slowPart) Stop(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("stop it: %w: %w", child.ErrKilled, ctx.Err())
	case <-time.After(p.takes):
		return p.err
	}
}

// TestASlowEndIsToldAndNoFault: a story that was told well does not fail because a part takes long to end, or never ends.
func TestASlowEndIsToldAndNoFault(t *testing.T) {
	t.Parallel()
	fault := errors.New("the folder is gone")
	for _, test := range []struct {
		name  string
		part  slowPart
		lines int
		last  string
		err   error
	}{
		{"at once", slowPart{time.Second, nil}, 0, "", nil},
		{"longer than people wait for nothing", slowPart{13 * time.Second, nil}, 3, "stopping ClickHouse, 12 s", nil},
		{"a minute", slowPart{61 * time.Second, nil}, 15, "stopping ClickHouse, 60 s", nil},
		{"never", slowPart{time.Hour, nil}, 30, "warning: ClickHouse did not end within 2m0s and was killed; what it had acknowledged is kept, and the next start on this folder goes on from there", nil},
		{"with a fault", slowPart{time.Second, fault}, 0, "", fault},
	} {
		synctest.Test(t, func(t *testing.T) {
			var told []string
			err := stopPart("ClickHouse", test.part, func(text string) { told = append(told, text) })
			last := ""
			if len(told) > 0 {
				last = told[len(told)-1]
			}
			// At two minutes a line of progress and the kill fall together.
			if test.name == "never" {
				told = slices.DeleteFunc(told, func(text string) bool { return text == "stopping ClickHouse, 120 s" })
			}
			if !errors.Is(err, test.err) || len(told) != test.lines || last != test.last {
				t.Errorf("%s: ended by %v and told %q, want %v and %d lines, the last %q", test.name, err, told, test.err, test.lines, test.last)
			}
		})
	}
}
