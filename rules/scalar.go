package rules

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineBreak is what YAML takes for the end of a line.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// place is where a character stands in a file; both count from 1.
type place struct{ line, column int }

// scalar reads a scalar's text from the file again, guided by its value, to learn
// where each character stands. What it cannot follow it gives up on.
type scalar struct {
	lines    [][]rune
	row, col int // from 0
	value    []rune
	places   []place // of the characters of value read so far
}

// place finds character offset of a scalar in the file: past blanks at its
// beginning, and right behind its last character where the offset is at its end.
func (d *decoder) place(node *yaml.Node, offset int) (line, column int) {
	value := []rune(node.Value)
	places := d.places(node)
	if places == nil {
		return node.Line, node.Column
	}
	end := len([]rune(strings.TrimRight(node.Value, " \t\n")))
	offset = max(offset, len(value)-len([]rune(strings.TrimLeft(node.Value, " \t\n"))))
	at := places[min(offset, end)]
	if last := places[max(end-1, 0)]; offset >= end && end > 0 && at.line != last.line {
		at = place{last.line, last.column + 1}
	}
	return at.line, at.column
}

// places returns where each character of a scalar stands, and where it ends; nil
// where that cannot be told.
func (d *decoder) places(node *yaml.Node) []place {
	if d.runes == nil {
		for _, line := range d.lines {
			d.runes = append(d.runes, []rune(line))
		}
	}
	s := &scalar{lines: d.runes, row: node.Line - 1, col: node.Column - 1, value: []rune(node.Value)}
	s.skipProperties()
	ok := false
	switch {
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		ok = s.block(node.Style&yaml.FoldedStyle != 0)
	case node.Style&yaml.DoubleQuotedStyle != 0:
		s.col++
		ok = s.flow('"')
	case node.Style&yaml.SingleQuotedStyle != 0:
		s.col++
		ok = s.flow('\'')
	default:
		ok = s.flow(0)
	}
	if !ok {
		return nil
	}
	return s.places
}

// peek returns a character of the line, 0 behind its end.
func (s *scalar) peek(ahead int) rune {
	if s.row >= len(s.lines) || s.col+ahead >= len(s.lines[s.row]) {
		return 0
	}
	return s.lines[s.row][s.col+ahead]
}

func (s *scalar) endOfLine() bool { return s.row < len(s.lines) && s.col >= len(s.lines[s.row]) }

func blank(c rune) bool { return c == ' ' || c == '\t' }

// skipProperties passes over anchors and tags.
func (s *scalar) skipProperties() {
	for s.peek(0) == '&' || s.peek(0) == '!' {
		for s.peek(0) != 0 && !blank(s.peek(0)) {
			s.col++
		}
		for s.row < len(s.lines) && (s.endOfLine() || s.peek(0) == '#' || blank(s.peek(0))) {
			if blank(s.peek(0)) {
				s.col++
			} else {
				s.row, s.col = s.row+1, 0
			}
		}
	}
}

// read notes that the next character of the value, which must be c, stands at the
// current place, and moves on by width.
func (s *scalar) read(c rune, width int) bool {
	if len(s.places) >= len(s.value) || s.value[len(s.places)] != c {
		return false
	}
	s.places = append(s.places, place{s.row + 1, s.col + 1})
	s.col += width
	return true
}

// flow reads a plain or quoted scalar. Blanks around the end of a line are one
// space, and each further end of a line is one.
func (s *scalar) flow(quote rune) bool {
	for len(s.places) < len(s.value) {
		ok := true
		switch c := s.peek(0); {
		case s.row >= len(s.lines):
			return false
		case s.folds():
			ok = s.fold(false)
		case quote == '"' && c == '\\' && s.col+1 == len(s.lines[s.row]):
			ok = s.fold(true)
		case quote == '"' && c == '\\':
			decoded, width := s.escape()
			ok = s.read(decoded, width)
		case quote == '\'' && c == quote:
			ok = s.read(c, len("''"))
		default:
			ok = s.read(c, 1)
		}
		if !ok {
			return false
		}
	}
	s.places = append(s.places, place{s.row + 1, s.col + 1})
	return true
}

// folds says that only blanks are left of the line.
func (s *scalar) folds() bool {
	for ahead := 0; ; ahead++ {
		if c := s.peek(ahead); !blank(c) {
			return c == 0 && s.row < len(s.lines) && s.col+ahead >= len(s.lines[s.row])
		}
	}
}

// fold passes the end of a line and the blanks around it; an escaped end gives no space.
func (s *scalar) fold(escaped bool) bool {
	from, ends := place{s.row + 1, s.col + 1}, 0
	for s.row < len(s.lines) && (ends == 0 || s.folds()) {
		s.row, s.col = s.row+1, 0
		ends++
	}
	for blank(s.peek(0)) {
		s.col++
	}
	folded := strings.Repeat("\n", ends-1)
	if folded == "" && !escaped {
		folded = " "
	}
	for _, c := range folded {
		if len(s.places) >= len(s.value) || s.value[len(s.places)] != c {
			return false
		}
		s.places = append(s.places, from)
	}
	return true
}

// plainEscapes are the escapes of double-quoted text that stand for one character each.
var plainEscapes = map[rune]rune{'0': 0, 'a': '\a', 'b': '\b', 't': '\t', '\t': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b,
	' ': ' ', '"': '"', '\'': '\'', '\\': '\\', 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029}

// escape returns what a backslash and what follows stand for, and their width.
func (s *scalar) escape() (decoded rune, width int) {
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[s.peek(1)]
	if digits == 0 {
		return plainEscapes[s.peek(1)], 2
	}
	from := min(s.col+2, len(s.lines[s.row]))
	number, err := strconv.ParseInt(string(s.lines[s.row][from:min(from+digits, len(s.lines[s.row]))]), 16, 32)
	if err != nil {
		return -1, 2
	}
	return rune(number), 2 + digits
}
