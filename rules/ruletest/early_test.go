package ruletest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// TestEarlyLives holds that alerts live as they do without early firing in every test of lives: the same transitions of
// each, at the same times. What is told ahead begins as it was told, or earlier.
func TestEarlyLives(t *testing.T) {
	paths, err := filepath.Glob("../testdata/life/*" + Suffix)
	if err != nil || len(paths) < 25 {
		t.Fatalf("found %d tests: %v", len(paths), err)
	}
	sooner, ahead := 0, 0
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
			without, _ := lives(c, set, false)
			with, told := lives(c, set, true)
			ahead += len(told)
			if broken := notBegun(told, with); len(broken) > 0 {
				t.Errorf("%s, %s: told ahead and not begun: %q, of %+v", filepath.Base(path), c.Name, broken, with)
			}
			if diff := cmp.Diff(without, with); diff != "" {
				t.Errorf("%s, %s: lives without and with early firing (-without +with):\n%s", filepath.Base(path), c.Name, diff)
			}
		}
	}
	if sooner < 10 || ahead < 5 {
		t.Errorf("%d rules of all tests fire early, and %d alerts are told ahead: they show nothing", sooner, ahead)
	}
}

// lives are the transitions of each alert in a case, in their order, and what was told ahead of them.
func lives(c *Case, set *rules.Set, early bool) (map[string][]Line, []telemetry.Alert) {
	p := newPlayer(c, set)
	p.early = early
	p.play()
	out := map[string][]Line{}
	for _, line := range p.lines {
		if line.Rule != "" {
			of := Line{Rule: line.Rule, Labels: line.Labels}
			out[of.alert()] = append(out[of.alert()], Line{At: line.At, State: line.State})
		}
	}
	return out, p.told
}

// notBegun are the alerts told ahead that do not fire at the time that was told, nor have since one before.
func notBegun(told []telemetry.Alert, lives map[string][]Line) []string {
	var out []string
	for _, alert := range told {
		of := Line{Rule: alert.Rule, Labels: maps.Clone(alert.Labels)}
		delete(of.Labels, "alertname") // lines begin with it
		var state telemetry.AlertState
		for _, transition := range lives[of.alert()] {
			if !begin.Add(transition.At).After(alert.FiredAt) {
				state = transition.State
			}
		}
		if state != telemetry.AlertFiring {
			out = append(out, fmt.Sprint(of.alert(), " from ", alert.FiredAt.Sub(begin)))
		}
	}
	return out
}
