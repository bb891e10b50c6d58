package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// gitFolder is a repository with one commit, of files given as pairs of name and text, in a folder that the test works in.
func gitFolder(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i := 0; i < len(files); i += 2 {
		if err := os.MkdirAll(filepath.Dir(files[i]), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[i], []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "rules"}} {
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// TestTheBaseOfARevisionHasFaults says of which revision they are, and that they are of rules.
func TestTheBaseOfARevisionHasFaults(t *testing.T) {
	const rule = "groups: [{name: g, rules: [{alert: A, by: [topic], expr: tps > 1}]}]\n"
	gitFolder(t, "r/policy.yaml", "sdk_min: {go: 1.2.0}\n", "r/a.yaml", rule, "r/b.yaml", rule)
	for _, dir := range []string{"r", "./r/"} {
		_, err := loadBase(t.Context(), dir, "main")
		const want = `main:r/b.yaml:1:36: alert A is already defined at main:r/a.yaml:1; an alert's name is its identity; give this one another
    groups: [{name: g, rules: [{alert: A, by: [topic], expr: tps > 1}]}]
                                       ^`
		if err == nil || err.Error() != want || !IsRuleFaults(err) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
