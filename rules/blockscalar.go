package rules

import (
	"slices"
	"strings"
)

// block reads a literal or folded block. Its indentation is the widest with which
// the value comes out.
func (s *scalar) block(folded bool) bool {
	content := s.row + 1
	for content < len(s.lines) && indentOf(s.lines[content]) == len(s.lines[content]) {
		content++
	}
	if content >= len(s.lines) {
		return false
	}
	for indent := indentOf(s.lines[content]); indent >= 0; indent-- {
		if value, places := s.blockAt(indent, folded); value != nil {
			for len(places) <= len(s.value) {
				places = append(places, places[len(places)-1])
			}
			s.places = places
			return true
		}
	}
	return false
}

// blockAt reads the lines of a block with that indentation; nil where another value
// comes out. The place after the last character is added.
func (s *scalar) blockAt(indent int, folded bool) (value []rune, places []place) {
	want := []rune(strings.TrimRight(string(s.value), "\n"))
	end := place{s.row + 1, len(s.lines[s.row]) + 1} // of the line before
	more, ends := true, 0
	for row := s.row + 1; row < len(s.lines) && len(value) < len(want); row++ {
		line := s.lines[row]
		if indentOf(line) >= len(line) && len(line) <= indent {
			ends++
			continue
		}
		if indentOf(line) < indent {
			return nil, nil
		}
		text := line[indent:]
		between := strings.Repeat("\n", ends)
		if folded && !more && !blank(text[0]) {
			between = foldedEnds(ends)
		}
		for _, c := range between {
			value, places = append(value, c), append(places, end)
		}
		for i, c := range text {
			value, places = append(value, c), append(places, place{row + 1, indent + i + 1})
		}
		end, more, ends = place{row + 1, len(line) + 1}, blank(text[0]), 1
	}
	if !slices.Equal(value, want) || len(want) == 0 {
		return nil, nil
	}
	return value, append(places, end)
}

// foldedEnds is what stands for the ends of lines between two folded lines.
func foldedEnds(ends int) string {
	if ends == 1 {
		return " "
	}
	return strings.Repeat("\n", ends-1)
}

func indentOf(line []rune) int {
	return len(line) - len([]rune(strings.TrimLeft(string(line), " ")))
}
