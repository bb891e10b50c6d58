package main

import (
	"fmt"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type rulesCommands struct {
	Check rulesCheckCommand `cmd:"" help:"Check rule files."`
}

type rulesCheckCommand struct {
	Dir []string `arg:"" help:"Folders of rule files." type:"path"`
}

// Help shows an example and the exit codes.
func (rulesCheckCommand) Help() string {
	return "Example: weir rules check rules.d\nExits 0 when all is right, 3 when faults were found."
}

// Run checks every folder and prints all faults.
func (c *rulesCheckCommand) Run() error {
	faulty := false
	for _, dir := range c.Dir {
		count, err := pipeline.CheckRules(dir)
		if err != nil {
			faulty = true
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		fmt.Printf("%s: %d rules, no faults\n", dir, count)
	}
	if faulty {
		return errFaults
	}
	return nil
}
