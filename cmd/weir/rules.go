package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type rulesCommands struct {
	Check rulesCheckCommand `cmd:"" help:"Check rule files."`
}

type rulesCheckCommand struct {
	Dir  []string `arg:"" help:"Folders of rule files."`
	JSON bool     `help:"Print what was found as JSON, one line for each folder."`
}

// Help shows an example and the exit codes.
func (rulesCheckCommand) Help() string {
	return "Example:\n\n  weir rules check rules.d\n\nExits 0 when all is right, 3 when faults were found, 1 when a folder cannot be read."
}

// Run checks every folder and prints all faults. A folder that cannot be read is an error, once the others are checked.
func (c *rulesCheckCommand) Run() error {
	faulty, unread := false, error(nil)
	for _, dir := range c.Dir {
		check, err := pipeline.CheckRules(dir)
		faulty, unread = faulty || len(check.Faults) > 0, errors.Join(unread, err)
		if err := c.print(check); err != nil {
			return err
		}
	}
	switch {
	case unread != nil:
		return unread
	case faulty:
		return errFaults
	}
	return nil
}

func (c *rulesCheckCommand) print(check pipeline.RulesCheck) error {
	switch {
	case c.JSON:
		return json.NewEncoder(os.Stdout).Encode(check)
	case len(check.Faults) > 0:
		fmt.Fprintln(os.Stderr, check.Faults)
	case check.Error == "":
		fmt.Printf("%s: %d rules, no faults\n", check.Dir, check.Rules)
	}
	return nil
}
