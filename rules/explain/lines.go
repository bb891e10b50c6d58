// Package explain says in words what the evaluation of an alert saw, and how to look further.
package explain

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// comparing are the operators whose two sides stand in one line with the outcome.
var comparing = []string{"<", "<=", ">", ">=", "==", "!="}

// Lines are the parts of an expression as a tree, each in a line: what is true, false or unknown as "p99 > 800ms: 0.953 s > 0.8 s: true",
// numbers as "2 * over(5m).tps = 8046 /s". What is plain from the line above or from the text itself has no line. Of
// several conditions each begins with its key in the rule, as in "crit: p99 > 5s: 6 s > 5 s: true".
func Lines(e *telemetry.Explanation) []string {
	if e == nil {
		return nil
	}
	t := tree{parts: e.Parts}
	for at := 0; at < len(t.parts); at = t.end(at) {
		t.print(at, 0)
	}
	if e.More > 0 {
		t.lines = append(t.lines, fmt.Sprintf("and %d more", e.More))
	}
	return t.lines
}

// tree prints parts that stand in the order of a tree.
type tree struct {
	parts []telemetry.ExplainedPart
	lines []string
}

// end is the place behind a part and all that it is made of.
func (t *tree) end(at int) int {
	end := at + 1
	for end < len(t.parts) && t.parts[end].Depth > t.parts[at].Depth {
		end++
	}
	return end
}

// within are the places of what a part is made of.
func (t *tree) within(at int) []int {
	var out []int
	for next := at + 1; next < t.end(at); next = t.end(next) {
		out = append(out, next)
	}
	return out
}

func (t *tree) print(at, indent int) {
	part, within := &t.parts[at], t.within(at)
	text := strings.Join(strings.Fields(part.Text), " ")
	if part.Condition != "" {
		text = part.Condition + ": " + text
	}
	_, number := part.Value.(float64)
	compares := slices.Contains(comparing, part.Op) && len(within) == 2
	switch {
	case compares:
		text = fmt.Sprintf("%s: %s %s %s: %s", text, value(&t.parts[within[0]]), part.Op, value(&t.parts[within[1]]), value(part))
	case number || part.Unit != "":
		text += " = " + value(part)
	default:
		text += ": " + value(part)
	}
	t.lines = append(t.lines, strings.Repeat("  ", indent)+text)
	for _, next := range within {
		if len(t.within(next)) > 0 || !compares && !written(&t.parts[next]) {
			t.print(next, indent+1)
		}
	}
}

// written says that a part has its value in its text.
func written(part *telemetry.ExplainedPart) bool {
	return part.Text != "" && strings.ContainsAny(part.Text[:1], "0123456789.-\"'`") || part.Text == "true" || part.Text == "false"
}

// value writes a part's value with its unit.
func value(part *telemetry.ExplainedPart) string {
	switch v := part.Value.(type) {
	case nil:
		return "unknown"
	case float64:
		return strings.TrimSpace(Number(v) + " " + part.Unit)
	case string:
		if v == "+Inf" || v == "-Inf" {
			return v
		}
		return strconv.Quote(v)
	}
	return fmt.Sprint(part.Value)
}

// digits of a number that are shown. Not fewer: people compare it with a threshold; not more: no percentile has as many.
const digits = 6

// Number writes a number with up to six digits before it is rounded, never as a power of ten.
func Number(v float64) string {
	if math.Abs(v) >= math.Pow10(digits) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64) // it is a number
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
