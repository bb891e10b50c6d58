package ruletest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules/ruletest"
)

// TestPlayed plays the tests below testdata/played: what each thing that can be said does.
func TestPlayed(t *testing.T) {
	result, err := ruletest.Test("testdata/played", ruletest.Options{Update: *golden.Update})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Outcomes) < 16 {
		t.Errorf("%d cases were played only", len(result.Outcomes))
	}
	for _, outcome := range result.Outcomes {
		for _, failure := range outcome.Failures {
			t.Error(failure)
		}
	}
}

const surgeRules = `groups:
  - name: g
    rules:
      - {alert: Surge, by: [topic], window: 10s, expr: tps > 10}
      - {alert: Cliff, by: [topic], window: 10s, expr: tps < 1}
`

// folder writes files of these texts below a folder of its own.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestUpdate holds that an update writes what happens, adds want where nothing is expected, leaves the rest as it is, and
// that what it wrote passes.
func TestUpdate(t *testing.T) {
	const before = `# first
case wrong
at 0s: topic=a messages=1000   # a surge
advance to 20s
want
# what begins
  1s Surge{topic=b} firing
  # what ends
  20s Surge{topic=a} resolved tps=0
  # and what else

  30s Surge{topic=b} resolved

  # of another time

# between
case by hand
advance to 20s
expect 10s Surge firing

case not yet
at 0s..20s: topic=a messages=50
advance to 20s

case empty
want

-- rules.yaml --
` + surgeRules
	const after = `# first
case wrong
at 0s: topic=a messages=1000   # a surge
advance to 20s
want
# what begins
  10s Surge{topic=a} firing tps=100
  # what ends
  20s Surge{topic=a} resolved tps=0
  # and what else
  20s Cliff{topic=a} firing tps=0

  # of another time

# between
case by hand
advance to 20s
expect 10s Surge firing

case not yet
at 0s..20s: topic=a messages=50
advance to 20s
want

case empty
want

-- rules.yaml --
` + surgeRules
	path := filepath.Join(folder(t, map[string]string{"a_test.txt": before}), "a_test.txt")
	for run, written := range []int{1, 0} {
		result, err := ruletest.Test(path, ruletest.Options{Update: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after, string(read(t, path))); diff != "" {
			t.Fatalf("update %d (-want +got):\n%s", run+1, diff)
		}
		if len(result.Updated) != written || result.Failed() != 1 {
			t.Errorf("update %d wrote %v and %d cases fail, want %d and the one by hand", run+1, result.Updated, result.Failed(), written)
		}
	}
}

// TestFolder holds which files and cases are played, with which rules, and what they show of each rule.
func TestFolder(t *testing.T) {
	const surge = "\nat 0s..20s: topic=a messages=1000\nat 20s..40s: topic=a messages=50\nadvance to 40s\n"
	dir := folder(t, map[string]string{
		"all.yaml":                 surgeRules,
		"tests/surge_test.txt":     "rules Surge\ncase up" + surge + "expect 30s Surge resolved\ncase flat\nat 0s..1m: topic=a messages=1\nadvance to 1m\nexpect nothing\ncase not asked\nadvance to 1m\nexpect nothing\n",
		"tests/deep/all_test.txt":  "case named" + surge + "expect no Cliff\ncase of both" + surge + "want\n 10s Surge{topic=a} firing tps=100\n 30s Surge{topic=a} resolved tps=5\n",
		"tests/own_test.txt":       "case own\nexpect nothing\n-- rules.yaml --\n" + surgeRules,
		"tests/notes.txt":          "no test",
		"elsewhere/rules_test.txt": "case of the folder above\nat 0s..1m: topic=a messages=1\nadvance to 1m\nexpect no Surge\n",
	})
	for _, c := range []struct {
		path, run string
		cases     string
		coverage  []ruletest.Coverage
	}{
		{"", "", "of the folder above, named, of both, own, up, flat, not asked", []ruletest.Coverage{{"Surge", 2, 2, 2}, {"Cliff", 0, 2, 0}}},
		{"", "deep.* of", "of both", nil},
		{"tests/surge_test.txt", "", "up, flat, not asked", []ruletest.Coverage{{"Surge", 1, 1, 1}, {"Cliff", 0, 0, 0}}},
		{"elsewhere/rules_test.txt", "folder", "of the folder above", nil},
	} {
		options := ruletest.Options{}
		if c.run != "" {
			options.Run = regexp.MustCompile(c.run)
		}
		result, err := ruletest.Test(filepath.Join(dir, c.path), options)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		var names []string
		for _, outcome := range result.Outcomes {
			names = append(names, outcome.Case.Name)
			for _, failure := range outcome.Failures {
				t.Error(failure)
			}
		}
		if got := strings.Join(names, ", "); got != c.cases {
			t.Errorf("%s with %q plays %s, want %s", c.path, c.run, got, c.cases)
		}
		if all := 7; c.path == "" && len(result.Outcomes)+len(result.Left) != all {
			t.Errorf("with %q it plays %s and leaves out %q, want %d in all", c.run, names, result.Left, all)
		}
		if diff := cmp.Diff(c.coverage, result.Coverage); diff != "" {
			t.Errorf("%s with %q shows (-want +got):\n%s", c.path, c.run, diff)
		}
	}
}

func TestLacks(t *testing.T) {
	for want, c := range map[string]ruletest.Coverage{
		"":            {Fires: 1, Quiet: 1, Recovers: 1},
		"has no case": {},
		"has no case that fires, and none that recovers": {Quiet: 2},
		"has no case that stays quiet":                   {Fires: 1, Recovers: 1},
	} {
		if got := c.Lacks(); got != want {
			t.Errorf("%+v %q, want %q", c, got, want)
		}
	}
}

// TestUnread says what cannot be played at all.
func TestUnread(t *testing.T) {
	dir := folder(t, map[string]string{"tests/a_test.txt": "case a\nexpect nothing\n", "faulty/rules.yaml": "groups: 1\n", "faulty/a_test.txt": "cas\n", "faulty/empty_test.txt": ""})
	for path, want := range map[string]string{
		"nowhere":               "find tests of rules: stat nowhere: no such file or directory",
		"tests":                 "read rules: folder tests has no *.yaml file; put one there, or name another folder",
		"faulty/empty_test.txt": "faulty/empty_test.txt: the file has no case; write case and a name, then what happens",
		"faulty": `faulty/rules.yaml:1:9: got "1", want a list of groups
    groups: 1
            ^
faulty/a_test.txt:1:1: got "cas", want case, `,
	} {
		_, err := ruletest.Test(filepath.Join(dir, path), ruletest.Options{})
		if got := strings.ReplaceAll(errorText(err), dir+"/", ""); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
