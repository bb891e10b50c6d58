package format

import (
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile replaces the text of a file at once: whoever reads it sees the former or the new text. Permissions and links to
// the file stay.
func WriteFile(path string, content []byte) (err error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	next, err := os.CreateTemp(filepath.Dir(target), ".fmt-*") // Weir reads no names with a dot before them
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name()) // what failed before says more
		}
	}()
	_, err = next.Write(content)
	for _, step := range []func() error{
		func() error { return next.Chmod(info.Mode().Perm()) },
		next.Sync,
	} {
		if err == nil {
			err = step()
		}
	}
	if closed := next.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(next.Name(), target)
	}
	if err != nil {
		return fmt.Errorf("write rules to %s: %w", path, err)
	}
	return nil
}
