// Package format writes rule files in one way: keys in the order of the documentation, two blanks for each level, and lines
// of expressions that are not too long. In flows a file's text, out flows the text as it shall be. Comments, blank lines
// between things and the way that texts are quoted stay. What comes out means the same as what went in, which is verified: a
// file of which that cannot be said is refused.
package format

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules"
)

// Width is how long a line may be before a list is written below each other or an expression is folded. Not smaller: the
// filters that many rules share take more than a hundred columns; not larger: two versions no longer stand side by side.
const Width = 120

// indentBlanks of each level.
const indentBlanks = 2

// separator is the line between two documents of a file.
const separator = "---"

// Source formats the text of a rule file; path is for messages only. The error is a rules.Faults where the text is no YAML or
// has something that is left alone.
func Source(path string, content []byte) ([]byte, error) {
	if faults := rules.Undecoded(path, content); faults != nil {
		return nil, faults
	}
	text, fault := plain(string(content))
	if fault != nil {
		fault.File = path
		return nil, rules.Faults{*fault}
	}
	var out []string
	for i, section := range sections(text) {
		if i > 0 {
			out = append(out, separator)
		}
		lines, fault := formatSection(section)
		if fault != nil {
			fault.File = path
			if fault.Line > 0 && fault.Line <= len(section.lines) {
				fault.Source = section.lines[fault.Line-1]
				fault.Line += section.before
			}
			return nil, rules.Faults{*fault}
		}
		out = append(out, lines...)
	}
	formatted := []byte(strings.Join(out, "\n") + "\n")
	if strings.Join(out, "") == "" {
		formatted = nil
	}
	return formatted, nil
}

// byteOrderMark is put before UTF-8 by some editors, and says nothing.
const byteOrderMark = "\ufeff"

// endLines ends lines in one way; to YAML a carriage return alone is an end too.
var endLines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// plain is a text whose lines are those of YAML. A character that YAML alone takes for an end of a line, or for nothing, is a
// fault: where it stands in no text in quotes, something behind it would be lost.
func plain(content string) (string, *rules.Fault) {
	text := endLines.Replace(strings.TrimPrefix(content, byteOrderMark))
	at := strings.IndexAny(text, "\u0085\u2028\u2029"+byteOrderMark)
	if at < 0 {
		return text, nil
	}
	from := strings.LastIndex(text[:at], "\n") + 1
	source, _, _ := strings.Cut(text[from:], "\n")
	c, _ := utf8.DecodeRuneInString(text[at:])
	return "", &rules.Fault{Line: 1 + strings.Count(text[:at], "\n"), Column: 1 + utf8.RuneCountInString(text[from:at]), Source: source,
		Message: fmt.Sprintf("fmt does not know how to write the character %U", c),
		Hint:    "take it out, or write it as an escape in double quotes; the file is left as it is"}
}

// section is one document of a file.
type section struct {
	before int // lines of the file before it
	lines  []string
}

// sections splits a text at the lines between documents.
func sections(text string) []section {
	var out []section
	next := section{}
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimRight(line, " \t") == separator {
			next.lines = append(next.lines, "") // the end of the line before
			out = append(out, next)
			next = section{before: i + 1}
			continue
		}
		next.lines = append(next.lines, line)
	}
	return append(out, next)
}

// formatSection formats one document and verifies what came out.
func formatSection(s section) ([]string, *rules.Fault) {
	text := strings.Join(s.lines, "\n")
	before, fault := read(text)
	if fault != nil {
		return nil, fault
	}
	out := before.write()
	after, fault := read(strings.Join(out, "\n") + "\n")
	if fault != nil {
		return nil, &rules.Fault{Message: "what fmt would write cannot be read again: " + fault.Message, Hint: "the file is left as it is"}
	}
	if err := same(before, after); err != nil {
		return nil, &rules.Fault{Message: err.Error(), Hint: "the file is left as it is"}
	}
	return out, nil
}

// document is what was read of a section.
type document struct {
	text     *text
	parsed   *yaml.Node // what holds the root
	root     *yaml.Node // nil of one that has nothing but comments
	items    *item      // the root as if it were an element
	comments []comment
}

// read parses a section.
func read(source string) (*document, *rules.Fault) {
	var parsed, more yaml.Node
	documents := yaml.NewDecoder(strings.NewReader(source))
	err := documents.Decode(&parsed)
	if err == nil {
		err = documents.Decode(&more) // there is none
	}
	if err == nil {
		return nil, &rules.Fault{Line: max(more.Line, 1), Column: max(more.Column, 1), Message: "fmt wants a line of --- alone between documents", Hint: "the file is left as it is"}
	}
	if !errors.Is(err, io.EOF) {
		fault := rules.SyntaxFault(source, err)
		fault.Line, fault.Column, fault.Message = max(fault.Line, 1), max(fault.Column, 1), "not YAML: "+fault.Message
		return nil, &fault
	}
	d := &document{text: newText(source), parsed: &parsed}
	if len(parsed.Content) > 0 && parsed.Content[0].Tag != "!!null" {
		d.root = parsed.Content[0]
		if fault := d.text.readScalars(d.root); fault != nil {
			return nil, fault
		}
	}
	d.comments = d.text.comments()
	d.items = &item{value: d.root}
	if d.root != nil {
		d.items.build(d.text, fileShape)
	}
	return d, d.attach()
}

// errChanged is what a verification finds.
var errChanged = errors.New("fmt would change what the file says")

// same is an error where two documents do not say the same or do not have the same comments.
func same(before, after *document) error {
	if (before.root == nil) != (after.root == nil) || before.root != nil && !sameNode(before.root, after.root, fileShape) {
		return errChanged
	}
	var was, is []string
	for _, c := range before.comments {
		was = append(was, c.text)
	}
	for _, c := range after.comments {
		is = append(is, c.text)
	}
	slices.Sort(was)
	slices.Sort(is)
	if !slices.Equal(was, is) {
		return fmt.Errorf("%w: a comment would be lost", errChanged)
	}
	for _, line := range notedComments(before.parsed) {
		if !slices.Contains(is, line) {
			return fmt.Errorf("%w: the comment %q would be lost", errChanged, line)
		}
	}
	return nil
}

// notedComments are the comments that the YAML library saw.
func notedComments(node *yaml.Node) []string {
	var out []string
	for _, noted := range []string{node.HeadComment, node.LineComment, node.FootComment} {
		for line := range strings.Lines(noted) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	for _, child := range node.Content {
		out = append(out, notedComments(child)...)
	}
	return out
}

// sameNode says whether two nodes say the same, in whatever order keys stand.
func sameNode(a, b *yaml.Node, s shape) bool {
	if a.Kind != b.Kind || a.Tag != b.Tag || len(a.Content) != len(b.Content) {
		return false
	}
	switch a.Kind {
	case yaml.ScalarNode:
		if s == expressionShape {
			return rules.SqueezeExpression(a.Value) == rules.SqueezeExpression(b.Value)
		}
		return a.Value == b.Value
	case yaml.MappingNode:
		used := make([]bool, len(b.Content))
		for i := 0; i+1 < len(a.Content); i += 2 {
			found := false
			for j := 0; j+1 < len(b.Content) && !found; j += 2 {
				if !used[j] && sameNode(a.Content[i], b.Content[j], anyShape) { // of keys given twice the order counts
					used[j], found = true, true
					if !sameNode(a.Content[i+1], b.Content[j+1], s.below(a.Content[i].Value)) {
						return false
					}
				}
			}
			if !found {
				return false
			}
		}
		return true
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i], s) {
			return false
		}
	}
	return true
}
