package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/rules"
)

// packs are the folders of rules that come with Weir, and where their cases are.
var packs = map[string]string{"../rules.d": "testdata/shipped", "../deploy/demo/rules.d": "testdata/demo"}

// TestShippedRules plays the cases of every shipped rule: an archive by the rule's name,
// whose files are scripts as TestLife knows them. The name of each begins with fires
// or quiet, and it must do so. A rule needs both.
func TestShippedRules(t *testing.T) {
	eachShipped(t, func(t *testing.T, set *rules.Set, path string, archive *txtar.Archive) {
		compareFile(t, path, archive, playCases(t, set, archive))
		for _, want := range []string{"fires", "quiet"} {
			if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, want) }) {
				t.Errorf("%s has no case that begins with %s", path, want)
			}
		}
		for _, file := range archive.Files {
			fired := strings.Contains(playCase(t, set, file), " firing ")
			if file.Name != "want" && fired != strings.HasPrefix(file.Name, "fires") {
				t.Errorf("%s: case %s fires: %t", path, file.Name, fired)
			}
		}
	})
}

// eachShipped calls do with a set of each shipped rule alone and its cases.
func eachShipped(t *testing.T, do func(t *testing.T, set *rules.Set, path string, archive *txtar.Archive)) {
	for dir, cases := range packs {
		all, err := rules.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range all.Rules {
			t.Run(filepath.Base(cases)+"/"+rule.Alert, func(t *testing.T) {
				path := filepath.Join(cases, rule.Alert+".txt")
				archive, err := txtar.ParseFile(path)
				if err != nil {
					t.Fatalf("a shipped rule needs cases that fire and that stay quiet: %v", err)
				}
				do(t, &rules.Set{Rules: []*rules.Rule{rule}}, path, archive)
			})
		}
		paths, err := filepath.Glob(filepath.Join(cases, "*.txt"))
		if err != nil || len(paths) != len(all.Rules) {
			t.Errorf("%s has cases of %d rules, %s has %d rules: %v", cases, len(paths), dir, len(all.Rules), err)
		}
	}
}

func playCases(t *testing.T, set *rules.Set, archive *txtar.Archive) string {
	var out strings.Builder
	for _, file := range archive.Files {
		if file.Name != "want" {
			fmt.Fprintf(&out, "%s:\n%s", file.Name, playCase(t, set, file))
		}
	}
	return out.String()
}

func playCase(t *testing.T, set *rules.Set, file txtar.File) string {
	if file.Name == "want" {
		return ""
	}
	p := newPlayer(t)
	p.set = set
	return p.run(string(file.Data))
}

// TestShippedRulesLeaveOut holds that load tests and the retry and dead-letter topics of
// RocketMQ are in no rule about traffic and messages, whatever they send.
func TestShippedRulesLeaveOut(t *testing.T) {
	eachShipped(t, func(t *testing.T, set *rules.Set, _ string, archive *txtar.Archive) {
		if file := filepath.Base(set.Rules[0].File); file != "traffic.yaml" && file != "messages.yaml" {
			return
		}
		for _, instead := range []string{"tag=load topic=", "topic=%RETRY%", "topic=%DLQ%"} {
			for _, file := range archive.Files {
				file.Data = []byte(strings.ReplaceAll(string(file.Data), "topic=", instead))
				if got := playCase(t, set, file); got != "" {
					t.Errorf("with %s, %s:\n%s", instead, file.Name, got)
				}
			}
		}
	})
}

// TestShippedThresholds holds that the cases lie close to what the rules say: each
// number of an expression a little higher or lower, and each duration a little longer
// or shorter, makes some case end otherwise.
func TestShippedThresholds(t *testing.T) {
	eachShipped(t, func(t *testing.T, set *rules.Set, path string, archive *txtar.Archive) {
		rule := set.Rules[0]
		text, err := os.ReadFile(rule.File)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		want, tried := playCases(t, set, archive), 0
		for at := rule.Line; at < len(lines) && !strings.Contains(lines[at], "- alert:"); at++ {
			for _, changed := range changes(lines[at]) {
				tried++
				other := slices.Concat(lines[:at], []string{changed}, lines[at+1:])
				parsed, faults := rules.Parse(rule.File, []byte(strings.Join(other, "")))
				if len(faults) > 0 {
					t.Fatalf("%s: %v", changed, faults)
				}
				all := &rules.Set{Rules: parsed}
				if playCases(t, &rules.Set{Rules: []*rules.Rule{all.ByName(rule.Alert)}}, archive) == want {
					t.Errorf("all cases of %s end alike with%s", path, strings.TrimRight(changed, "\n"))
				}
			}
		}
		if tried < 2 {
			t.Errorf("%d changes were tried", tried)
		}
	})
}

var (
	ruleKey    = regexp.MustCompile(`^ *(expr|window|for|keep_firing_for): `)
	ruleNumber = regexp.MustCompile(`"[^"]*"|[a-z][a-z_]*[0-9]+|[0-9]+(\.[0-9]+)?(ms|[smhd])?`)
)

// changes returns a line of a rule with one number each higher or lower.
func changes(line string) []string {
	if !ruleKey.MatchString(line) {
		return nil
	}
	var out []string
	for _, span := range ruleNumber.FindAllStringIndex(line, -1) {
		for _, changed := range near(line[span[0]:span[1]]) {
			out = append(out, line[:span[0]]+changed+line[span[1]:])
		}
	}
	return out
}

// near returns what is close to a number or a duration: a tenth off, or one where that
// is more; for durations a pane or two.
func near(text string) []string {
	if quoted := strings.Trim(text, `"`); quoted != text {
		var out []string
		for _, changed := range near(quoted) {
			out = append(out, strconv.Quote(changed))
		}
		return out
	}
	if number, unit := strings.TrimRight(text, "smhd"), strings.TrimLeft(text, "0123456789"); unit != "" && unit != text && !strings.HasPrefix(unit, ".") {
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil
		}
		switch unit {
		case "d":
			return []string{fmt.Sprintf("%dh", 24*n-1), fmt.Sprintf("%dh", 24*n+1)}
		case "m":
			step := 10
			if n >= 5 {
				step = 60 // the cases of a day have panes of a minute
			}
			return []string{fmt.Sprintf("%ds", 60*n-step), fmt.Sprintf("%ds", 60*n+step)}
		}
		step := min(10, (n+2)/3)
		return []string{fmt.Sprintf("%d%s", n-step, unit), fmt.Sprintf("%d%s", n+step, unit)}
	}
	if n, err := strconv.Atoi(text); err == nil {
		step := max(1, n/10)
		return []string{fmt.Sprint(n - step), fmt.Sprint(n + step)}
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return []string{fmt.Sprint(x * 0.9), fmt.Sprint(x * 1.1)}
	}
	return nil // a name or a version
}
