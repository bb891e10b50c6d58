// Package docs_test holds that what the documentation says is so: commands run and
// print what is shown, rules and configurations load, reports decode, Go compiles, SQL
// runs on the real engine, every key, field, column and metric is named, and every link
// leads somewhere.
//
// A block of code says by a comment on the line before it what is done with it:
//
//	<!-- file PATH -->     written to PATH, for the commands that follow on the page
//	<!-- run -->           sh: run in a folder of the page with bin/weir, rules.d and deploy/weir.yaml
//	<!-- run exit=3 -->    the same, with another exit code
//	<!-- run store -->     the same, and 127.0.0.1:8123 is a ClickHouse with the rows of seed
//	<!-- run broker -->    the same, and 127.0.0.1:9092 is a broker with the topic and the groups of seededBroker, all over the page
//	<!-- run kcat -->      the same, and what it pipes into kcat is a report
//	<!-- output -->        what the command or the faulty rule before it prints, or the query on sql.md answers
//	<!-- wrong -->         yaml: a rule file that is refused
//	<!-- config -->        yaml: a configuration
//	<!-- report -->        json: a report
//	<!-- query NAME -->    sql: its answer is compared, see store_test.go
//
// Without one, yaml that begins with groups is a rule file, go is a program and sql is
// run; the rest must be well-formed.
package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the checkout, seen from this folder.
const root = ".."

// page is one Markdown file.
type page struct {
	path   string // from root
	text   string
	blocks []block
}

// block is one fenced block of code.
type block struct {
	page     *page
	line     int
	language string
	mark     []string // words of the comment before it
	text     string
}

// is says that a block has a mark.
func (b *block) is(mark string) bool { return len(b.mark) > 0 && b.mark[0] == mark }

func (b *block) errorf(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Errorf("%s:%d: "+format, append([]any{b.page.path, b.line}, args...)...)
}

// readPages returns the README, its neighbours and every page of this folder.
func readPages(t *testing.T) []*page {
	t.Helper()
	var paths []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "docs/runbooks/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 10 {
		t.Fatalf("found %d pages only: %v", len(paths), paths)
	}
	var pages []*page
	for _, path := range paths {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, readPage(t, name))
	}
	return pages
}

var comment = regexp.MustCompile(`^<!-- (.+) -->$`)

// marks are those that a block may have.
var marks = []string{"file", "run", "output", "wrong", "config", "report", "query"}

func readPage(t *testing.T, path string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{path: path, text: string(text)}
	var open *block
	var mark []string
	for i, line := range strings.Split(p.text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && isFence:
			p.blocks = append(p.blocks, *open)
			open, mark = nil, nil
		case open != nil:
			open.text += line + "\n"
		case isFence:
			open = &block{page: p, line: i + 1, language: fence, mark: mark}
		case comment.MatchString(line):
			mark = strings.Fields(comment.FindStringSubmatch(line)[1])
			if !slices.Contains(marks, mark[0]) {
				t.Errorf("%s:%d: unknown mark %q, known are %v", path, i+1, mark[0], marks)
			}
		case strings.TrimSpace(line) != "" && mark != nil:
			t.Errorf("%s:%d: the mark %v stands before no block", path, i+1, mark)
			mark = nil
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block does not end", path, open.line)
	}
	return p
}

// buildWeir returns the path of the program, built once.
var buildWeir = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "weir")
	build := exec.Command("go", "build", "-o", path, "./cmd/weir")
	build.Dir = root
	out, err := build.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

func weir(t *testing.T) string {
	t.Helper()
	path, err := buildWeir()
	if err != nil {
		t.Fatalf("build weir: %v\n%s", err, path)
	}
	return path
}

// buildDir holds the program while tests run.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "weir-docs-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir) // a folder of the system's temporary ones
	os.Exit(code)
}
