package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/weirmq/weir/rules"
)

// loadBase loads the rules of another folder, or of the same one as it was in a git
// revision. A folder of the revision's name comes first.
func loadBase(ctx context.Context, dir, base string) (*rules.Set, error) {
	if info, err := os.Stat(base); err == nil && info.IsDir() {
		return rules.Load(base)
	}
	commit, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", base+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("%s is neither a folder nor a git revision in %s: %w", base, dir, err)
	}
	listed, err := git(ctx, dir, "ls-tree", "-r", "-z", "--name-only", strings.TrimSpace(commit), "./")
	if err != nil {
		return nil, fmt.Errorf("list the rules of %s: %w", base, err)
	}
	copied, err := os.MkdirTemp("", "weir-rules-")
	if err != nil {
		return nil, fmt.Errorf("make room for the rules of %s: %w", base, err)
	}
	defer os.RemoveAll(copied)
	for name := range strings.SplitSeq(strings.TrimSuffix(listed, "\x00"), "\x00") {
		if name == "" || !filepath.IsLocal(name) {
			continue
		}
		text, err := git(ctx, dir, "show", strings.TrimSpace(commit)+":./"+name)
		if err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", name, base, err)
		}
		path := filepath.Join(copied, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return nil, fmt.Errorf("copy %s of %s: %w", name, base, err)
		}
	}
	set, err := rules.Load(copied)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), copied, base+":"+dir))
	}
	return set, nil
}

// git runs git in a folder and returns what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		if text := strings.TrimSpace(said.String()); text != "" {
			return "", fmt.Errorf("git %s: %s", args[0], text)
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.String(), nil
}
