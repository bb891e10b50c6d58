package boundedfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRead reads what is as large as it may be, and nothing else; a named pipe that nobody writes to is not waited for.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	path, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, 5); err != nil || string(got) != "12345" {
		t.Errorf("got %q, %v", got, err)
	}
	for name, c := range map[string]struct {
		path, want string
		most       int
	}{
		"larger":       {path, "it has more than 4 bytes", 4},
		"a folder":     {dir, "it is no file, but of mode d", 5},
		"a named pipe": {pipe, "it is no file, but of mode p", 5},
		"missing":      {path + "s", "no such file", 5},
	} {
		if got, err := Read(c.path, c.most); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v, want %s", name, got, err, c.want)
		}
	}
}
