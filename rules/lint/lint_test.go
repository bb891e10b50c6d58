package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/lint"
	"github.com/weirmq/weir/telemetry"
)

// pane is the one that the scripts of this package count in.
const pane = 10 * time.Second

// TestChecks looks at the folder that an archive's files make, and compares the texts of all that is found.
func TestChecks(t *testing.T) {
	found := map[string]bool{}
	golden.Archives(t, "testdata/*.txt", func(t *testing.T, path string, archive *txtar.Archive) {
		var got strings.Builder
		for _, p := range lint.Run(unpack(t, archive), configOf(t, archive)) {
			got.WriteString(p.String() + "\n")
			found[p.Check] = true
		}
		golden.CompareArchive(t, path, archive, got.String())
	})
	for _, check := range lint.Checks() {
		if !found[check.Name] {
			t.Errorf("no script has a finding of %s", check.Name)
		}
	}
}

// TestEachCheckCanBeSwitchedOff holds it of all but the check of the comments: over every problem that a script has, such a
// comment leaves nothing of it and no word about itself.
func TestEachCheckCanBeSwitchedOff(t *testing.T) {
	for _, path := range scripts(t) {
		if filepath.Base(path) == "ignore.txt" {
			continue
		}
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range lint.Run(unpack(t, archive), configOf(t, archive)) {
			if p.Severity == lint.Error {
				continue
			}
			quiet := &txtar.Archive{}
			for _, file := range archive.Files {
				if file.Name == p.File {
					file.Data = slices.Concat([]byte("# weir:ignore "+p.Check+": it is meant\n"), file.Data)
				}
				quiet.Files = append(quiet.Files, file)
			}
			for _, left := range lint.Run(unpack(t, quiet), configOf(t, archive)) {
				if left.File == p.File && left.Severity == lint.Warning && (left.Check == p.Check || left.Check == "ignore") {
					t.Errorf("%s: a comment leaves %s", path, left)
				}
			}
		}
	}
}

// TestShippedRules holds that what Weir ships passes its own checks.
func TestShippedRules(t *testing.T) {
	for dir, pane := range map[string]time.Duration{"../../rules.d": pane, "../../deploy/demo/rules.d": time.Second} {
		folder, err := rules.ReadFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range lint.Run(folder, lint.Config{Pane: pane}) {
			t.Error(p)
		}
	}
}

// TestPane holds that windows are compared with the pane that is configured.
func TestPane(t *testing.T) {
	folder := unpack(t, txtar.Parse([]byte("-- a.yaml --\ngroups:\n  - name: g\n    rules:\n      - {alert: A, window: 30s, for: 10s, expr: tps > 1}\n")))
	var got []string
	for _, p := range lint.Run(folder, lint.Config{Pane: 20 * time.Second}) {
		if !strings.HasPrefix(p.Check, "missing-") {
			got = append(got, p.Message)
		}
	}
	want := []string{"window 30s is no whole number of panes of 20s, and covers 40s", "for 10s is below a pane of 20s, and lasts as long as one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// configOf is with what checks look at an archive: where it has a file series, a store holds what its lines say, as
// "topic=orders op=send x 3", of which each has another client.
func configOf(t *testing.T, archive *txtar.Archive) lint.Config {
	t.Helper()
	config := lint.Config{Pane: pane}
	for _, file := range archive.Files {
		if file.Name != "series" {
			continue
		}
		config.Seen = &lint.Seen{Span: 24 * time.Hour}
		for line := range strings.Lines(string(file.Data)) {
			text, times, _ := strings.Cut(strings.TrimSpace(line), " x ")
			var labels telemetry.Labels
			for _, pair := range strings.Fields(text) {
				name, value, _ := strings.Cut(pair, "=")
				if field := labels.Field(name); field != nil {
					*field = value
				} else {
					labels.Extra = append(labels.Extra, telemetry.Label{Name: name, Value: value})
				}
			}
			count, err := strconv.Atoi(times)
			if err != nil {
				t.Fatal(err)
			}
			for i := range count {
				labels.Client = "c" + strconv.Itoa(i)
				config.Seen.Series = append(config.Seen.Series, labels)
			}
		}
	}
	return config
}

func scripts(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d scripts: %v", len(paths), err)
	}
	return paths
}

// unpack reads the rule files of an archive, with paths as in it.
func unpack(t *testing.T, archive *txtar.Archive) *rules.Folder {
	t.Helper()
	dir := t.TempDir()
	for _, file := range archive.Files {
		if file.Name != "want" && file.Name != "series" {
			if err := os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(dir)
	defer t.Chdir(testFolder)
	folder, err := rules.ReadFolder(".")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// testFolder is where tests of this package begin.
var testFolder, _ = os.Getwd()

// TestPageListsAllChecks holds that the table of the documentation is that of the code; -update writes it.
func TestPageListsAllChecks(t *testing.T) {
	const path = "../../docs/rule-checks.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := "| check | finds | why it matters |\n|---|---|---|\n"
	for _, check := range lint.Checks() {
		table += "| `" + check.Name + "` | " + check.Says + " | " + check.Why + " |\n"
	}
	before, rest, _ := strings.Cut(string(page), "| check |")
	_, after, _ := strings.Cut(rest, "|\n\n")
	want := before + table + "\n" + after
	golden.Compare(t, path, want)
}

// TestCommentsForTheStoreStand where none is asked: what it would say is not known.
func TestCommentsForTheStoreStand(t *testing.T) {
	folder := unpack(t, txtar.Parse([]byte("-- a.yaml --\n# weir:ignore missing-summary, missing-runbook, missing-severity, matches-nothing, many-groups: they are meant\n"+
		"groups:\n  - name: g\n    rules:\n      - {alert: A, by: [topic], expr: tps > 1}\n")))
	if got := lint.Run(folder, lint.Config{Pane: pane}); len(got) > 0 {
		t.Errorf("got %v without a store", got)
	}
	seen := &lint.Seen{Series: []telemetry.Labels{{Topic: "orders"}}, Span: time.Hour}
	var got []string
	for _, p := range lint.Run(folder, lint.Config{Pane: pane, Seen: seen}) {
		got = append(got, p.Message)
	}
	want := []string{"weir:ignore switches off nothing: many-groups finds nothing here", "weir:ignore switches off nothing: matches-nothing finds nothing here"}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with a store (-want +got):\n%s", diff)
	}
}

// TestPartialsCostWhatIsMeasured holds that a partial is taken for as large as the page of benchmarks has it, by a fifth.
func TestPartialsCostWhatIsMeasured(t *testing.T) {
	page, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	var bytes float64
	_, row, _ := strings.Cut(string(page), "| bytes a group partial |")
	if _, err := fmt.Sscanf(row, "%g", &bytes); err != nil {
		t.Fatalf("the page has no bytes of a partial: %v", err)
	}
	if ratio := lint.PartialBytes / bytes; ratio < 0.8 || ratio > 1.2 {
		t.Errorf("a partial has %g bytes, and costs are of %d", bytes, lint.PartialBytes)
	}
}

// TestLabelsRead names those of by and where only, and all where a filter's names are not written out.
func TestLabelsRead(t *testing.T) {
	for text, want := range map[string][]string{
		`by: [topic, zone]`: {"topic", "zone"},
		`by: [topic], where: 'op == "send" and (label("zone") == "a" or sdk_version < "1.2.0")'`: {"op", "sdk_version", "topic", "zone"},
		`where: 'label(topic) == "a"'`: {"topic", "all"},
	} {
		parsed, faults := rules.Parse("a.yaml", []byte("groups:\n  - name: g\n    rules:\n      - {alert: A, "+text+", expr: tps > 1}\n"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		got, all := lint.LabelsRead(parsed)
		if all {
			got = append(got, "all")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
