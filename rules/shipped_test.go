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
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/ruletest"
	"github.com/weirmq/weir/telemetry"
)

// packs are the folders of rules that come with Weir; their tests stand beside them.
var packs = []string{"../rules.d", "../deploy/demo/rules.d"}

// TestShippedRules plays the tests of every shipped rule. Each rule has one that fires, one that stays quiet and one that
// recovers. Where the name of a case begins with fires or quiet, it does so.
func TestShippedRules(t *testing.T) {
	for _, dir := range packs {
		result := testRules(t, dir)
		for _, covered := range result.Coverage {
			if lacks := covered.Lacks(); lacks != "" {
				t.Errorf("%s: rule %s %s", dir, covered.Rule, lacks)
			}
		}
		for _, outcome := range result.Outcomes {
			c := outcome.Case
			if fires := strings.HasPrefix(c.Name, "fires"); (fires || strings.HasPrefix(c.Name, "quiet")) && fires != fired(outcome) {
				t.Errorf("%s:%d: case %q fires: %t", c.Path, c.Line, c.Name, !fires)
			}
		}
	}
}

func fired(outcome *ruletest.Outcome) bool {
	return slices.ContainsFunc(outcome.Lines, func(l ruletest.Line) bool { return l.State == telemetry.AlertFiring || l.State == ruletest.Found })
}

// eachShipped calls do with a set of each shipped rule alone and the text of its tests.
func eachShipped(t *testing.T, do func(t *testing.T, set *rules.Set, path, tests string)) {
	for _, dir := range packs {
		all, err := rules.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range slices.Concat(all.Rules, all.Inspections) {
			t.Run(filepath.Base(filepath.Dir(dir))+"/"+rule.Alert, func(t *testing.T) {
				path := filepath.Join(dir, "tests", rule.Alert+ruletest.Suffix)
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("a shipped rule has tests in a file of its name: %v", err)
				}
				do(t, rules.NewSet([]*rules.Rule{rule}, all.Policy), path, string(text))
			})
		}
	}
}

// parse reads the cases of a test.
func parse(t *testing.T, path, tests string) *ruletest.File {
	t.Helper()
	file, faults := ruletest.Parse(path, []byte(tests))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return file
}

// play plays one case of a file and returns what happens.
func play(t *testing.T, file *ruletest.File, set *rules.Set, at int) string {
	t.Helper()
	outcome, err := file.Play(file.Cases[at], set)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i := range outcome.Lines {
		fmt.Fprintln(&out, outcome.Lines[i].String())
	}
	return out.String()
}

// playAll plays all cases and returns what happens in each.
func playAll(t *testing.T, file *ruletest.File, set *rules.Set) []string {
	t.Helper()
	var out []string
	for i := range file.Cases {
		out = append(out, play(t, file, set, i))
	}
	return out
}

// TestShippedRulesLookBackLittle holds that no shipped rule makes many groups be kept for long: what the longest of those with the same
// groups looks back on is kept of each. Brokers are few.
func TestShippedRulesLookBackLittle(t *testing.T) {
	set, err := rules.Load(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range set.Rules {
		most := 10 * time.Minute
		if slices.Equal(rule.Grouping.By, []string{"cluster", "node"}) {
			most = 70 * time.Minute
		}
		if got := rule.Lookback(); got > most {
			t.Errorf("%s looks back %s, want at most %s", rule.Alert, got, most)
		}
	}
}

// TestShippedRulesLeaveOut holds that load tests and the retry and dead-letter topics of
// RocketMQ are in no rule about traffic and messages, whatever they send.
func TestShippedRulesLeaveOut(t *testing.T) {
	eachShipped(t, func(t *testing.T, set *rules.Set, path, tests string) {
		rule := slices.Concat(set.Rules, set.Inspections)[0]
		if file := filepath.Base(rule.File); !slices.Contains([]string{"traffic.yaml", "latency.yaml", "size.yaml"}, file) &&
			(rule.Lane == rules.LaneRealtime || !slices.Contains([]string{"LargeMessage", "LazyTopic"}, rule.Alert)) {
			return
		}
		for _, instead := range []string{"tag=load topic=", "topic=%RETRY%", "topic=%DLQ%"} {
			file := parse(t, path, strings.ReplaceAll(tests, " topic=", " "+instead))
			for i, got := range playAll(t, file, set) {
				if strings.Contains(got, "{") {
					t.Errorf("with %s, %s: %s", instead, file.Cases[i].Name, got)
				}
			}
		}
	})
}

// TestShippedThresholds holds that the cases lie close to what the rules say: each
// number of an expression a little higher or lower, and each duration a little longer
// or shorter, makes some case end otherwise.
func TestShippedThresholds(t *testing.T) {
	eachShipped(t, func(t *testing.T, set *rules.Set, path, tests string) {
		rule := slices.Concat(set.Rules, set.Inspections)[0]
		text, err := os.ReadFile(rule.File)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		file, tried, noticed := parse(t, path, tests), 0, 0 // by which case, which is tried first
		want := playAll(t, file, set)
		for at := rule.Line; at < len(lines) && !nextRule.MatchString(lines[at]); at++ {
			for _, changed := range changes(lines[at]) {
				tried++
				other := slices.Concat(lines[:at], []string{changed}, lines[at+1:])
				parsed, faults := rules.Parse(rule.File, []byte(strings.Join(other, "")))
				if len(faults) > 0 && strings.Contains(faults[0].Message, "want at most") {
					continue // the rule has the most that is allowed
				}
				if len(faults) > 0 {
					t.Fatalf("%s: %v", changed, faults)
				}
				all := rules.NewSet(parsed, nil)
				alone := rules.NewSet([]*rules.Rule{all.ByName(rule.Alert)}, set.Policy)
				if noticed = notices(t, file, alone, want, noticed); noticed == len(want) {
					t.Errorf("all cases of %s end alike with%s", path, strings.TrimRight(changed, "\n"))
				}
			}
		}
		if tried < 2 {
			t.Errorf("%d changes were tried", tried)
		}
	})
}

// notices is the first case, from one on, that ends otherwise than wanted; as many as there are where all end alike.
func notices(t *testing.T, file *ruletest.File, set *rules.Set, want []string, from int) int {
	t.Helper()
	for i := range want {
		if at := (from + i) % len(want); play(t, file, set, at) != want[at] {
			return at
		}
	}
	return len(want)
}

var (
	nextRule   = regexp.MustCompile(`^ *- (alert|name): `)
	ruleKey    = regexp.MustCompile(`^ *(let|expr|window|for|keep_firing_for): `)
	ruleNumber = regexp.MustCompile(`"[^"]*"|[a-z][a-z_]*[0-9]+|[0-9]+(\.[0-9]+)?(ms|[smhd]|[KMG]i?B|%)?`)
)

// measured is a threshold with a unit; latencies are in milliseconds.
var measured = regexp.MustCompile(`^([0-9]+)(ms|[KMG]i?B|%)$`)

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
	if match := measured.FindStringSubmatch(text); match != nil {
		var out []string
		for _, changed := range near(match[1]) {
			out = append(out, changed+match[2])
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
			if n > 1 { // a window of an inspection, which has whole days
				return []string{fmt.Sprintf("%dd", n-1), fmt.Sprintf("%dd", n+1)}
			}
			return []string{fmt.Sprintf("%dh", 24*n-1), fmt.Sprintf("%dh", 24*n+1)}
		case "h":
			return []string{fmt.Sprintf("%dm", 60*n-1), fmt.Sprintf("%dm", 60*n+1)}
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
