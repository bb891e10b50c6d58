package rules

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder reads one file and gathers its faults.
type decoder struct {
	path   string
	lines  []string
	runes  [][]rune // the lines again, once a fault needs them
	faults Faults
	found  int // faults, also those that were found before
	seen   map[Fault]bool
	// letValues are those of lets by their texts, with the names that were known.
	letValues map[string]letValue
	// groupLets are the names of the lets that groups have, with a group of each.
	groupLets map[string]string
}

func (d *decoder) line(number int) string {
	if number < 1 || number > len(d.lines) {
		return ""
	}
	return d.lines[number-1]
}

func (d *decoder) fault(at *yaml.Node, hint, format string, args ...any) {
	d.add(Fault{File: d.path, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...),
		Source: d.line(at.Line), Hint: hint})
}

// add notes a fault, once: what several rules are made of is read for each of them.
func (d *decoder) add(fault Fault) {
	d.found++
	if d.seen[fault] {
		return
	}
	if d.seen == nil {
		d.seen = map[Fault]bool{}
	}
	d.seen[fault] = true
	d.faults = append(d.faults, fault)
}

// mapping returns a node's values by key; other keys and keys given twice are faults. known is nil where any may stand.
func (d *decoder) mapping(node *yaml.Node, what string, known []string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if node.Kind != yaml.MappingNode {
		if known == nil {
			d.fault(node, "", "got %s, want %s as names with texts, as in {name: text}", kindName(node), what)
		} else {
			d.fault(node, meantByKind(node, what), "got %s, want %s with keys %s", kindName(node), what, strings.Join(known, ", "))
		}
		return out
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case known != nil && !slices.Contains(known, key.Value):
			d.fault(key, meantByKey(key.Value, what, known), "unknown field %q in %s; known are %s", key.Value, what, strings.Join(known, ", "))
		case out[key.Value] != nil:
			d.fault(key, fmt.Sprintf("the first stands in line %d", out[key.Value].Line), "field %q is given twice", key.Value)
		default:
			out[key.Value] = value
		}
	}
	return out
}

func (d *decoder) sequence(node *yaml.Node, what string) []*yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		d.fault(node, "", "got %s, want a list of %s", kindName(node), what)
		return nil
	}
	return node.Content
}

// text returns a scalar's value; ok is false where there is none or another kind stands there.
func (d *decoder) text(node *yaml.Node, what string) (value string, ok bool) {
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		d.fault(node, "", "got %s, want text for %s", kindName(node), what)
		return "", false
	}
	return node.Value, true
}

func (d *decoder) duration(node *yaml.Node, what string, otherwise time.Duration) time.Duration {
	if node == nil {
		return otherwise
	}
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		d.fault(node, "", "%s: got %s, want a duration such as 30s, 5m, 1h or 1d", what, kindName(node))
		return otherwise
	}
	parsed, err := parseDuration(node.Value)
	if err != nil {
		d.fault(node, meantByDuration(node.Value), "%s: %s", what, err)
		return otherwise
	}
	return parsed
}

// limit returns a whole number from 1 on, 0 where there is none.
func (d *decoder) limit(node *yaml.Node) int {
	text, ok := d.text(node, "limit")
	if !ok {
		return 0
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 {
		d.fault(node, "leave it out to have no limit", "got limit %q, want a whole number from 1 on", text)
		return 0
	}
	return limit
}

func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if node.Tag == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", node.Value)
}

// meantByKind says how something is written that is of another kind than it is wanted, "" where there is nothing to say.
func meantByKind(node *yaml.Node, what string) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "YAML's aliases are not read; write it out, or put what rules have in common into defaults"
	case what == "a rule file":
		return ruleFileShape
	case what == "a tier of by_tier" && node.Kind == yaml.ScalarNode:
		return "write {expr: ...}"
	}
	return ""
}

// keyOf returns the key of a value of a mapping.
func keyOf(mapping, value *yaml.Node) *yaml.Node {
	return mapping.Content[slices.Index(mapping.Content, value)-1]
}

// entries are the keys of a mapping with their values, none of what is no mapping.
func entries(node *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; node != nil && node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i], node.Content[i+1]) {
				return
			}
		}
	}
}
