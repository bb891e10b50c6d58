package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	syntaxLine = regexp.MustCompile(`^line (\d+): (.*)$`)
	// What the YAML parser finds, which counts lines from 0; the scanner below it counts them from 1.
	fromZero = regexp.MustCompile(`^did not find expected (<|node content|key|'-'|',')`)
	// What is said of a tab where the indentation belongs: of the line itself, or of the text that began before it.
	tabFault = regexp.MustCompile(`^found (character that cannot start any token|a tab character that violates indentation)`)
	// tabbed is a line that has a tab in its indentation.
	tabbed = regexp.MustCompile(`^ *\t`)
)

// SyntaxFault says in which line a text is no YAML, counted from 1, and why; err is what the YAML library returned for the
// text. line is 0 where the library does not know it. Configuration files are said to be wrong in the same words.
func SyntaxFault(text string, err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	lines := lineBreak.Split(text, -1)
	if match := syntaxLine.FindStringSubmatch(message); match != nil {
		line, _ = strconv.Atoi(match[1]) // digits
		message = match[2]
		if fromZero.MatchString(message) {
			line++
		}
	}
	last := len(lines)
	if last > 1 && lines[last-1] == "" {
		last-- // the text ends with the end of a line
	}
	line = min(line, last)
	if match := tabFault.FindStringSubmatch(message); match != nil {
		at := max(line, 1)
		for strings.HasPrefix(match[1], "a tab") && at < last && !tabbed.MatchString(lines[at-1]) {
			at++
		}
		if tabbed.MatchString(lines[at-1]) {
			return at, "a tab in the indentation: YAML takes only spaces there"
		}
	}
	return line, message
}

// syntax reports what the YAML parser said.
func (d *decoder) syntax(text string, err error) {
	line, message := SyntaxFault(text, err)
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		message = strings.Join(typed.Errors, "; ")
	}
	line = max(line, 1)
	source := d.line(line)
	d.add(Fault{File: d.path, Line: line, Column: 1 + len(source) - len(strings.TrimLeft(source, " ")),
		Message: fmt.Sprintf("not YAML: %s", message), Source: source})
}
