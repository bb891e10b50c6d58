package format

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules"
)

// shape is what a mapping is, as far as the order of its keys goes.
type shape int

const (
	anyShape shape = iota // keys stay in their order
	fileShape
	groupShape
	ruleShape
	tiersShape      // rules' keys by tier
	letShape        // expressions by name
	expressionShape // a text in which the ends of lines mean nothing
)

// expressionKeys are those of rules whose texts are expressions.
var expressionKeys = []string{"where", "expr", "warn", "crit"}

// keys is the order of a mapping's keys, nil where they stay.
func (s shape) keys() []string {
	switch s {
	case groupShape:
		return rules.GroupKeys()
	case ruleShape:
		return rules.RuleKeys()
	}
	return nil
}

// rank is the place of a key in its mapping: keys that are not known come last.
func (s shape) rank(key string) int {
	keys := s.keys()
	if at := slices.Index(keys, key); at >= 0 {
		return at
	}
	return len(keys)
}

// below is what stands under a key.
func (s shape) below(key string) shape {
	switch {
	case s == fileShape && key == "groups":
		return groupShape
	case s == groupShape && key == "rules", s == groupShape && key == "defaults", s == tiersShape:
		return ruleShape
	case s == ruleShape && key == "by_tier":
		return tiersShape
	case (s == ruleShape || s == groupShape) && key == "let":
		return letShape
	case s == letShape, s == ruleShape && slices.Contains(expressionKeys, key):
		return expressionShape
	}
	return anyShape
}

// item is an entry of a mapping or an element of a list, with what stands around it.
type item struct {
	key      *yaml.Node // nil of an element
	value    *yaml.Node
	line     int      // from 0
	column   int      // from 0; of an element that of its dash
	last     int      // the line where its value ends
	head     []string // comments above it; "" is a blank line
	tail     string   // the comment behind it
	foot     []string // comments below the last of its children
	children []*item  // of a value in block style
	shape    shape    // of its value
}

func isBlock(node *yaml.Node) bool {
	return node != nil && (node.Kind == yaml.MappingNode || node.Kind == yaml.SequenceNode) && node.Style&yaml.FlowStyle == 0 && len(node.Content) > 0
}

// build makes the items below an item.
func (i *item) build(t *text, s shape) {
	i.shape = s
	i.last = t.lastLine(i.value)
	if !isBlock(i.value) {
		return
	}
	if i.value.Kind == yaml.SequenceNode {
		for _, value := range i.value.Content {
			child := &item{value: value, line: value.Line - 1, column: i.value.Column - 1}
			child.build(t, s)
			i.children = append(i.children, child)
		}
		return
	}
	for at := 0; at+1 < len(i.value.Content); at += 2 {
		key := i.value.Content[at]
		child := &item{key: key, value: i.value.Content[at+1], line: key.Line - 1, column: key.Column - 1}
		child.build(t, s.below(key.Value))
		child.last = max(child.last, child.line)
		i.children = append(i.children, child)
	}
}

// lastLine is the last line of a value, from 0.
func (t *text) lastLine(node *yaml.Node) int {
	if raw, ok := t.raw[node]; ok {
		return raw.endLine
	}
	last := node.Line - 1
	for _, child := range node.Content {
		last = max(last, t.lastLine(child))
	}
	if node.Style&yaml.FlowStyle == 0 {
		return last
	}
	for row := last; row < len(t.lines); row++ { // to the bracket that closes it
		for col, c := range t.lines[row] {
			behind := row > last || col >= t.lastColumn(node, row)
			if behind && !t.taken[row][col] && (c == ']' || c == '}') {
				return row
			}
		}
	}
	return last
}

// lastColumn is where the last child of a collection in flow style ends in a line, or where the collection begins.
func (t *text) lastColumn(node *yaml.Node, row int) int {
	column := 0
	if node.Line-1 == row {
		column = node.Column - 1
	}
	for _, child := range node.Content {
		if child.Line-1 == row {
			column = max(column, child.Column-1)
		}
	}
	return column
}

// all returns the items below an item, as they stand in the source.
func (i *item) all() []*item {
	var out []*item
	for _, child := range i.children {
		out = append(out, child)
		out = append(out, child.all()...)
	}
	return out
}

// attach gives each comment and blank line to an item.
func (d *document) attach() *rules.Fault {
	items := d.items.all()
	at := 0 // of comments
	for row := 0; row < len(d.text.lines); row++ {
		if at < len(d.comments) && d.comments[at].line == row {
			c := d.comments[at]
			at++
			if fault := d.give(items, c); fault != nil {
				return fault
			}
			continue
		}
		if strings.TrimSpace(string(d.text.lines[row])) == "" && !d.inside(items, row) {
			d.giveBlank(items, row)
		}
	}
	return nil
}

// inside says that a line is in the middle of a value.
func (d *document) inside(items []*item, row int) bool {
	return slices.ContainsFunc(items, func(i *item) bool { return len(i.children) == 0 && i.line < row && row <= i.last })
}

// give gives a comment to the item it stands behind, to the next one, or to the end of what it stands in.
func (d *document) give(items []*item, c comment) *rules.Fault {
	refused := &rules.Fault{Line: c.line + 1, Column: c.column + 1, Message: "fmt does not know where to write a comment inside a value",
		Hint: "put it above; the file is left as it is"}
	if c.own {
		if d.inside(items, c.line) {
			return refused
		}
		d.put(items, c.line, c.column, c.text)
		return nil
	}
	for _, i := range slices.Backward(items) {
		if i.line != c.line && (len(i.children) > 0 || i.last != c.line) {
			continue
		}
		if i.tail != "" {
			return refused
		}
		i.tail = c.text
		return nil
	}
	if d.root != nil && !isBlock(d.root) && d.items.tail == "" {
		d.items.tail = c.text
		return nil
	}
	return refused
}

// put gives a line to the item that follows, or to the end of what it stands in where it is indented more.
func (d *document) put(items []*item, row, column int, line string) {
	next := slices.IndexFunc(items, func(i *item) bool { return i.line > row })
	if next >= 0 && column <= items[next].column {
		items[next].head = append(items[next].head, line)
		return
	}
	if next < 0 {
		next = len(items)
	}
	d.endOf(items[:next], column).addFoot(line)
}

// endOf is the innermost of the items whose children stand at a column or left of it, so that a comment there ends it.
func (d *document) endOf(before []*item, column int) *item {
	owner, open := d.items, d.items
	for len(open.children) > 0 {
		last := open.children[0]
		for _, child := range open.children {
			if slices.Contains(before, child) {
				last = child
			}
		}
		if last.column > column || open != d.items && open.column == column {
			break
		}
		owner, open = open, last
	}
	return owner
}

func (i *item) addFoot(line string) { i.foot = append(i.foot, line) }

// giveBlank gives a blank line to what the next line belongs to.
func (d *document) giveBlank(items []*item, row int) {
	for _, c := range d.comments {
		if c.line > row && c.own && strings.TrimSpace(strings.Join(between(d.text, row, c.line), "")) == "" {
			d.put(items, row, c.column, "")
			return
		}
	}
	if next := slices.IndexFunc(items, func(i *item) bool { return i.line > row }); next >= 0 {
		items[next].head = append(items[next].head, "")
	}
}

func between(t *text, from, to int) []string {
	var out []string
	for _, line := range t.lines[from:to] {
		out = append(out, string(line))
	}
	return out
}
