package ruletest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
)

// TestEarlyLives holds that alerts live as they do without early firing in every test of lives: the same transitions of
// each, at the same times.
func TestEarlyLives(t *testing.T) {
	paths, err := filepath.Glob("../testdata/life/*" + Suffix)
	if err != nil || len(paths) < 25 {
		t.Fatalf("found %d tests: %v", len(paths), err)
	}
	sooner := 0
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, faults := Parse(path, content)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		for _, c := range file.Cases {
			set := c.about(file.sets[ownRules])
			for _, rule := range set.Rules {
				if early, _ := rule.FiresEarly(); early {
					sooner++
				}
			}
			if diff := cmp.Diff(lives(c, set, false), lives(c, set, true)); diff != "" {
				t.Errorf("%s, %s: lives without and with early firing (-without +with):\n%s", filepath.Base(path), c.Name, diff)
			}
		}
	}
	if sooner < 10 {
		t.Errorf("%d rules of all tests fire early: they show nothing", sooner)
	}
}

// lives are the transitions of each alert in a case, in their order.
func lives(c *Case, set *rules.Set, early bool) map[string][]string {
	p := newPlayer(c, set)
	p.early = early
	p.play()
	out := map[string][]string{}
	for _, line := range p.lines {
		if line.Rule != "" {
			of := Line{Rule: line.Rule, Labels: line.Labels}
			out[of.alert()] = append(out[of.alert()], fmt.Sprintf("%s %s", line.At, line.State))
		}
	}
	return out
}
