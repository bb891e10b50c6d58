package rules

import "strings"

// SqueezeExpression is an expression with one blank for each stretch of blanks outside quotes: two that differ in spacing
// and folding only are equal then.
func SqueezeExpression(text string) string {
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
