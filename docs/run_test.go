package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommands runs the commands that need no server, page by page in their order, and
// compares what they print with the output that the page shows.
func TestCommands(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, p := range readPages(t) {
		if !slices.ContainsFunc(p.blocks, func(b block) bool { return b.is("run") }) {
			continue
		}
		t.Run(p.path, func(t *testing.T) {
			ran += runPage(t, p)
		})
	}
	if ran < 6 {
		t.Errorf("ran %d commands only", ran)
	}
}

func runPage(t *testing.T, p *page) (ran int) {
	dir := pageFolder(t)
	printed, store := "", ""
	if slices.ContainsFunc(p.blocks, func(b block) bool { return slices.Contains(b.mark, "broker") }) {
		at := seededBroker(t)
		for i := range p.blocks {
			p.blocks[i].text = strings.ReplaceAll(p.blocks[i].text, "127.0.0.1:9092", at)
		}
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		switch {
		case b.is("file"):
			writeFile(t, filepath.Join(dir, b.mark[1]), b.text)
		case b.is("run"):
			if slices.Contains(b.mark, "store") && store == "" {
				store = seededStore(t)
			}
			printed = runBlock(t, b, dir, store)
			ran++
		case b.is("output") && !p.blocks[i-1].is("wrong") && !p.blocks[i-1].is("query"):
			if diff := cmp.Diff(strings.TrimRight(b.text, "\n"), strings.TrimRight(printed, "\n")); diff != "" {
				b.errorf(t, "the command prints something else (-shown +printed):\n%s", diff)
			}
		}
	}
	return ran
}

// pageFolder is as a checkout after make demo DATA=data, as far as commands need it.
func pageFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for folder, from := range map[string]string{"rules.d": "rules.d", "data/rules.d": "deploy/demo/rules.d"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(root, from))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "deploy/weir.yaml"), string(text))
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(weir(t), filepath.Join(dir, "bin/weir")); err != nil {
		t.Fatal(err)
	}
	// In the place of the real one, which needs a broker: it keeps what it is given.
	writeFile(t, filepath.Join(dir, "stubs/kcat"), "#!/bin/sh\ncat > \"$KCAT_GOT\"\n")
	if err := os.Chmod(filepath.Join(dir, "stubs/kcat"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// seededStore starts a ClickHouse with the rows of seed and returns its host and port.
func seededStore(t *testing.T) string {
	t.Helper()
	engine := startEngine(t)
	engine.seed(t)
	return strings.TrimPrefix(engine.url, "http://")
}

// runBlock runs a block as one script and returns what it prints. A store is where the script's ClickHouse is, if it has one.
func runBlock(t *testing.T, b *block, dir, store string) string {
	t.Helper()
	want, script := 0, b.text
	if store != "" {
		script = strings.ReplaceAll(script, "127.0.0.1:8123", store)
	}
	piped := filepath.Join(dir, "piped")
	for _, word := range b.mark[1:] {
		if code, ok := strings.CutPrefix(word, "exit="); ok {
			var err error
			if want, err = strconv.Atoi(code); err != nil {
				t.Fatal(err)
			}
		}
	}
	command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	command.Dir = dir
	command.Env = []string{"PATH=" + filepath.Join(dir, "stubs") + ":" + os.Getenv("PATH"), "HOME=" + dir, "KCAT_GOT=" + piped}
	out, err := command.CombinedOutput()
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		b.errorf(t, "exit code %d, want %d:\n%s", got, want, out)
	}
	if slices.Contains(b.mark, "kcat") {
		report, err := os.ReadFile(piped)
		if err != nil {
			b.errorf(t, "nothing was piped into kcat: %v", err)
			return string(out)
		}
		decodeReport(t, b, report)
	}
	return strings.ReplaceAll(string(out), dir+"/", "")
}

// TestShellIsWellFormed looks at the commands that are not run here.
func TestShellIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, p := range readPages(t) {
		for i := range p.blocks {
			b := &p.blocks[i]
			if b.language != "sh" || b.is("run") {
				continue
			}
			check := exec.CommandContext(t.Context(), "sh", "-n")
			check.Stdin = strings.NewReader(b.text)
			if out, err := check.CombinedOutput(); err != nil {
				b.errorf(t, "%v: %s", err, out)
			}
		}
	}
}
