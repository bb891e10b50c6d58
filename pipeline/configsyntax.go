package pipeline

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	faultLine = regexp.MustCompile(`^line (\d+): (.*)$`)
	// The indentation of a line that has a tab in it.
	tabbed = regexp.MustCompile(`^ *\t`)
)

// explainSyntax says where and why a configuration file is no YAML.
func explainSyntax(path, text string, err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	line := 0 // not known
	if match := faultLine.FindStringSubmatch(message); match != nil {
		line, _ = strconv.Atoi(match[1]) // digits
		message = match[2]
		if strings.HasPrefix(message, "did not find expected ") { // the parser counts from 0, the scanner from 1
			line = min(line+1, len(lines))
		}
	}
	if at := max(line, 1); strings.HasPrefix(message, "found character that cannot start") && tabbed.MatchString(lines[at-1]) {
		return fmt.Errorf("%s:%d: a tab in the indentation: YAML takes only spaces there", path, at)
	}
	if line == 0 {
		return fmt.Errorf("%s: %s", path, message)
	}
	return fmt.Errorf("%s:%d: %s", path, line, message)
}
