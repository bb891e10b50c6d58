package lint

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules"
)

// layout is where the rules of a file stand, those with faults too. Lines count from 1.
type layout struct {
	path     string
	lines    []string
	groups   []stretch
	rules    []stretch
	head     int             // the last line before anything but comments
	comments map[string]bool // all comments of the file, without the blanks around them
}

// stretch is the lines of a rule or group with the comments right above it.
type stretch struct {
	comments int // line of the first comment above, or first
	first    int
	last     int
	column   int    // where the element begins in its first line
	empty    bool   // of a group: it has no rules
	alert    string // of a rule
	changed  bool   // of a rule: the former files have none that says the same
	content  string // of a rule: what it says, in whatever order and with whatever spaces and comments
}

func (s stretch) holds(line int) bool { return s.comments <= line && line <= s.last }

// layoutOf finds the rules of a file; of one that is no YAML those before the fault.
func layoutOf(file rules.File) layout {
	l := layout{path: file.Path, lines: strings.Split(strings.ReplaceAll(string(file.Content), "\r\n", "\n"), "\n"), comments: map[string]bool{}}
	for l.head < len(l.lines) && (isComment(l.lines[l.head]) || strings.TrimSpace(l.lines[l.head]) == "") {
		l.head++
	}
	documents := yaml.NewDecoder(bytes.NewReader(file.Content))
	for {
		var document yaml.Node
		if documents.Decode(&document) != nil {
			return l
		}
		l.note(&document)
		if len(document.Content) > 0 {
			l.document(document.Content[0])
		}
	}
}

// note gathers the comments of a node and those below it.
func (l *layout) note(node *yaml.Node) {
	for _, comment := range []string{node.HeadComment, node.LineComment, node.FootComment} {
		for line := range strings.Lines(comment) {
			l.comments[strings.TrimSpace(line)] = true
		}
	}
	for _, child := range node.Content {
		l.note(child)
	}
}

func (l *layout) document(root *yaml.Node) {
	for _, group := range items(root, "groups") {
		of := l.stretch(group)
		rules := valueUnder(group, "rules")
		of.column, of.empty = group.Column, group.Kind == yaml.MappingNode && (rules == nil || rules.Kind == yaml.SequenceNode && len(rules.Content) == 0)
		l.groups = append(l.groups, of)
		shared := content(group, "", "name", "rules")
		for _, rule := range items(group, "rules") {
			s := l.stretch(rule)
			s.alert = textUnder(rule, "alert")
			s.content = shared + content(rule, "") + l.switches(s)
			l.rules = append(l.rules, s)
		}
	}
}

// switches are the comments of a stretch that switch checks off.
func (l *layout) switches(s stretch) string {
	var out string
	for _, line := range l.lines[s.comments-1 : s.last] {
		if at := ignoreComment.FindStringIndex(line); at != nil {
			out += strings.TrimSpace(line[at[0]:]) + "\n"
		}
	}
	return out
}

// items are the elements of the list under a key.
func items(node *yaml.Node, key string) []*yaml.Node {
	list := valueUnder(node, key)
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	return list.Content
}

func valueUnder(node *yaml.Node, key string) *yaml.Node {
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

func textUnder(node *yaml.Node, key string) string {
	if value := valueUnder(node, key); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// stretch is the lines of an element of a list: all that are indented more than the one where it begins.
func (l *layout) stretch(node *yaml.Node) stretch {
	first := min(max(node.Line, 1), len(l.lines))
	s := stretch{comments: first, first: first, last: first}
	indent := indentOf(l.lines[first-1])
	for at := first; at < len(l.lines); at++ {
		blank := strings.TrimSpace(l.lines[at]) == ""
		if !blank && indentOf(l.lines[at]) <= indent {
			break
		}
		if !blank {
			s.last = at + 1
		}
	}
	for s.comments > 1 && isComment(l.lines[s.comments-2]) {
		s.comments--
	}
	return s
}

func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// expressionKeys are those whose values are expressions, in which blanks mean nothing outside quotes.
var expressionKeys = []string{"where", "expr", "warn", "crit"}

// below is what a value under a key stands for: each of the lets is an expression.
func below(key, name string) string {
	if key == "let" {
		return "expr"
	}
	return name
}

// content writes what a node says in one way, without some keys of its own.
func content(node *yaml.Node, key string, without ...string) string {
	switch node.Kind {
	case yaml.MappingNode:
		var parts []string
		for i := 0; i+1 < len(node.Content); i += 2 {
			if name := node.Content[i].Value; !slices.Contains(without, name) {
				parts = append(parts, fmt.Sprintf("%q:%s", name, content(node.Content[i+1], below(key, name))))
			}
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case yaml.SequenceNode:
		var parts []string
		for _, item := range node.Content {
			parts = append(parts, content(item, ""))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case yaml.AliasNode:
		return "*" + node.Value
	}
	value := node.Value
	if slices.Contains(expressionKeys, key) {
		value = rules.SqueezeExpression(value)
	}
	return fmt.Sprintf("%q", value)
}
