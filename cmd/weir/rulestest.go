package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/weirmq/weir/pipeline"
)

type rulesTestCommand struct {
	Path   []string `arg:"" optional:"" default:"rules.d" help:"Folders of rule files, or test files (${default})."`
	Only   regex    `name:"run" help:"Play the cases whose file and name match this regular expression."`
	Update bool     `help:"Write what happens below each line want."`
	Cover  bool     `help:"Fail where a rule has no case that fires, stays quiet, or recovers."`
	JSON   bool     `help:"Print what happened as JSON, one line for each path."`
}

// Help shows examples and the exit codes.
func (rulesTestCommand) Help() string {
	return `Plays each *_test.txt below a folder with the folder's rules; docs/rule-tests.md has their language.

Examples:

  weir rules test rules.d
  weir rules test --run 'TrafficSurge.* quiet' rules.d
  weir rules test --update rules.d/tests/TrafficSurge_test.txt
  weir rules test --cover rules.d

Exits 0 when all is as expected, 3 when a case fails, when rules or tests have faults, or with --cover when a case is missing, and 1 when
a path cannot be read.`
}

// Run plays the tests of every path and prints what fails. A path that cannot be read is an error, once the others are played.
func (c *rulesTestCommand) Run() error {
	options := pipeline.RulesTestOptions{Update: c.Update}
	if c.Only != "" {
		pattern, err := regexp.Compile(string(c.Only))
		if err != nil {
			return fmt.Errorf("--run: %w", err)
		}
		options.Run = pattern
	}
	wrong, unread := false, error(nil)
	played, left := 0, []string{}
	for _, path := range c.Path {
		began := time.Now()
		test, err := pipeline.TestRules(path, options)
		unread = errors.Join(unread, err)
		played, left = played+len(test.Cases)+len(test.Faults), append(left, test.Left...)
		wrong = wrong || len(test.Faults) > 0 || test.Failed() > 0 || c.Cover && len(test.Uncovered()) > 0
		if err := c.print(&test, time.Since(began)); err != nil {
			return err
		}
	}
	switch {
	case unread != nil:
		return unread
	case wrong:
		return errFaults
	case played == 0 && len(left) > 0:
		return nothingToPlay(string(c.Only), left)
	}
	return nil
}

// maxCasesNamed is how many cases a message names. Not fewer: those of a rule or two; not more: a screen.
const maxCasesNamed = 20

// nothingToPlay says that a regular expression matches no case, and which there are.
func nothingToPlay(pattern string, left []string) error {
	more := ""
	if n := len(left) - maxCasesNamed; n > 0 {
		left, more = left[:maxCasesNamed], fmt.Sprintf("\n  and %d more", n)
	}
	return fmt.Errorf("--run: no case matches %q; there are these, by file and name:\n  %s%s", pattern, strings.Join(left, "\n  "), more)
}

func (c *rulesTestCommand) print(test *pipeline.RulesTest, took time.Duration) error {
	switch {
	case c.JSON:
		return json.NewEncoder(os.Stdout).Encode(test)
	case len(test.Faults) > 0:
		fmt.Fprintln(os.Stderr, test.Faults)
		return nil
	case test.Error != "":
		return nil
	}
	for i := range test.Cases {
		if played := &test.Cases[i]; len(played.Failures) > 0 {
			fmt.Printf("FAIL %s:%d: %s\n", played.File, played.Line, played.Name)
			for _, failure := range played.Failures {
				fmt.Println(failure)
			}
		}
	}
	for _, path := range test.Updated {
		fmt.Printf("%s is updated\n", path)
	}
	uncovered := test.Uncovered()
	for _, covered := range uncovered {
		fmt.Printf("%s: rule %s %s\n", test.Path, covered.Rule, covered.Lacks())
	}
	said := fmt.Sprintf("%s: %d cases passed", test.Path, len(test.Cases)-test.Failed())
	if failed := test.Failed(); failed > 0 {
		said += fmt.Sprintf(", %d failed", failed)
	}
	if rules := len(test.Coverage); rules > 0 {
		said += fmt.Sprintf("; %d of %d rules have cases that fire, stay quiet and recover", rules-len(uncovered), rules)
	}
	fmt.Println(said)
	fmt.Printf("%d evaluations in %s\n", test.Evaluations, took.Round(time.Millisecond))
	return nil
}
