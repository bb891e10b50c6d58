package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
		return nil, fmt.Errorf("%s is no folder, and as a git revision: %w", base, err)
	}
	for i := range files {
		files[i].Path = base + ":" + files[i].Path // which faults show
	}
	folder := rules.FolderOf(base+":"+filepath.Clean(dir), files, nil)
	if len(folder.Faults) > 0 {
		return nil, folder.Faults
	}
	return rules.NewSet(folder.Rules, folder.Policy), nil
}
