package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	faultLine  = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`^field (\S+) not found in type pipeline\.(\w+)$`)
)

// explainYAML says what is wrong with a configuration file, each fault with file and
// line, and for an unknown key which keys are allowed there.
func explainYAML(path string, err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if match := faultLine.FindStringSubmatch(text); match != nil {
			return fmt.Errorf("%s:%s: %s", path, match[1], match[2])
		}
		return fmt.Errorf("%s: %s", path, text)
	}
	var faults []error
	for _, text := range typed.Errors {
		match := faultLine.FindStringSubmatch(text)
		if match == nil {
			faults = append(faults, fmt.Errorf("%s: %s", path, text))
			continue
		}
		message := match[2]
		if key := unknownKey.FindStringSubmatch(message); key != nil {
			message = fmt.Sprintf("unknown key %s: allowed here are %s", key[1], strings.Join(keysOf(reflect.TypeFor[Config](), key[2]), ", "))
		}
		faults = append(faults, fmt.Errorf("%s:%s: %s", path, match[1], message))
	}
	return errors.Join(faults...)
}

// keysOf returns the keys of the struct of that name in t.
func keysOf(t reflect.Type, name string) []string {
	var keys []string
	for i := range t.NumField() {
		field := t.Field(i)
		if t.Name() == name {
			keys = append(keys, field.Tag.Get("yaml"))
		} else if field.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(field.Type, name)...)
		}
	}
	return keys
}

// placeOf says where the value of a key comes from, as the begin of an error: the
// variable that set it, the file's line, the file, or nothing for a default.
func placeOf(key, path string, document *yaml.Node, environ []string) string {
	variable := "WEIR_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); name == variable {
			return "environment variable " + variable + ": "
		}
	}
	if line := lineOf(key, document); line > 0 {
		return fmt.Sprintf("%s:%d: ", path, line)
	}
	if path == "" {
		return ""
	}
	return path + ": "
}

// lineOf is the line of a key in a document, or of the section that it would be in; 0
// where neither is there.
func lineOf(key string, node *yaml.Node) int {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	line := 0
	for name := range strings.SplitSeq(key, ".") {
		at := -1
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				at = i
			}
		}
		if at < 0 {
			return line
		}
		line, node = node.Content[at].Line, node.Content[at+1]
	}
	return line
}
