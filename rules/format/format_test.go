package format_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/format"
)

// TestSource formats the file "in" of each archive, and compares what comes out, or why nothing does, with "want".
func TestSource(t *testing.T) {
	golden.Archives(t, "testdata/*.txt", func(t *testing.T, path string, archive *txtar.Archive) {
		got, err := format.Source("in", archive.Files[0].Data)
		if err != nil {
			got = []byte(err.Error() + "\n")
		}
		golden.CompareArchive(t, path, archive, string(got))
	})
}

// TestRefusedAsLoading holds that a text is refused in the words of the loader where it is not UTF-8, also if YAML would read it
// as UTF-16 and find nothing in it but comments, or has what a terminal would obey.
func TestRefusedAsLoading(t *testing.T) {
	const utf16 = "in:1:1: not YAML: the file is UTF-16; save the file as UTF-8\n    "
	for content, want := range map[string]string{
		"\xff\xfe":                       utf16 + "\ufffd\ufffd\n    ^",
		"\xff\xfe#\x00a\x00":             utf16 + "\ufffd\ufffd#\ufffda\ufffd\n    ^",
		"\xfe\xff\x00#\x00a":             utf16 + "\ufffd\ufffd\ufffd#\ufffda\n    ^",
		"\xff\xfe\n---\ngroups: []\n":    utf16 + "\ufffd\ufffd\n    ^",
		"# a\n---\n# \xe4\ngroups: []\n": "in:3:3: not YAML: not UTF-8: a byte 0xe4; save the file as UTF-8\n    # \ufffd\n      ^",
		"# a\n---\n# \x1b[31m\n":         "in:3:3: not YAML: a control character U+001B, which YAML does not take; take it out\n    # \ufffd[31m\n      ^",
	} {
		out, err := format.Source("in", []byte(content))
		if err == nil || err.Error() != want {
			t.Errorf("%q is formatted to %q, %v; want\n%s", content, out, err, want)
		}
		if _, faults := rules.Parse("in", []byte(content)); faults.Error() != want {
			t.Errorf("%q is loaded with %v; want\n%s", content, faults, want)
		}
	}
}

// TestLineEnds holds that what ends a line to YAML ends one here too or is refused, and that the mark that some editors put before
// UTF-8 goes: comments were lost behind each of them.
func TestLineEnds(t *testing.T) {
	const left = "take it out, or write it as an escape in double quotes; the file is left as it is"
	for content, want := range map[string]string{
		"\ufeff# a\n":                       "# a\n",
		"\ufeff# a\r\ngroups:   []\r\n":     "# a\ngroups: []\n",
		"\ufeff---\ngroups: []\n":           "---\ngroups: []\n",
		"groups: []\r# b\r\n# c\r":          "groups: []\n# b\n# c\n",
		"groups: []\n---\n\ufeff# b\n":      "in:3:1: fmt does not know how to write the character U+FEFF; " + left + "\n    \ufeff# b\n    ^",
		"\ufeff\ufeff# a\n":                 "in:1:1: fmt does not know how to write the character U+FEFF; " + left + "\n    \ufeff# a\n    ^",
		"# ä\ngroups: []\u2028# b\n":        "in:2:11: fmt does not know how to write the character U+2028; " + left + "\n    groups: []\u2028# b\n              ^",
		"# ä\u2029groups: []\n":             "in:1:4: fmt does not know how to write the character U+2029; " + left + "\n    # ä\u2029groups: []\n       ^",
		"groups: []\u0085# b\n":             "in:1:11: fmt does not know how to write the character U+0085; " + left + "\n    groups: []\ufffd# b\n              ^",
		"groups: [\"\\u2028\\uFEFF\\N\"]\n": "groups: [\"\\u2028\\uFEFF\\N\"]\n",
	} {
		out, err := format.Source("in", []byte(content))
		got := string(out)
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", content, diff)
		}
	}
}

// TestStable holds of every rule file of this repository, of its documentation and of the corpus of faults that what is
// formatted stays as it is, and loads as before.
func TestStable(t *testing.T) {
	formatted := 0
	for name, content := range corpus(t) {
		if check(t, name, content) {
			formatted++
		}
	}
	if formatted < 60 {
		t.Errorf("formatted %d files only", formatted)
	}
}

// TestShippedRulesAreFormatted holds that what Weir ships is in the form that it writes.
func TestShippedRulesAreFormatted(t *testing.T) {
	for _, pattern := range []string{"../../rules.d/*.yaml", "../../deploy/demo/rules.d/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("found %d files: %v", len(paths), err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := format.Source(path, content)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(content), string(got)); diff != "" {
				t.Errorf("%s (-is +formatted):\n%s", path, diff)
			}
		}
	}
}

// check formats a file twice; false says that it is refused.
func check(t *testing.T, name string, content []byte) bool {
	t.Helper()
	once, err := format.Source(name, content)
	if err != nil {
		return false
	}
	twice, err := format.Source(name, once)
	if err != nil {
		t.Errorf("%s: what was formatted is refused: %v\n%s", name, err, once)
		return true
	}
	if diff := cmp.Diff(string(once), string(twice)); diff != "" {
		t.Errorf("%s is formatted otherwise the second time (-once +twice):\n%s\nof\n%s", name, diff, content)
	}
	if was, is := loaded(name, content), loaded(name, once); !slices.Equal(was, is) {
		t.Errorf("%s loads otherwise (-was +is):\n%s\nof\n%s", name, cmp.Diff(was, is), content)
	}
	for line := range strings.SplitSeq(string(once), "\n") {
		if strings.TrimRight(line, " \t") == "" && line != "" {
			t.Errorf("%s has a line of blanks", name)
		}
	}
	return true
}

// loaded says what the rules of a file are, and which messages its faults have.
func loaded(name string, content []byte) []string {
	parsed, faults := rules.Parse(name, content)
	var out []string
	for _, rule := range parsed {
		out = append(out, rule.Alert+rule.Grouping.ID+rule.WhereText+rules.SqueezeExpression(rule.ExprText)+rule.Window.String()+rule.For.String()+rule.KeepFiringFor.String())
		for _, texts := range []map[string]string{rule.Labels(), rule.Annotations()} {
			for key, text := range texts {
				out = append(out, key+text)
			}
		}
	}
	for _, fault := range faults {
		if !strings.HasPrefix(fault.Message, "field ") { // of keys given twice the later one is told
			out = append(out, fault.Message)
		}
	}
	slices.Sort(out)
	return out
}

var fenced = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// corpus are all rule files that there are.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, pattern := range []string{"../../rules.d/*.yaml", "../../deploy/demo/rules.d/*.yaml", "../../docs/*.md", "../../README.md", "../testdata/faults/*.txt",
		"../testdata/life/*.txt", "../lint/testdata/*.txt", "testdata/*.txt"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: found %d files: %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Ext(path) {
			case ".md":
				for _, block := range fenced.FindAllSubmatch(content, -1) {
					out[path+string(block[1][:min(60, len(block[1]))])] = block[1]
				}
			case ".txt":
				for _, file := range txtar.Parse(content).Files {
					out[path+"/"+file.Name] = file.Data
				}
			default:
				out[path] = content
			}
		}
	}
	return out
}

// FuzzSource holds for any text that is not refused that formatting it again changes nothing, and that it loads as before.
func FuzzSource(f *testing.F) {
	for _, content := range corpus(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		check(t, "fuzz.yaml", content)
	})
}
