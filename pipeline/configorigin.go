package pipeline

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// origin is what a configuration was read from; the zero value is of one that a program made.
type origin struct {
	loaded    bool
	path      string // "" where no file was given
	document  *yaml.Node
	variables []string // names alone, as a value may be a secret
}

// of says in brackets, behind the name of a key, what gave it its value: a line of the file, a variable, or nothing.
func (o *origin) of(key string) string {
	if !o.loaded {
		return ""
	}
	if variable := variableOf(key); isSet(variable, o.variables) {
		return " (set by " + variable + ")"
	}
	switch line, exact := lineOf(key, o.document); {
	case exact:
		return fmt.Sprintf(" (%s:%d)", o.path, line)
	case o.path == "":
		return " (by default, as no --config is given)"
	}
	return " (by default, as " + o.path + " has no such key)"
}

// variablesIn are the names in an environment.
func variablesIn(environ []string) []string {
	var names []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		names = append(names, name)
	}
	return names
}

// isSet says whether an environment, or names of one, has a variable.
func isSet(variable string, environ []string) bool {
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); name == variable {
			return true
		}
	}
	return false
}
