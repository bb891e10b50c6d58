package format

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// write returns the lines of a document.
func (d *document) write() []string {
	var out []string
	if d.root != nil && !isBlock(d.root) {
		out = append(out, withTail(d.flow(d.root, fileShape), d.items.tail))
	}
	out = append(out, d.children(d.items, 0)...)
	out = append(out, spaced(d.items.foot, 0, len(out) == 0)...)
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// spaced are comments and blank lines at a level: never two blank lines after each other, and none at the beginning.
func spaced(lines []string, indent int, first bool) []string {
	var out []string
	for _, line := range lines {
		blankBefore := len(out) > 0 && out[len(out)-1] == "" || len(out) == 0 && first
		switch {
		case line == "" && blankBefore:
		case line == "":
			out = append(out, "")
		default:
			out = append(out, blanks(indent)+line)
		}
	}
	return out
}

func blanks(n int) string { return strings.Repeat(" ", n) }

func withTail(line, tail string) string {
	if tail == "" {
		return line
	}
	return line + " " + tail
}

// children writes what stands below an item.
func (d *document) children(of *item, indent int) []string {
	ordered := inOrder(of)
	var out []string
	for n, child := range ordered {
		out = append(out, spaced(child.head, indent, n == 0)...)
		if child.key != nil {
			out = append(out, d.entry(child, indent)...)
		} else {
			out = append(out, d.element(child, indent)...)
		}
	}
	if of != d.items {
		out = append(out, spaced(of.foot, indent, len(out) == 0)...)
	}
	return out
}

// inOrder are the children in the order of their keys.
func inOrder(of *item) []*item {
	if len(of.children) == 0 || of.value.Kind != yaml.MappingNode {
		return of.children
	}
	var out []*item
	for _, at := range keyOrder(of.value, of.shape) {
		out = append(out, of.children[at/2])
	}
	return out
}

// element writes an element of a list. What stands above the key that comes first in it is put above the element.
func (d *document) element(i *item, indent int) []string {
	if len(i.children) == 0 {
		return d.value(i, blanks(indent)+"-", indent)
	}
	first := inOrder(i)[0]
	above := spaced(first.head, indent, true)
	for len(above) > 0 && above[len(above)-1] == "" {
		above = above[:len(above)-1]
	}
	head := first.head
	first.head = nil
	lines := d.children(i, indent+indentBlanks)
	first.head = head
	lines[0] = blanks(indent) + "- " + lines[0][indent+indentBlanks:]
	if i.tail != "" {
		above = append(above, blanks(indent)+i.tail)
	}
	return append(above, lines...)
}

// entry writes a key with its value.
func (d *document) entry(i *item, indent int) []string {
	name := blanks(indent) + strings.Join(d.text.raw[i.key].lines, " ") + ":"
	if len(i.children) > 0 {
		return append([]string{withTail(name, i.tail)}, d.children(i, indent+indentBlanks)...)
	}
	return d.value(i, name, indent)
}

// value writes what stands behind a key or dash: a scalar, or a collection in flow style.
func (d *document) value(i *item, before string, indent int) []string {
	raw, isScalar := d.text.raw[i.value]
	if !isScalar {
		line := before + " " + d.flow(i.value, i.shape)
		if len(i.value.Content) == 0 || len([]rune(line)) <= Width && !d.hasLines(i.value) {
			return []string{withTail(line, i.tail)}
		}
		return d.unfold(i, before, indent)
	}
	within := blanks(indent + indentBlanks)
	switch {
	case raw.header != "":
		return append([]string{withTail(before+" "+raw.header, i.tail)}, prefixed(within, raw.lines)...)
	case len(raw.lines) > 1:
		out := prefixed(within, raw.lines)
		out[0] = before + " " + raw.lines[0]
		out[len(out)-1] = withTail(out[len(out)-1], i.tail)
		return out
	case raw.lines[0] == "":
		return []string{withTail(before, i.tail)}
	}
	line := before + " " + raw.lines[0]
	if i.shape == expressionShape && len([]rune(line)) > Width {
		if folded := fold(i.value.Value, Width-len(within)); len(folded) > 1 {
			return append([]string{withTail(before+" >-", i.tail)}, prefixed(within, folded)...)
		}
	}
	return []string{withTail(line, i.tail)}
}

func prefixed(prefix string, lines []string) []string {
	var out []string
	for _, line := range lines {
		if line != "" {
			line = prefix + line
		}
		out = append(out, line)
	}
	return out
}

// hasLines says that some scalar of a collection takes several lines.
func (d *document) hasLines(node *yaml.Node) bool {
	return len(d.text.raw[node].lines) > 1 || slices.ContainsFunc(node.Content, d.hasLines)
}

// flow writes a value in one line.
func (d *document) flow(node *yaml.Node, s shape) string {
	var parts []string
	switch node.Kind {
	case yaml.SequenceNode:
		for _, child := range node.Content {
			parts = append(parts, d.flow(child, s))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yaml.MappingNode:
		for _, at := range keyOrder(node, s) {
			part := d.flow(node.Content[at], anyShape) + ": " + d.flow(node.Content[at+1], s.below(node.Content[at].Value))
			parts = append(parts, strings.TrimRight(part, " "))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return strings.Join(d.text.raw[node].lines, " ")
}

// keyOrder is where the keys of a mapping stand in its content, in the order in which they are written.
func keyOrder(node *yaml.Node, s shape) []int {
	var out []int
	for at := 0; at+1 < len(node.Content); at += 2 {
		out = append(out, at)
	}
	slices.SortStableFunc(out, func(a, b int) int { return s.rank(node.Content[a].Value) - s.rank(node.Content[b].Value) })
	return out
}

// unfold writes a collection in flow style that is too long for a line with one thing in each line.
func (d *document) unfold(i *item, before string, indent int) []string {
	block := *i.value
	block.Style &^= yaml.FlowStyle
	opened := &item{key: i.key, value: &block, tail: i.tail}
	opened.build(d.text, i.shape)
	for _, child := range opened.children {
		child.head = nil
	}
	if i.key != nil {
		return append([]string{withTail(before, i.tail)}, d.children(opened, indent+indentBlanks)...)
	}
	return d.element(opened, indent)
}
