// Package revision reads rule files as they were at a revision of git. It runs the program git, so that whatever names a
// revision there does here: branches, tags, commits, main~3.
package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
)

// Read returns the rule files that a folder, or one file, had at a revision, by their paths as they would be now. There are
// none where the folder was not there yet.
func Read(ctx context.Context, dir, ref string) ([]rules.File, error) {
	at, only := dir, ""
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		at, only = filepath.Dir(dir), filepath.Base(dir)
	}
	commit, err := git(ctx, at, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("read rules at %q: %w", ref, unknown(ctx, at, ref, err))
	}
	id := strings.TrimSpace(string(commit))
	listed, err := git(ctx, at, "ls-tree", "-r", "-z", "--name-only", id)
	if err != nil {
		return nil, fmt.Errorf("list rules at %q: %w", ref, err)
	}
	var out []rules.File
	for name := range strings.SplitSeq(string(listed), "\x00") {
		if !isRuleFile(name) || only != "" && name != only {
			continue
		}
		content, err := git(ctx, at, "show", id+":./"+name)
		if err != nil {
			return nil, fmt.Errorf("read rules at %q: %w", ref, err)
		}
		out = append(out, rules.File{Path: filepath.Join(at, filepath.FromSlash(name)), Content: content})
	}
	return out, nil
}

// isRuleFile says of a path below a folder whether Weir would read it.
func isRuleFile(name string) bool {
	hidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
	ext := path.Ext(name)
	return !hidden && (ext == ".yaml" || ext == ".yml")
}

// git runs it in a folder, and returns what it prints.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	command.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	switch text := strings.TrimSpace(said.String()); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no program git; install it")
	case err != nil && text != "":
		return nil, fmt.Errorf("git: %s", strings.TrimPrefix(text, "fatal: "))
	case err != nil:
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

// unknown says why git knows no such revision.
func unknown(ctx context.Context, dir, ref string, err error) error {
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		return err // git says why
	}
	if shallow, asked := git(ctx, dir, "rev-parse", "--is-shallow-repository"); asked == nil && strings.TrimSpace(string(shallow)) == "true" {
		return fmt.Errorf("git knows no revision %s in this shallow clone; fetch it, as with git fetch --depth 1 origin %s, and name FETCH_HEAD", ref, ref)
	}
	return fmt.Errorf("git knows no revision %s; want a branch, a tag or a commit", ref)
}
