package demo

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// told is what the demo prints where there is no terminal.
type told struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *told) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// notified waits until the chat was told of every expected alert with this status.
func notified(status string) func(context.Context, *house) error {
	return func(ctx context.Context, h *house) error {
		began := time.Now()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			missing := slices.Clone(expectedAlerts)
			for _, n := range h.chat.Notifications() {
				if n.Status == status && !n.ReceivedAt.Before(began) {
					missing = slices.DeleteFunc(missing, func(name string) bool { return name == n.Labels["alertname"] })
				}
			}
			if len(missing) == 0 {
				return nil
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-ticker.C:
			}
		}
	}
}

// TestTheStoryIsToldAgain plays the story with all of its parts, each scene only until
// its alerts have reached the chat. After the first telling a second one begins, and
// its alerts fire again; then the interrupt ends it without an error.
func TestTheStoryIsToldAgain(t *testing.T) {
	program := filepath.Join(t.TempDir(), "weir")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/weirmq/weir/cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("build weir: %v\n%s", err, out)
	}
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	firing, resolved := notified("firing"), notified("resolved")
	var fired, recovered int
	short := slices.Clone(story)
	short[0].ends = func(context.Context, *house) error { return nil }
	short[1].ends = func(ctx context.Context, h *house) error {
		if err := firing(ctx, h); err != nil {
			return err
		}
		if fired++; fired == 2 {
			cancel() // Ctrl-C
			return ctx.Err()
		}
		return nil
	}
	short[2].ends = func(ctx context.Context, h *house) error {
		err := resolved(ctx, h)
		if err == nil {
			recovered++
		}
		return err
	}
	out := &told{}
	outcome, err := run(ctx, Config{DataDir: t.TempDir(), Executable: program, Out: out,
		Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0", Alertmanager: "127.0.0.1:0", HTTP: "127.0.0.1:0"}, short)
	if err != nil || outcome != nil {
		t.Errorf("ended with %+v and %v, want neither", outcome, err)
	}
	text := out.text.String()
	if fired != 2 || recovered != 1 {
		t.Errorf("all alerts fired %d times and resolved %d times, want 2 and 1; it told:\n%s", fired, recovered, text)
	}
	for scene, want := range map[string]int{"scene: " + story[0].name: 2, "scene: " + story[1].name: 2, "scene: " + story[2].name: 1} {
		if got := strings.Count(text, scene); got != want {
			t.Errorf("%q was told %d times, want %d:\n%s", scene, got, want, text)
		}
	}
}
