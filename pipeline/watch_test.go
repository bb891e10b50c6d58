package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWatchRules holds that a change is taken up wherever it is below the folder of
// rules, also in a folder that is made while the rules are watched. The folder itself
// may be a link to one.
func TestWatchRules(t *testing.T) {
	config := DefaultConfig()
	folder := t.TempDir()
	config.Rules.Dir = filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, config.Rules.Dir); err != nil {
		t.Fatal(err)
	}
	write := func(path, alert string) {
		t.Helper()
		text := fmt.Sprintf("groups: [{name: g, rules: [{alert: %s, expr: tps > 1}]}]\n", alert)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, path)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", "A")
	write("team/b.yaml", "B")
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.watchRules(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	for i, path := range []string{"c.yaml", "team/d.yaml", "later/e.yaml", "later/f.yaml"} {
		awaitRules(t, p, 2+i, func() { write(path, fmt.Sprintf("New%d", i)) })
	}
}

// awaitRules makes a change until the pipeline has one rule more than before.
func awaitRules(t *testing.T, p *Pipeline, before int, change func()) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(2 * reloadQuiet) // the watch may begin after the first change
	defer ticker.Stop()
	for change(); p.rules.status().Count != before+1; {
		select {
		case <-deadline:
			t.Fatalf("got %d rules, want %d: %s", p.rules.status().Count, before+1, p.rules.status().LastError)
		case <-ticker.C:
			change()
		}
	}
}
