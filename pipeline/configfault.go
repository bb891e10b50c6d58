package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decodeConfig reads a document over the defaults in config. The error says which values
// are of another type than their keys take, and which keys are unknown or there twice,
// each with file and line.
func decodeConfig(path string, document *yaml.Node, config *Config) error {
	f := &typeFaults{path: path}
	for _, root := range document.Content { // none in an empty file
		f.check(root, reflect.ValueOf(*config), "", "")
		var typed *yaml.TypeError
		if err := root.Decode(config); errors.As(err, &typed) {
			for _, text := range typed.Errors {
				if match := keyTwice.FindStringSubmatch(text); match != nil {
					f.errs = append(f.errs, fmt.Errorf("%s:%s: %s", path, match[1], match[2]))
				}
			}
		} else if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errors.Join(f.errs...)
}

var keyTwice = regexp.MustCompile(`^line (\d+): (mapping key .*)$`)

// typeFaults gathers what does not fit in a document.
type typeFaults struct {
	path string
	errs []error
}

func (f *typeFaults) add(node *yaml.Node, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s:%d: %s", f.path, node.Line, fmt.Sprintf(format, args...)))
}

// check compares the value of a key with its default, which has the right type.
func (f *typeFaults) check(node *yaml.Node, want reflect.Value, key, secret string) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case want.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		f.checkKeys(node, want, key)
	case want.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		item := reflect.Zero(want.Type().Elem())
		if want.Len() > 0 {
			item = want.Index(0)
		}
		for _, one := range node.Content {
			f.check(one, item, key, secret)
		}
	case node.Decode(reflect.New(want.Type()).Interface()) != nil, want.Kind() == reflect.Int && node.Tag == "!!float": // it would be cut
		if key == "" {
			key = "the file"
		}
		f.add(node, "%s: got %s, want %s", key, shownNode(node, secret), wanted(want))
	}
}

func (f *typeFaults) checkKeys(node *yaml.Node, section reflect.Value, prefix string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Tag == "!!merge" {
			f.check(value, section, prefix, "")
			continue
		}
		at := slices.Index(keysOf(section.Type()), name.Value)
		if at < 0 {
			f.add(name, "unknown key %s: allowed here are %s", name.Value, strings.Join(keysOf(section.Type()), ", "))
			continue
		}
		f.check(value, section.Field(at), strings.TrimPrefix(prefix+"."+name.Value, "."), section.Type().Field(at).Tag.Get("secret"))
	}
}

// keysOf returns the keys of a section.
func keysOf(section reflect.Type) []string {
	var keys []string
	for i := range section.NumField() {
		if field := section.Field(i); field.IsExported() {
			keys = append(keys, field.Tag.Get("yaml"))
		}
	}
	return keys
}

// shownNode is a value as it is written, but for secrets.
func shownNode(node *yaml.Node, secret string) string {
	switch {
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.MappingNode:
		return "keys with values"
	case secret != "":
		return masked
	}
	return strconv.Quote(node.Value)
}

// wanted says which values a key takes that has this one by default.
func wanted(value reflect.Value) string {
	var example string
	switch v := value.Interface().(type) {
	case time.Duration:
		if v == 0 { // where 0 stands for another key's
			v = DefaultResendDelay
		}
		return "a duration such as " + v.String()
	case bool:
		return "true or false"
	case int:
		return fmt.Sprintf("a whole number such as %d", v)
	case []ClusterConfig, []TierConfig, []TierRetentionConfig:
		return "a list of sections with these keys: " + strings.Join(keysOf(value.Type().Elem()), ", ")
	case []string:
		if len(v) == 0 {
			return "a list such as [a, b]"
		}
		return fmt.Sprintf("a list such as [%s]", strings.Join(v, ", "))
	case string:
		example = v
	default:
		return "these keys with values: " + strings.Join(keysOf(value.Type()), ", ")
	}
	if example == "" {
		return "a text"
	}
	return "a text such as " + example
}

// placeOf says where the value of a key comes from, as the begin of an error: the
// variable that set it, the file's line, the file, or nothing for a default.
func placeOf(key, path string, document *yaml.Node, environ []string) string {
	if variable := variableOf(key); isSet(variable, environ) {
		return "environment variable " + variable + ": "
	}
	if line, _ := lineOf(key, document); line > 0 {
		return fmt.Sprintf("%s:%d: ", path, line)
	}
	if path == "" {
		return ""
	}
	return path + ": "
}

// lineOf is the line of a key in a document, or not exactly that of the section that it would be in; 0
// where neither is there.
func lineOf(key string, node *yaml.Node) (line int, exact bool) {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	for name := range strings.SplitSeq(key, ".") {
		if number, err := strconv.Atoi(name); err == nil && node.Kind == yaml.SequenceNode && number < len(node.Content) {
			line, node = node.Content[number].Line, node.Content[number]
			continue
		}
		at := -1
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				at = i
			}
		}
		if at < 0 {
			return line, false
		}
		line, node = node.Content[at].Line, node.Content[at+1]
	}
	return line, true
}
