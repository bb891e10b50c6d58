package rules

import (
	"strings"

	"github.com/weirmq/weir/rules/unit"
)

// SqueezeExpression is an expression with one blank for each stretch of blanks outside quotes: two that differ in spacing
// and folding only are equal then. What stands behind // or /* stays as it is: no rule has it, but rule files with faults do, and
// the end of a line behind it means something.
func SqueezeExpression(text string) string {
	text = strings.TrimSpace(text)
	end := commentAt(text)
	out := squeezed(text[:end])
	if end < len(text) && strings.TrimRight(text[:end], " \t\n\r") != text[:end] {
		out += " "
	}
	return out + text[end:]
}

// commentAt is the byte at which the first comment of an expression begins, or its length.
func commentAt(text string) int {
	if characters := unit.Comment(text); characters >= 0 {
		return len(string([]rune(text)[:characters]))
	}
	return len(text)
}

func squeezed(text string) string {
	var out strings.Builder
	quote, gap := rune(0), false
	for i, c := range strings.TrimSpace(text) {
		space := c == ' ' || c == '\t' || c == '\n' || c == '\r'
		if quote == 0 && space {
			gap = true
			continue
		}
		if gap {
			out.WriteByte(' ')
			gap = false
		}
		switch {
		case quote == 0 && strings.ContainsRune("\"'`", c):
			quote = c
		case c == quote && (quote == '`' || !escaped(strings.TrimSpace(text)[:i])):
			quote = 0
		}
		out.WriteRune(c)
	}
	return out.String()
}

// escaped says that an odd number of backslashes stands at the end.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}
