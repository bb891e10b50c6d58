package format_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/weirmq/weir/rules/format"
)

// TestWriteFile holds that links and permissions stay, and that nothing is left behind.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	if err := os.WriteFile(real, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteFile(link, []byte("after")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(real)
	info, _ := os.Lstat(real)
	if err != nil || string(text) != "after" || info.Mode() != 0o640 {
		t.Errorf("got %q of mode %v, %v", text, info.Mode(), err)
	}
	if target, err := os.Readlink(link); err != nil || target != "real.yaml" {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v: %v", entries, err)
	}
	if err := format.WriteFile(filepath.Join(dir, "none.yaml"), nil); err == nil {
		t.Error("a file that there is not was written")
	}
}
