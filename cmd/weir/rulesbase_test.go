package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRulesCheckBase says only what is wrong with rules that changed since a revision, and shows a table of all.
func TestRulesCheckBase(t *testing.T) {
	t.Parallel()
	dir := folder(t, "r/rules.yaml", largeMessageRule)
	git := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "rules")
	text := strings.Replace(anotherRule("Busy", "tps > 1"), "window: 3s", "window: 4s", 2)
	if err := os.WriteFile(filepath.Join(dir, "r/rules.yaml"), []byte(strings.Replace(text, "window: 4s", "window: 3s", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := call(t, dir, "rules", "check", "--base", "HEAD", "-v", "r")
	want := ended{stdout: "RULE          GROUPS BY       LOOKS BACK  READS     FIRES EARLY\nLargeMessage  cluster, topic  3s          size_max  yes\nBusy          topic           4s          tps       yes\n" +
		"r: 2 rules, 1 changed since HEAD, no faults, 3 warnings\n"}
	for _, check := range []string{"missing-runbook", "same-summary", "window-panes"} {
		if strings.Count(got.stderr, "["+check+"]") != 1 {
			t.Errorf("%s is not said once:\n%s", check, got.stderr)
		}
	}
	if got.stdout != want.stdout || got.code != 0 || strings.Count(got.stderr, "warning: ") != 3 {
		t.Errorf("got %+v, want\n%s", got, want.stdout)
	}
	if got := call(t, dir, "rules", "check", "--base", "nowhere", "r"); got.code != exitFailed || !strings.Contains(got.stderr, "git knows no revision nowhere") {
		t.Errorf("got %+v of a revision that there is not", got)
	}
}
