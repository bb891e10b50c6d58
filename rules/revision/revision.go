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

// Read returns the rule files that a folder, or one file with the policy of its folder, had at a revision, by their paths as they
// would be now. There are none where the folder was not there yet.
func Read(ctx context.Context, dir, ref string) ([]rules.File, error) {
	at, only := rules.FolderAndFile(dir)
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
		if !isRuleFile(name) || only != "" && name != only && name != rules.PolicyFile {
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
		if strings.Contains(err.Error(), "not a git repository") {
			return fmt.Errorf("folder %s is in no git repository, and so there are no revisions of it", dir)
		}
		return err // git says why
	}
	if shallow, asked := git(ctx, dir, "rev-parse", "--is-shallow-repository"); asked == nil && strings.TrimSpace(string(shallow)) == "true" {
		return fmt.Errorf("git knows no revision %s in this shallow clone; fetch it, as with git fetch --depth 1 origin %s, and name FETCH_HEAD", ref, ref)
	}
	return fmt.Errorf("git knows no revision %s; %s", ref, meant(ctx, dir, ref))
}

// shownNames is how many branches and tags are named where none is near to what was asked for. Not fewer: the branch of a
// release may be meant; not more: the line is read on a terminal.
const shownNames = 3

// meant says which branch or tag a revision is probably meant to be, or what there is: the newest first.
func meant(ctx context.Context, dir, ref string) string {
	listed, err := git(ctx, dir, "for-each-ref", "--sort=refname", "--sort=-creatordate", "--format=%(refname:lstrip=2)", "refs/heads", "refs/tags", "refs/remotes")
	names := strings.Fields(string(listed))
	if hint := rules.DidYouMean(ref, names); hint != "" {
		return hint
	}
	const wanted = "want a branch, a tag or a commit"
	if err != nil || len(names) == 0 {
		return wanted
	}
	return wanted + ", such as " + strings.Join(names[:min(len(names), shownNames)], ", ")
}
