package format

import (
	"slices"
	"strings"
)

var (
	alternatives = []string{" or", " ||"}
	conjunctions = []string{" and", " &&"}
)

// fold breaks an expression into lines no longer than width, where that can be: behind each and, or that stands outside all
// brackets, and where that does not suffice, also inside them.
func fold(expression string, width int) []string {
	if strings.ContainsAny(expression, "\n\t") || strings.HasPrefix(expression, " ") {
		return nil // it has lines of its own
	}
	lines := []string{expression}
	for step := range 2 * (maxDepth(expression) + 1) {
		operators := alternatives // bind less than the others
		if step%2 == 1 {
			operators = slices.Concat(alternatives, conjunctions)
		}
		var next []string
		for _, line := range lines {
			if len([]rune(line)) > width {
				next = append(next, joined(pieces(line, step/2, operators), width)...)
			} else {
				next = append(next, line)
			}
		}
		lines = next
	}
	return lines
}

// joined puts as many pieces into each line as it takes.
func joined(parts []string, width int) []string {
	var out []string
	for _, part := range parts {
		if n := len(out); n > 0 && len([]rune(out[n-1]))+1+len([]rune(part)) <= width {
			out[n-1] += " " + part
		} else {
			out = append(out, part)
		}
	}
	return out
}

// walk calls do for each blank outside quotes, with how many brackets are open there.
func walk(expression string, do func(at, depth int)) {
	quote, depth := byte(0), 0
	for at := 0; at < len(expression); at++ {
		switch c := expression[at]; {
		case quote != 0 && c == '\\' && quote != '`':
			at++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ' ':
			do(at, depth)
		}
	}
}

func maxDepth(expression string) (deepest int) {
	walk(expression, func(_, depth int) { deepest = max(deepest, depth) })
	return deepest
}

// pieces breaks an expression behind each of some operators that is in so many brackets at most.
func pieces(expression string, most int, operators []string) []string {
	var out []string
	from := 0
	walk(expression, func(at, depth int) {
		rest := expression[at+1:]
		before := expression[from:at]
		joins := slices.ContainsFunc(operators, func(operator string) bool { return strings.HasSuffix(before, operator) })
		if depth <= most && joins && rest != "" && !strings.HasPrefix(rest, " ") {
			out = append(out, before)
			from = at + 1
		}
	})
	return append(out, expression[from:])
}
