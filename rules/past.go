package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// MaxPast is how far back ago may look where the store answers. Not smaller: four weeks of the same weekday are compared; not
// larger: the store keeps 30 days, of which the oldest go while they are asked for.
const MaxPast = 28 * 24 * time.Hour

// Past answers what groups counted in hours that are longer ago than MaxLookback. It never waits: what it has not read yet is
// unknown. Its methods are called from any goroutine.
type Past interface {
	// Hour returns what a group of a grouping, by telemetry.GroupKey, counted in the hour that begins at start: messages,
	// bytes and errors, zeros where it had nothing. known is false where it is not known, or not known yet.
	Hour(grouping *telemetry.Grouping, group string, start time.Time) (counted telemetry.Totals, known bool)
}

// pastFields are those of Span that are made of what Past counts.
var pastFields = []string{"tps", "bps", "messages", "bytes", "errors", "error_rate"}

// pastSpan is how far back ago looks where that is further than what is kept: whole hours. It is 0 of all other nodes.
func pastSpan(node ast.Node) time.Duration {
	call, ok := node.(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return 0
	}
	callee, named := call.Callee.(*ast.IdentifierNode)
	text, constant := call.Arguments[0].(*ast.StringNode)
	if calleeName(callee, named) != "ago" || !constant {
		return 0
	}
	back, err := parseDuration(text.Value)
	if err != nil || !isPast(back) {
		return 0
	}
	return back
}

func isPast(back time.Duration) bool {
	return back > MaxLookback && back <= MaxPast && back%time.Hour == 0
}

// pastField holds a field of a span of the past against those that there are.
func (r *reader) pastField(n *ast.MemberNode, name string) {
	if pastSpan(n.Node) > 0 && !slices.Contains(pastFields, name) {
		r.fail(n.Node, fmt.Sprintf("ago of more than %s has no %s", FormatDuration(MaxLookback), name), "it has "+strings.Join(pastFields, ", "))
	}
}

// past is the hour in which a window that ended so long before an evaluation did, false where it is not known.
func (e *Evaluator) past(rule *Rule, g *groupState, ended time.Time) (Span, bool) {
	if e.config.Past == nil {
		return unknownSpan(), false
	}
	start := ended.Add(-e.config.Pane).Truncate(time.Hour)
	counted, known := e.config.Past.Hour(&rule.Grouping, g.key, start)
	if !known {
		return unknownSpan(), false
	}
	hour := stretch{totals: counted, seconds: time.Hour.Seconds()}
	read, out := hour.span(0), unknownSpan()
	out.TPS, out.BPS, out.Messages, out.Bytes, out.Errors, out.ErrorRate = read.TPS, read.BPS, read.Messages, read.Bytes, read.Errors, read.ErrorRate
	return out, true
}
