package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/lint"
)

const before = `groups:
  - name: g
    rules:
      # about A
      - alert: A
        by: [topic]
        expr: tps > 1 and messages > 2
      - {alert: B, expr: tps > 2, by: [topic]}
      - {alert: C, expr: tps > 3, by: [topic]}
`

// TestSince looks at files that differ from others in one way, and says how many rules changed and which still have problems.
func TestSince(t *testing.T) {
	for _, c := range []struct {
		name, now string
		changed   int
		alerts    []string
	}{
		{"the same", before, 0, nil},
		{"moved, in another order and style", `# other comments
groups:
  - name: other
    rules:
      - {alert: C, by: [topic], expr: 'tps > 3'}
      - alert: A
        expr: >-
          tps > 1 and
          messages > 2
        by: [topic]
  - name: more
    rules:
      - alert: B
        by:
          - topic
        expr: "tps > 2"
`, 0, nil},
		{"another threshold", "groups:\n  - name: g\n    rules:\n      - {alert: B, expr: tps > 20, by: [topic]}\n      - {alert: C, expr: tps > 3, by: [topic]}\n", 1, []string{"B"}},
		{"a new rule", before + "      - {alert: D, expr: tps > 4, by: [topic]}\n", 1, []string{"D"}},
		{"a comment that switches off", "groups:\n  - name: g\n    rules:\n      # weir:ignore short-for\n      - {alert: C, expr: tps > 3, by: [topic]}\n", 1, []string{"", "C"}},
		{"another rule of a name", before + "      - {alert: A, expr: tps > 4, by: [topic]}\n", 1, []string{"A", "A"}},
		{"a fault at no rule", before + "more: 1\n", 0, []string{""}},
	} {
		files := []rules.File{{Path: "r.yaml", Content: []byte(c.now)}}
		parsed, faults := rules.Parse("r.yaml", files[0].Content)
		folder := &rules.Folder{Files: files, Rules: parsed, Faults: faults}
		got := lint.Since(lint.Run(folder, lint.Config{Pane: pane}), folder, []rules.File{{Path: "old.yaml", Content: []byte(before)}})
		var alerts []string
		for _, p := range got.Problems {
			switch p.Check {
			case "missing-summary":
				alerts = append(alerts, nameOf(parsed, p.Line))
			case "ignore", lint.FaultCheck:
				alerts = append(alerts, "")
			}
		}
		if diff := cmp.Diff(c.alerts, alerts); diff != "" || got.Rules != c.changed {
			t.Errorf("%s: %d rules changed, want %d; problems of (-want +got):\n%s", c.name, got.Rules, c.changed, diff)
		}
	}
}

func nameOf(all []*rules.Rule, line int) string {
	for _, rule := range all {
		if rule.Line == line {
			return rule.Alert
		}
	}
	return "no rule"
}

// TestSincePolicy holds that a policy that changed changes the rules that read it.
func TestSincePolicy(t *testing.T) {
	const text = "groups:\n  - name: g\n    rules:\n      - {alert: A, by: [tier], expr: 'lag > policy.tiers[tier].lag'}\n      - {alert: B, expr: tps > 1}\n"
	const policy = "tiers: {S1: {lag: 5}}\n"
	former := []rules.File{{Path: "r/policy.yaml", Content: []byte(policy)}, {Path: "r/below/policy.yaml", Content: []byte("other")}, {Path: "r/r.yaml", Content: []byte(text)}}
	for present, want := range map[string]int{policy: 0, "tiers: {S1: {lag: 6}}\n": 1} {
		folder := unpack(t, txtar.Parse([]byte("-- policy.yaml --\n"+present+"-- r.yaml --\n"+text)))
		if got := lint.Since(lint.Run(folder, lint.Config{Pane: pane}), folder, former); got.Rules != want || len(folder.Faults) > 0 {
			t.Errorf("with %q %d rules changed, want %d; faults %v", present, got.Rules, want, folder.Faults)
		}
	}
}

// TestSinceOfLets: spacing of a let does not count, what it says counts for all rules that may name it.
func TestSinceOfLets(t *testing.T) {
	const former = "groups:\n  - name: g\n    defaults: {let: {busy: tps   > 1}}\n    rules:\n      - {alert: A, expr: busy}\n      - {alert: B, let: {busy: tps > 2}, expr: busy}\n"
	for present, want := range map[string]int{
		former: 0,
		"groups:\n  - name: g\n    defaults:\n      let:\n        busy: >-\n          tps >\n          1\n    rules:\n      - {alert: A, expr: busy}\n      - {alert: B, let: {busy: tps  > 2}, expr: busy}\n": 0,
		"groups:\n  - name: g\n    defaults: {let: {busy: tps > 1}}\n    rules:\n      - {alert: A, expr: busy}\n      - {alert: B, let: {busy: tps > 3}, expr: busy}\n":                                       1,
		"groups:\n  - name: g\n    defaults: {let: {busy: tps > 5}}\n    rules:\n      - {alert: A, expr: busy}\n      - {alert: B, let: {busy: tps > 2}, expr: busy}\n":                                       2,
	} {
		files := []rules.File{{Path: "r.yaml", Content: []byte(present)}}
		parsed, faults := rules.Parse("r.yaml", files[0].Content)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if got := lint.Since(nil, &rules.Folder{Files: files, Rules: parsed}, []rules.File{{Path: "r.yaml", Content: []byte(former)}}); got.Rules != want {
			t.Errorf("%d rules changed, want %d:\n%s", got.Rules, want, present)
		}
	}
}

// TestSinceOfTiers holds that a rule with variants for tiers is one rule: where one of them changed, all that is wrong with the
// rule is said, and where none did, nothing.
func TestSinceOfTiers(t *testing.T) {
	const former = `groups:
  - name: g
    rules:
      - alert: A
        by: [topic, tier]
        expr: tps > 1
        by_tier:
          S1: {expr: tps > 5 and tps < 3, for: 1m}
          S2: {window: 25s}
      - {alert: B, by: [topic, tier], expr: tps > 1, by_tier: {S1: {expr: tps > 2}}}
`
	for _, c := range []struct {
		name, now string
		changed   int
		checks    []string
	}{
		{"the same", former, 0, nil},
		{"tiers in another order and style", `groups:
  - name: g
    rules:
      - {alert: B, expr: tps > 1, by: [topic, tier], by_tier: {S1: {expr: "tps > 2"}}}
      - alert: A
        by: [topic, tier]
        by_tier:
          # the loose ones
          S2:
            window: 25s
          S1:
            for: 1m
            expr: >-
              tps > 5 and
              tps < 3
        expr: tps > 1
`, 0, nil},
		{"another threshold of the other rule's tier", strings.Replace(former, "tps > 2", "tps > 20", 1), 1, []string{"missing-runbook", "missing-severity", "missing-summary"}},
		{"another for of a tier", strings.Replace(former, "for: 1m", "for: 2m", 1), 1,
			[]string{"missing-runbook", "missing-severity", "missing-summary", "never-true", "window-panes"}},
		{"a tier less", strings.Replace(former, "          S2: {window: 25s}\n", "", 1), 1,
			[]string{"missing-runbook", "missing-severity", "missing-summary", "never-true"}},
	} {
		folder := &rules.Folder{Files: []rules.File{{Path: "r.yaml", Content: []byte(c.now)}}}
		folder.Rules, folder.Faults = rules.Parse("r.yaml", folder.Files[0].Content)
		if len(folder.Faults) > 0 {
			t.Fatalf("%s: %v", c.name, folder.Faults)
		}
		got := lint.Since(lint.Run(folder, lint.Config{Pane: pane}), folder, []rules.File{{Path: "old.yaml", Content: []byte(former)}})
		var checks []string
		for _, p := range got.Problems {
			checks = append(checks, p.Check)
		}
		slices.Sort(checks)
		if diff := cmp.Diff(c.checks, checks); diff != "" || got.Rules != c.changed {
			t.Errorf("%s: %d rules changed, want %d; problems (-want +got):\n%s", c.name, got.Rules, c.changed, diff)
		}
	}
}
