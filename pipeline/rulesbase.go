package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/revision"
)

// IsRuleFaults says that an error is of rules, or of their policy, that were read and have faults.
func IsRuleFaults(err error) bool { return errors.As(err, new(rules.Faults)) }

// loadBase loads the rules of another folder, or of the same one as it was in a git
// revision. A folder of the revision's name comes first.
func loadBase(ctx context.Context, dir, base string) (*rules.Set, error) {
	if info, err := os.Stat(base); err == nil && info.IsDir() {
		return rules.Load(base)
	}
	files, err := revision.Read(ctx, dir, base)
	if err != nil {
		return nil, fmt.Errorf("%s is no folder%s, and as a git revision: %w", base, besides(dir, base), err)
	}
	for i := range files {
		files[i].Path = base + ":" + files[i].Path // which faults show
	}
	home, _ := rules.FolderAndFile(dir)
	folder := rules.FolderOf(base+":"+filepath.Clean(home), files, nil)
	if len(folder.Faults) > 0 {
		return nil, folder.Faults
	}
	return rules.NewSet(folder.Rules, folder.Policy), nil
}

// shownFolders is how many folders are named where none is near to what was asked for. Not fewer: teams have one each; not more:
// the line is read on a terminal.
const shownFolders = 5

// besides says which folder with *.yaml files is probably meant by a path that is none, or which there are beside it.
func besides(dir, path string) string {
	var beside []string
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "[^.]*", "*.y*ml")) // nothing where the path has what is a pattern
	for _, file := range found {
		other := filepath.Dir(file)
		if !slices.Contains(beside, other) && !sameFolder(other, dir) {
			beside = append(beside, other)
		}
	}
	if hint := rules.DidYouMean(filepath.Clean(path), beside); hint != "" {
		return " (" + hint + ")"
	}
	if len(beside) == 0 {
		return ""
	}
	return " (there are " + strings.Join(beside[:min(len(beside), shownFolders)], ", ") + ")"
}

// sameFolder says that two paths are of one folder.
func sameFolder(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
