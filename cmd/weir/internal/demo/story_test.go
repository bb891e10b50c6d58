package demo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
)

// notified waits until the chat was told of every expected alert with this status.
func notified(status string) func(context.Context, *theatre) error {
	return func(ctx context.Context, on *theatre) error {
		began := time.Now()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			missing := slices.Clone(expectedAlerts)
			for _, n := range on.house.chat.Notifications() {
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

// askWithConfiguration asks as the demo says that one can, while it runs: by the line that it prints, from another folder, and of
// the first minute too.
func askWithConfiguration(t *testing.T, program, data string, out *child.Output) {
	t.Helper()
	path := filepath.Join(data, "weir.yaml")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the configuration is %v, %v, want a file that its owner alone reads", info, err)
	}
	text := out.String()
	if said := "configuration " + path + ", for weir rules backtest, explain, capture and inspect\n"; !strings.Contains(text, said) {
		t.Errorf("it told:\n%s\nwant %q", text, said)
	}
	_, line, _ := strings.Cut(text, "  backtest      bin/weir ")
	line, _, found := strings.Cut(line, " --from 10m # after a minute\n")
	if !found {
		t.Errorf("it told:\n%s\nwant how to call weir rules backtest", text)
	}
	backtest := line + " --from 10m --to " + time.Now().UTC().Format(time.RFC3339)
	for _, args := range []string{backtest, "rules explain TrafficSurge --config " + shellWord(path)} {
		awaitSaid(t, program, args, "TrafficSurge")
	}
}

// awaitSaid runs weir until it says something: what it reads may still be on its way to the store.
func awaitSaid(t *testing.T, program, args, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		command := exec.CommandContext(t.Context(), "sh", "-c", `"$0" `+args, program)
		command.Dir = t.TempDir()
		said, err := command.CombinedOutput()
		if err == nil && strings.Contains(string(said), want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("weir %s ends with %v and says:\n%s", args, err, said)
			return
		case <-ticker.C:
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
	data, out := filepath.Join(t.TempDir(), "what the demo's parts keep"), &child.Output{}
	var fired, recovered int
	short := slices.Clone(story[:3])
	short[0].ends = func(context.Context, *theatre) error { return nil }
	short[1].ends = func(ctx context.Context, on *theatre) error {
		if err := firing(ctx, on); err != nil {
			return err
		}
		if fired++; fired == 1 {
			askWithConfiguration(t, program, data, out)
		} else {
			cancel() // Ctrl-C
			return ctx.Err()
		}
		return nil
	}
	short[2].ends = func(ctx context.Context, on *theatre) error {
		err := resolved(ctx, on)
		if err == nil {
			recovered++
		}
		return err
	}
	outcome, err := run(ctx, Config{DataDir: data, Executable: program, Out: out,
		Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0", Alertmanager: "127.0.0.1:0", HTTP: "127.0.0.1:0"}, short)
	if err != nil || outcome != nil {
		t.Errorf("ended with %+v and %v, want neither", outcome, err)
	}
	text := out.String()
	if fired != 2 || recovered != 1 {
		t.Errorf("all alerts fired %d times and resolved %d times, want 2 and 1; it told:\n%s", fired, recovered, text)
	}
	for scene, want := range map[string]int{"scene: " + story[0].name: 2, "scene: " + story[1].name: 2, "scene: " + story[2].name: 1} {
		if got := strings.Count(text, scene); got != want {
			t.Errorf("%q was told %d times, want %d:\n%s", scene, got, want, text)
		}
	}
}
