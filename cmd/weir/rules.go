package main

import (
	"encoding/json"
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
	return "Example:\n\n  weir rules check rules.d\n\nExits 0 when all is right, 3 when faults were found."
}

// Run checks every folder and prints all faults.
func (c *rulesCheckCommand) Run() error {
	faulty := false
	for _, dir := range c.Dir {
		check, err := pipeline.CheckRules(dir)
		if err != nil {
			return err
		}
		faulty = faulty || len(check.Faults) > 0
		if err := c.print(check); err != nil {
			return err
		}
	}
	if faulty {
		return errFaults
	}
	return nil
}

func (c *rulesCheckCommand) print(check pipeline.RulesCheck) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(check)
	}
	if len(check.Faults) > 0 {
		fmt.Fprintln(os.Stderr, check.Faults)
		return nil
	}
	fmt.Printf("%s: %d rules, no faults\n", check.Dir, check.Rules)
	return nil
}
