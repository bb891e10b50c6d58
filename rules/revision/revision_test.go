package revision_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/revision"
)

// repository has two commits, of which the first is tagged "first".
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	write(t, dir, map[string]string{"rules/a.yaml": "one", "rules/below/b.yml": "two", "rules/.hidden.yaml": "x", "rules/.git.d/c.yaml": "x", "rules/notes.txt": "x", "other.yaml": "x"})
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-qm", "first")
	run(t, dir, "tag", "first")
	write(t, dir, map[string]string{"rules/a.yaml": "changed", "new/c.yaml": "three", "with/a.yaml": "four", "with/policy.yaml": "five", "with/other.yaml": "x"})
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-qm", "second")
	return dir
}

func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRead(t *testing.T) {
	dir := repository(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		dir, ref string
		want     []rules.File
	}{
		{"rules", "first", []rules.File{{Path: at("rules/a.yaml"), Content: []byte("one")}, {Path: at("rules/below/b.yml"), Content: []byte("two")}}},
		{"rules", "main~1", []rules.File{{Path: at("rules/a.yaml"), Content: []byte("one")}, {Path: at("rules/below/b.yml"), Content: []byte("two")}}},
		{"rules/a.yaml", "main", []rules.File{{Path: at("rules/a.yaml"), Content: []byte("changed")}}},
		{"with/a.yaml", "main", []rules.File{{Path: at("with/a.yaml"), Content: []byte("four")}, {Path: at("with/policy.yaml"), Content: []byte("five")}}},
		{"new", "first", nil},
	} {
		got, err := revision.Read(t.Context(), at(c.dir), c.ref)
		if err != nil {
			t.Errorf("%s at %s: %v", c.dir, c.ref, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s at %s (-want +got):\n%s", c.dir, c.ref, diff)
		}
	}
}

// TestReadFails says what is to be done.
func TestReadFails(t *testing.T) {
	dir := repository(t)
	alone, empty := t.TempDir(), t.TempDir()
	run(t, empty, "init", "-q")
	shallow := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, shallow)
	for _, c := range []struct{ dir, ref, want string }{
		{dir, "nowhere", `read rules at "nowhere": git knows no revision nowhere; want a branch, a tag or a commit, such as main, first`},
		{dir, "mian", `read rules at "mian": git knows no revision mian; did you mean "main"?`},
		{empty, "main", `read rules at "main": git knows no revision main; want a branch, a tag or a commit`},
		{dir, "--help", `read rules at "--help": git knows no revision --help; want a branch, a tag or a commit, such as main, first`},
		{shallow, "first", `read rules at "first": git knows no revision first in this shallow clone; fetch it, as with git fetch --depth 1 origin first, and name FETCH_HEAD`},
		{alone, "main", `read rules at "main": folder ` + alone + ` is in no git repository, and so there are no revisions of it`},
	} {
		_, err := revision.Read(t.Context(), c.dir, c.ref)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s at %s: got %v, want %s", c.dir, c.ref, err, c.want)
		}
	}
	t.Setenv("PATH", "")
	if _, err := revision.Read(t.Context(), dir, "main"); err == nil || err.Error() != `read rules at "main": there is no program git; install it` {
		t.Errorf("without git: got %v", err)
	}
}
