package format

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules"
)

// text is the source of a document, with what of it is scalars.
type text struct {
	lines [][]rune
	raw   map[*yaml.Node]scalar
	taken [][]bool // characters of each line that are part of a scalar
}

// scalar is a scalar as it is written.
type scalar struct {
	header  string   // of a block, such as >-
	lines   []string // of a block without its indentation, else without the blanks around ends of lines
	endLine int      // counted from 0
}

// comment is one comment of the source.
type comment struct {
	line, column int // from 0
	text         string
	own          bool // nothing else stands in the line
}

func newText(source string) *text {
	t := &text{raw: map[*yaml.Node]scalar{}}
	for line := range strings.SplitSeq(source, "\n") {
		t.lines = append(t.lines, []rune(line))
		t.taken = append(t.taken, make([]bool, len([]rune(line))))
	}
	return t
}

// leftAlone is a fault at a node that fmt does not write.
func leftAlone(node *yaml.Node, what string) *rules.Fault {
	return &rules.Fault{Line: max(node.Line, 1), Column: max(node.Column, 1), Message: "fmt does not know how to write " + what, Hint: "write it out; the file is left as it is"}
}

// readScalars reads all scalars below a node as they are written.
func (t *text) readScalars(node *yaml.Node) *rules.Fault {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		return leftAlone(node, "anchors and aliases")
	case node.Style&yaml.TaggedStyle != 0:
		return leftAlone(node, "tags")
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if node.Content[i].Kind != yaml.ScalarNode {
				return leftAlone(node.Content[i], "keys that are no texts")
			}
		}
	}
	for _, child := range node.Content {
		if fault := t.readScalars(child); fault != nil {
			return fault
		}
	}
	if node.Kind != yaml.ScalarNode {
		return nil
	}
	switch {
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.readBlock(node)
	case node.Value == "" && node.Style == 0:
		t.raw[node] = scalar{lines: []string{""}, endLine: node.Line - 1}
		return nil
	}
	return t.readFlow(node)
}

var blockHeader = regexp.MustCompile(`^[|>][-]?`)

// readBlock reads a literal or folded block.
func (t *text) readBlock(node *yaml.Node) *rules.Fault {
	row := node.Line - 1
	rest := string(t.lines[row][node.Column-1:])
	header := blockHeader.FindString(rest)
	if after := rest[len(header):]; after != "" && !strings.HasPrefix(after, " ") {
		return leftAlone(node, "blocks with + or a number")
	}
	out := scalar{header: header, endLine: row}
	indent := -1
	for at := row + 1; at < len(t.lines); at++ {
		line := string(t.lines[at])
		blank := strings.TrimSpace(line) == ""
		if indent < 0 && !blank {
			if indent = indentOf(line); indent <= indentOf(string(t.lines[row])) && node.Value == "" {
				break
			}
		}
		if !blank && indentOf(line) < indent {
			break
		}
		if blank && (indent < 0 || len(line) <= indent) {
			out.lines = append(out.lines, "")
			continue
		}
		out.lines = append(out.lines, line[indent:])
		out.endLine = at
		for i := range t.taken[at] {
			t.taken[at][i] = true
		}
	}
	out.lines = out.lines[:out.endLine-row]
	for i := range header {
		t.taken[row][node.Column-1+i] = true
	}
	t.raw[node] = out
	return nil
}

// readFlow reads a plain or quoted scalar.
func (t *text) readFlow(node *yaml.Node) *rules.Fault {
	row, col := node.Line-1, node.Column-1
	var endRow, endCol int
	switch {
	case node.Style&yaml.DoubleQuotedStyle != 0:
		endRow, endCol = t.closing(row, col, '"')
	case node.Style&yaml.SingleQuotedStyle != 0:
		endRow, endCol = t.closing(row, col, '\'')
	default:
		endRow, endCol = t.plainEnd(row, col, node.Value)
	}
	if endRow < 0 {
		return leftAlone(node, "this text")
	}
	var lines []string
	for at := row; at <= endRow; at++ {
		from, to := 0, len(t.lines[at])
		if at == row {
			from = col
		}
		if at == endRow {
			to = endCol
		}
		for i := from; i < to; i++ {
			t.taken[at][i] = true
		}
		line := strings.TrimLeft(string(t.lines[at][from:to]), " \t")
		if at < endRow {
			line = strings.TrimRight(line, " \t")
		}
		lines = append(lines, line)
	}
	t.raw[node] = scalar{lines: lines, endLine: endRow}
	return nil
}

// closing returns where a quoted scalar ends, -1 where it does not.
func (t *text) closing(row, col int, quote rune) (endRow, endCol int) {
	for col++; row < len(t.lines); row, col = row+1, 0 {
		for ; col < len(t.lines[row]); col++ {
			switch c := t.lines[row][col]; {
			case quote == '"' && c == '\\':
				col++
			case c == quote && quote == '\'' && col+1 < len(t.lines[row]) && t.lines[row][col+1] == quote:
				col++
			case c == quote:
				return row, col + 1
			}
		}
	}
	return -1, -1
}

// plainEnd returns where a plain scalar of that value ends, -1 where the source has another text.
func (t *text) plainEnd(row, col int, value string) (endRow, endCol int) {
	for _, c := range value {
		if c != ' ' && c != '\n' && c != '\t' {
			for row < len(t.lines) && (col >= len(t.lines[row]) || t.lines[row][col] == ' ' || t.lines[row][col] == '\t') {
				if col++; col >= len(t.lines[row]) {
					row, col = row+1, 0
				}
			}
			if row >= len(t.lines) || t.lines[row][col] != c {
				return -1, -1
			}
			col++
		}
	}
	return row, col
}

// comments are all comments, in their order.
func (t *text) comments() []comment {
	var out []comment
	for row, line := range t.lines {
		for col, c := range line {
			starts := c == '#' && !t.taken[row][col] && (col == 0 || line[col-1] == ' ' || line[col-1] == '\t')
			if !starts {
				continue
			}
			out = append(out, comment{row, col, strings.TrimRight(string(line[col:]), " \t"), strings.TrimSpace(string(line[:col])) == ""})
			break
		}
	}
	return out
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
