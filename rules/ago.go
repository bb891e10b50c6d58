package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// agoName is the name of the function in expressions.
const agoName = "ago"

// agoSpan is what ago looks at: a span that ended so long before now. It has the length of the rule's window where it is given none.
type agoSpan struct{ back, length time.Duration }

// of is the length of the span in a rule with a window.
func (s agoSpan) of(window time.Duration) time.Duration {
	if s.length > 0 {
		return s.length
	}
	return window
}

// agoKey is what stands between the brackets of ago, as reading has it.
func agoKey(back string, length []string) string {
	return strings.Join(append([]string{back}, length...), ", ")
}

// rememberedAgo asks once for what stands between the brackets.
func rememberedAgo(ask func(key string) Span) func(back string, length ...string) Span {
	once := remembered(ask)
	return func(back string, length ...string) Span { return once(agoKey(back, length)) }
}

// ago notes what ago is given.
func (r *reader) ago(n *ast.CallNode) {
	switch len(n.Arguments) {
	case 0: // Expr says so
	case 1:
		r.agoWindow(n.Arguments[0])
	case 2:
		r.agoOfItsOwn(n.Arguments[0], n.Arguments[1])
	default:
		r.misused(n, fmt.Sprintf("%s takes how long ago and how long a span, and is given %d arguments", agoName, len(n.Arguments)), "write "+r.lane.agoExample())
	}
}

// agoExample is how a rule of the lane looks at a span of its own.
func (l Lane) agoExample() string {
	if l == LaneInspection {
		return agoName + "(7d, 3d)"
	}
	return agoName + "(10m, 1h)"
}

// agoWindow notes how long ago the rule's window is looked at.
func (r *reader) agoWindow(argument ast.Node) {
	text, back, ok := r.duration(agoName, argument, "write "+r.lane.spanExample(agoName))
	switch {
	case !ok:
	case r.lane != LaneInspection && isPast(back):
		r.reading.past[text] = back
	case r.lane != LaneInspection && back > MaxSpan:
		r.misused(argument, fmt.Sprintf("got duration %q, want at most %s, or whole hours up to %s", text, FormatDuration(MaxSpan), FormatDuration(MaxPast)), "")
	default:
		r.reading.ago[text] = agoSpan{back: back}
	}
}

// agoOfItsOwn notes a span with a length of its own. What the store answers of hours past are clock hours, so that it has none.
func (r *reader) agoOfItsOwn(backwards, along ast.Node) {
	hint := "write " + r.lane.agoExample()
	ended, back, okBack := r.duration(agoName, backwards, hint)
	text, length, okLength := r.duration(agoName, along, hint)
	switch {
	case !okBack || !okLength:
		return
	case r.lane != LaneInspection && back > MaxSpan:
		hint = ""
		if isPast(back) {
			hint = fmt.Sprintf("%s(%s) alone is a clock hour, which the store has", agoName, ended)
		}
		r.misused(backwards, fmt.Sprintf("got duration %q, want at most %s before a span of its own", ended, FormatDuration(MaxSpan)), hint)
	case r.lane != LaneInspection && length > MaxSpan:
		r.misused(along, fmt.Sprintf("got duration %q, want at most %s", text, FormatDuration(MaxSpan)), "")
	default:
		r.reading.ago[agoKey(ended, []string{text})] = agoSpan{back, length}
	}
}
