package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestALateSceneIsToldAndTheStoryGoesOn: a busy machine takes its time, so a story that is told again and again tells of a scene that is late, takes back what that asked, and goes on.
// Told once, it is verified, and so fails.
func TestALateSceneIsToldAndTheStoryGoesOn(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		on := &theatre{&house{}, &cast{}, newScreen(&out), &Steered{}}
		on.house.config.Control.Dir = t.TempDir()
		path, told := filepath.Join(on.house.config.Control.Dir, steeringFile), 0
		scenes := []scene{
			{"quiet", func(context.Context, *theatre) error { return nil }, func(*cast) {}},
			{"a limit", func(_ context.Context, on *theatre) error {
				if err := on.house.command(limitCommand, "orders", "", "a test", "pause: {}"); err != nil {
					return err
				}
				return fmt.Errorf("%w: the command is not there", errLate)
			}, func(*cast) {}},
			{"the end", func(ctx context.Context, _ *theatre) error {
				if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "commands: []") {
					t.Errorf("what the late scene asked is still asked: %v: %s", err, text)
				}
				if told++; told == 2 {
					cancel() // Ctrl-C
				}
				return ctx.Err()
			}, func(*cast) {}},
		}
		_, err := on.tell(ctx, scenes, once)
		cancel()
		if once && (!errors.Is(err, errLate) || told != 0) {
			t.Errorf("told once it ends with %v, after %d ends", err, told)
		}
		if !once && (!errors.Is(err, context.Canceled) || told != 2 || strings.Count(out.String(), "the scene \"a limit\" is cut short: it is late: the command is not there; the story goes on") != 2) {
			t.Errorf("told again and again it ends with %v, after %d ends:\n%s", err, told, &out)
		}
	}
}
