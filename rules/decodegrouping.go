package rules

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

func (d *decoder) by(node *yaml.Node) []string {
	var out []string
	if node != nil && node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		d.fault(node, fmt.Sprintf("write [%s]", strings.Join(strings.FieldsFunc(node.Value, isBetween), ", ")), "got %s, want a list of label names", kindName(node))
		return nil
	}
	for _, item := range d.sequence(node, "label names") {
		name, ok := d.text(item, "a label name")
		switch {
		case !ok:
		case !alertName.MatchString(name):
			d.fault(item, "", "got label name %q, want letters, digits and _, no digit first", name)
		case name == alertnameLabel:
			d.fault(item, "take it out", "label %q is the rule's name", name)
		case slices.Contains(out, name):
			d.fault(item, "", "label %q is given twice", name)
		case misspelt(name):
			d.fault(item, didYouMean(name, telemetry.LabelNames), "unknown label %q", name)
		default:
			out = append(out, name)
		}
	}
	if len(out) > MaxBy {
		d.fault(node, "", "got %d labels, want at most %d", len(out), MaxBy)
	}
	return out
}

// isBetween says of a character that it parts label names.
func isBetween(c rune) bool { return c == ',' || unicode.IsSpace(c) }

// misspelt says that a label is one letter off a well-known one, or has two swapped. Other names are
// labels of the application's own.
func misspelt(name string) bool {
	if slices.Contains(telemetry.LabelNames, name) {
		return false
	}
	return slices.ContainsFunc(telemetry.LabelNames, func(known string) bool {
		return len(name) > 3 && (levenshtein.Distance(name, known, nil) == 1 || swapped(name, known))
	})
}

// swapped says that two neighbouring letters of a are the other way round in b.
func swapped(a, b string) bool {
	for i := range len(a) - 1 {
		if len(a) == len(b) && a[:i] == b[:i] && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return true
		}
	}
	return false
}

func (d *decoder) where(node *yaml.Node, rule *Rule) {
	text, ok := d.text(node, "where")
	if !ok {
		return
	}
	rule.filter = rule.lets.put(text)
	rule.filter.use()
	where, normal, err := compileFilter(rule.filter)
	if err != nil {
		d.substitutedError(node, "where", rule.filter, err)
		return
	}
	rule.Grouping.Where, rule.WhereText = where, normal
}

// groupingID names a grouping: FNV-1a of its labels and filter.
func groupingID(by []string, where string) string {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s\n%s", strings.Join(by, ","), where)
	return fmt.Sprintf("%016x", hash.Sum64())
}
