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
	commitAll(t, dir)
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

// commitAll makes a folder a repository with one commit.
func commitAll(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "rules"}} {
		command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// TestRulesCheckBaseOfTiers holds that what is wrong with one variant of a rule is said where the rule changed, and counts it once.
func TestRulesCheckBaseOfTiers(t *testing.T) {
	t.Parallel()
	const rules = `groups:
  - name: g
    rules:
      - alert: Busy
        by: [topic, tier]
        expr: tps > 100
        labels: {severity: warning}
        annotations: {summary: '{{ .topic }} is busy', action: look}
        by_tier:
          S1: {expr: tps > 10 and tps < 5}
          S2: {expr: tps > 50}
      - {alert: Late, by: [topic], window: 25s, expr: p99 > 1s, labels: {severity: info}, annotations: {summary: late, action: look}}
`
	dir := folder(t, "r/rules.yaml", rules)
	commitAll(t, dir)
	if got := call(t, dir, "rules", "check", "--base", "HEAD", "r"); got.stdout != "r: 2 rules, 0 changed since HEAD, no faults\n" || got.stderr != "" || got.code != 0 {
		t.Errorf("got %+v of what is as it was", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "r/rules.yaml"), []byte(strings.Replace(rules, "tps > 50}", "tps > 60}", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := call(t, dir, "rules", "check", "--base", "HEAD", "-v", "r")
	const want = "RULE          GROUPS BY    LOOKS BACK  READS  FIRES EARLY\nBusy S1       topic, tier  1m          tps    no: it may be true because input is missing\n" +
		"Busy S2       topic, tier  1m          tps    yes\nBusy default  topic, tier  1m          tps    yes\nLate          topic        25s         p99    no: p99 > 1s may become false while more comes in\n" +
		"r: 2 rules, 1 changed since HEAD, no faults, 1 warning\n"
	if got.stdout != want || got.code != 0 || strings.Count(got.stderr, "warning: ") != 1 || !strings.Contains(got.stderr, "the alert never fires for tier S1 [never-true]") {
		t.Errorf("got %+v, want\n%s", got, want)
	}
}
