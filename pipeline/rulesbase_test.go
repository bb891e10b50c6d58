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

// TestTheBaseIsNowhere says what there is.
func TestTheBaseIsNowhere(t *testing.T) {
	const rule = "groups: [{name: g, rules: [{alert: A, by: [topic], expr: tps > 1}]}]\n"
	gitFolder(t, "r/a.yaml", rule, "old/team/a.yml", rule, "old/.git.d/a.yaml", rule, "before/a.yaml", rule, "later/a.yaml", rule, "notes/a.txt", rule)
	alone := t.TempDir()
	for _, c := range []struct{ dir, base, want string }{
		{"r", "befor", `befor is no folder (did you mean "before"?), and as a git revision: read rules at "befor": git knows no revision befor; want a branch, a tag or a commit, such as main`},
		{"r", "./nowhere", `./nowhere is no folder (there are before, later), and as a git revision: read rules at "./nowhere": git knows no revision ./nowhere; want a branch, a tag or a commit, such as main`},
		{"r", "old/nowhere", `old/nowhere is no folder (there are old/team), and as a git revision: read rules at "old/nowhere": git knows no revision old/nowhere; want a branch, a tag or a commit, such as main`},
		{"r", "nowhere/r", `nowhere/r is no folder, and as a git revision: read rules at "nowhere/r": git knows no revision nowhere/r; want a branch, a tag or a commit, such as main`},
		{alone, "mian", `mian is no folder (there are before, later, r), and as a git revision: read rules at "mian": folder ` + alone + ` is in no git repository, and so there are no revisions of it`},
	} {
		if _, err := loadBase(t.Context(), c.dir, c.base); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestTheBaseOfOneFile has the policy of its folder, as it was then.
func TestTheBaseOfOneFile(t *testing.T) {
	gitFolder(t, "r/policy.yaml", "sdk_min: {go: 1.2.0}\n", "r/a.yaml", `groups: [{name: g, rules: [{alert: A, by: [client, sdk_lang], expr: 'outdated(policy.sdk_min[sdk_lang]) > 0'}]}]`)
	if err := os.Remove("r/policy.yaml"); err != nil {
		t.Fatal(err)
	}
	if set, err := loadBase(t.Context(), "r/a.yaml", "main"); err != nil || len(set.Rules) != 1 || set.Policy == nil {
		t.Errorf("got %+v and %v, want a rule and a policy", set, err)
	}
}
