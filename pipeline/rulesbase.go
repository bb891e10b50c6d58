package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/revision"
)

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
	folder := rules.FolderOf(dir, files, nil)
	if len(folder.Faults) > 0 {
		return nil, errors.New(strings.ReplaceAll(folder.Faults.Error(), dir, base+":"+dir))
	}
	return rules.NewSet(folder.Rules, folder.Policy), nil
}
