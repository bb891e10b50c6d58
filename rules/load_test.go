package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
)

// TestFaults loads the folder that an archive's files make, and compares the text of
// everything wrong with it.
func TestFaults(t *testing.T) {
	golden.Archives(t, "testdata/faults/*.txt", func(t *testing.T, path string, archive *txtar.Archive) {
		dir := t.TempDir()
		for _, file := range archive.Files {
			if file.Name == "want" {
				continue
			}
			if err := writeFile(dir, file); err != nil {
				t.Fatal(err)
			}
		}
		set, err := rules.Load(dir)
		if err == nil {
			t.Fatalf("loaded %d rules without a fault", len(set.Rules))
		}
		golden.CompareArchive(t, path, archive, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")+"\n")
	})
}

// writeFile makes a file of an archive below dir, or a link where its name is "link -> target".
func writeFile(dir string, file txtar.File) error {
	if name, target, link := strings.Cut(file.Name, " -> "); link {
		return os.Symlink(target, filepath.Join(dir, name))
	}
	return os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o644)
}

// TestFolders holds which files are read: below the folder, also one that is reached by
// a link as orchestrators make them, and also a file by itself; each document of it.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	rule := func(name string) string {
		return "groups:\n  - name: g\n    rules:\n      - {alert: " + name + ", expr: tps > 1}\n"
	}
	for path, content := range map[string]string{
		"real/a.yaml": rule("A") + "---\n" + rule("B"), "real/below/c.yml": rule("C"), "real/.hidden.yaml": rule("D"),
		"real/.git/e.yaml": rule("E"), "real/notes.txt": "not a rule", "real/empty.yaml": "# nothing yet\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{"real": "A B C", "link": "A B C", "real/below": "C", "link/below/c.yml": "C"} {
		set, err := rules.Load(filepath.Join(dir, folder))
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if got := names(set); got != want || !strings.HasPrefix(set.Rules[0].File, filepath.Join(dir, folder)) {
			t.Errorf("%s has rules %s, the first in %s; want %s", folder, got, set.Rules[0].File, want)
		}
	}
}

// TestOneFileHasThePolicyOfItsFolder and nothing else of it.
func TestOneFileHasThePolicyOfItsFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml":     "groups: [{name: g, rules: [{alert: A, by: [topic, tier], expr: 'lag_seconds > policy.tiers[tier].lag_age'}]}]\n",
		"other.yaml": "groups: [{name: g, rules: [{alert: Other, expr: tps >}]}]\n", "policy.yaml": "tiers: {S1: {lag_age: 60s}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, policy := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "policy.yaml")
	set, err := rules.Load(one)
	if err != nil || names(set) != "A" || set.Policy == nil {
		t.Fatalf("got %+v and %v, want A with the policy", set, err)
	}
	if folder, err := rules.ReadFolder(policy); err != nil || folder.Policy == nil || len(folder.Rules)+len(folder.Faults) > 0 {
		t.Errorf("of the policy alone got %+v and %v", folder, err)
	}
	was := set.Revision
	if err := os.WriteFile(policy, []byte("tiers: {S1: {lag_age: 60}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Load(one); err == nil || !strings.HasPrefix(err.Error(), policy+":1:23: got 60 for lag_age, want a number with a unit, as in 60s") {
		t.Errorf("of a faulty policy got %v", err)
	}
	if err := os.WriteFile(policy, []byte("tiers: {S1: {lag_age: 61s}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if set, err := rules.Load(one); err != nil || set.Revision == was {
		t.Errorf("another policy has revision %s too, and %v", was, err)
	}
	if err := os.Remove(policy); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Load(one); err == nil || !strings.Contains(err.Error(), "alert A compares with the policy, and the folder has no policy.yaml") {
		t.Errorf("without a policy got %v", err)
	}
}

func names(set *rules.Set) string {
	var out []string
	for _, rule := range set.Rules {
		out = append(out, rule.Alert)
	}
	return strings.Join(out, " ")
}

// TestDefaultPack holds that the first pack has what it promises.
func TestDefaultPack(t *testing.T) {
	set, err := rules.Load("../rules.d")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"TrafficSurge", "TopicRateVolatile", "RateCliff", "ClusterWriteVolatile", "LargeMessage",
		"SendSlow", "ConsumeSlow", "ClientOutdated", "SendErrors", "ConsumerNodeOffline"} {
		rule := set.ByName(name)
		if rule == nil {
			t.Errorf("rules.d has no %s", name)
			continue
		}
		if rule.Lane == rules.LaneRealtime && rule.Lookback() > rules.MaxLookback || rule.Window < 10*time.Second {
			t.Errorf("%s looks back %s over windows of %s", name, rule.Lookback(), rule.Window)
		}
		// A cluster has topics of all tiers; whatever is smaller has one to route by.
		if byTier := slices.Contains(rule.Grouping.By, "tier"); byTier != (len(rule.Grouping.By) > 1) {
			t.Errorf("%s groups by %v", name, rule.Grouping.By)
		}
	}
}

func TestGroupingsAreSharedByTextNotSpacing(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte(`groups:
  - name: g
    rules:
      - {alert: A, by: [topic], where: 'op=="send"', expr: tps > 1}
      - {alert: B, by: [topic], where: 'op  ==  "send"', window: 5m, expr: bps > 1B/s}
      - {alert: C, by: [topic], where: 'op == "consume"', expr: tps > 1}
`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set := &rules.Set{Rules: parsed}
	if got := len(set.Groupings()); got != 2 {
		t.Errorf("got %d groupings, want 2: A and B share one", got)
	}
	if set.Lookback() != 5*time.Minute {
		t.Errorf("got lookback %s, want the longest window", set.Lookback())
	}
}

var lineEnds = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// FuzzParse holds that no input makes the loader panic, and that every fault has a
// place inside the file.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("../rules.d/*.yaml")
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	archives, _ := filepath.Glob("testdata/faults/*.txt")
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		parsed, faults := rules.Parse("fuzz.yaml", content)
		lines := lineEnds.Split(string(content), -1)
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > len(lines)+1 || fault.Message == "" {
				t.Errorf("fault at line %d of %d: %q", fault.Line, len(lines), fault.Message)
			}
			if fault.Column < 1 || fault.Column > utf8.RuneCountInString(fault.Source)+2 {
				t.Errorf("fault at column %d of %q: %q", fault.Column, fault.Source, fault.Message)
			}
		}
		for _, rule := range parsed {
			if rule == nil || rule.Alert == "" || rule.Grouping.ID == "" || rule.Lookback() > rules.MaxInspected || rule.Lane == rules.LaneRealtime && rule.Lookback() > rules.MaxLookback {
				t.Errorf("accepted a broken rule: %+v", rule)
			}
		}
	})
}
