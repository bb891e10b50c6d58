// Command mutants holds that the tests can fail: it breaks one line after the other on
// purpose, and wants a test to notice each. No file of the tree is touched.
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

//go:embed mutants.yaml
var listed []byte

// mutant is one line broken on purpose.
type mutant struct {
	Name  string
	File  string
	Old   string // stands once in the file
	New   string
	Tests struct {
		Package, Run string
		Histories    int // of a simulation, where its default is too few to be sure
	}
}

// errSurvived says that some mutant was not noticed.
var errSurvived = errors.New("no test noticed a line that was broken: mend the tests")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli struct {
		Only string `help:"Only those whose name, file or package of tests holds this text."`
	}
	kong.Parse(&cli, kong.Name("mutants"), kong.Description("Breaks one line after the other and wants the tests to notice.\n\nExample: mutants --only aggregate/fold.go"))
	if err := run(ctx, cli.Only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	mutants, err := read(listed)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "mutant\tfile\tnoticed\tby")
	played, survived := 0, 0
	for _, m := range mutants {
		if !strings.Contains(m.Name+"\x00"+m.File+"\x00"+m.Tests.Package, only) {
			continue
		}
		began := time.Now()
		test, err := m.play(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		noticed := "yes"
		if played++; test == "" {
			survived++
			noticed = "NO"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Name, m.File, noticed, cmp.Or(test, m.Tests.Run))
		fmt.Fprintf(os.Stderr, "  %s: %s after %s\n", m.Name, noticed, time.Since(began).Round(time.Second))
	}
	fmt.Fprintf(table, "%d of %d are noticed\n", played-survived, played)
	if survived > 0 {
		return errSurvived
	}
	return nil
}

func read(text []byte) ([]mutant, error) {
	var mutants []mutant
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&mutants); err != nil {
		return nil, fmt.Errorf("read mutants.yaml: %w", err)
	}
	return mutants, nil
}

// play runs the tests over the broken line and returns the first that fails, "" where
// none does.
func (m *mutant) play(ctx context.Context) (test string, err error) {
	overlay, err := m.write()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(filepath.Dir(overlay))
	args := []string{"test", "-count=1", "-overlay", overlay, "-run", m.Tests.Run, m.Tests.Package}
	if m.Tests.Histories > 0 {
		args = append(args, "-histories", strconv.Itoa(m.Tests.Histories))
	}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err == nil {
		if bytes.Contains(out, []byte("no tests to run")) {
			return "", fmt.Errorf("no test of %s matches %s", m.Tests.Package, m.Tests.Run)
		}
		return "", nil
	}
	if _, after, failed := strings.Cut(string(out), "--- FAIL: "); failed {
		name, _, _ := strings.Cut(after, " ")
		return name, nil
	}
	if bytes.Contains(out, []byte("panic: ")) {
		return "a panic in " + m.Tests.Run, nil
	}
	return "", fmt.Errorf("run the tests: %w\n%s", err, out)
}

// write writes the broken file and an overlay that puts it in the other's place.
func (m *mutant) write() (overlay string, err error) {
	text, err := m.broken()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "weir-mutant-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the broken file: %w", err)
	}
	original, err := filepath.Abs(m.File)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", m.File, err)
	}
	broken := filepath.Join(dir, filepath.Base(m.File))
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{original: broken}})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	for path, content := range map[string][]byte{broken: text, overlay: replaced} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return "", fmt.Errorf("write %s: %w", path, err)
		}
	}
	return overlay, nil
}

// broken is the file with the line broken.
func (m *mutant) broken() ([]byte, error) {
	whole, err := os.ReadFile(m.File)
	if err != nil {
		return nil, fmt.Errorf("read what is to be broken: %w; run it where go.mod is", err)
	}
	if n := bytes.Count(whole, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("%s holds %q %d times, want it once: bring mutants.yaml up to date", m.File, m.Old, n)
	}
	return bytes.Replace(whole, []byte(m.Old), []byte(m.New), 1), nil
}
