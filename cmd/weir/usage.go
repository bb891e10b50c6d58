package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// printUsage says, behind what is wrong with a command line, how the command is called that was meant, which commands there are
// where none was named, and an example. The parser itself says which name is near.
func printUsage(to io.Writer, wrong error) {
	var at *kong.ParseError
	if !errors.As(wrong, &at) {
		return
	}
	node := cmp.Or(at.Context.Selected(), at.Context.Model.Node)
	fmt.Fprintln(to, "usage:", at.Context.Model.Name, strings.TrimSpace(node.Summary()))
	var names []string
	for _, child := range node.Children {
		names = append(names, child.Name)
	}
	if len(names) > 0 {
		fmt.Fprintln(to, "commands:", strings.Join(names, ", "))
	}
	if example := firstExample(node); example != "" {
		fmt.Fprintln(to, "example:", example)
	}
	fmt.Fprintf(to, "more: %s --help\n", node.FullPath())
}

// firstExample is the first line that is set in of a command's help, or of that of the first command below it.
func firstExample(node *kong.Node) string {
	for line := range strings.SplitSeq(node.Help+"\n"+node.Detail, "\n") {
		if example, found := strings.CutPrefix(line, "  "); found {
			return example
		}
	}
	if len(node.Children) > 0 {
		return firstExample(node.Children[0])
	}
	return ""
}
