package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
)

var hourChecks = []Check{
	{Name: "hour-count", Says: "a count of the window compared with the count of an hour, of `baseline` or of `ago` over more than an hour", find: findHourCounts,
		Why: "A window has fewer messages than an hour, however many come: rates can be compared."},
}

// rateOf is what to compare in place of a count.
var rateOf = map[string]string{"messages": "tps", "bytes": "bps", "errors": "error_rate"}

func findHourCounts(l *look) {
	for _, rule := range l.folder.Rules {
		if rule.Window == time.Hour || rule.Lane == rules.LaneInspection { // of days, which look back by days
			continue
		}
		for _, condition := range rule.Conditions() {
			ast.Walk(&condition.Tree, visitor(func(node *ast.Node) {
				n, ok := (*node).(*ast.BinaryNode)
				if !ok || !slices.Contains([]string{"<", "<=", ">", ">=", "==", "!="}, n.Operator) {
					return
				}
				left, right := countsIn(n.Left), countsIn(n.Right)
				if left.hour == "" {
					left, right = right, left
				}
				if left.hour == "" || right.window == "" {
					return
				}
				offset, keys := rule.Place(condition.Key, left.node)
				l.say(rule.Fault(fmt.Sprintf("%s counts the window of %s, and %s an hour", right.window, short(rule.Window), left.hour),
					"compare "+rateOf[right.window], offset, keys...))
			}))
		}
	}
}

// counts are those that a side of a comparison has.
type counts struct {
	window string   // a count of the window, "" where there is none
	hour   string   // a count of an hour, as written
	node   ast.Node // where that stands
}

func countsIn(side ast.Node) counts {
	var found counts
	divided := false // as by how many windows an hour has
	ast.Walk(&side, visitor(func(node *ast.Node) {
		switch n := (*node).(type) {
		case *ast.BinaryNode:
			divided = divided || n.Operator == "/"
		case *ast.IdentifierNode:
			if rateOf[n.Value] != "" {
				found.window = n.Value
			}
		case *ast.MemberNode:
			property, ok := n.Property.(*ast.StringNode)
			if call := hourCall(n.Node); ok && call != "" && rateOf[strings.TrimSuffix(property.Value, "_spread")] != "" {
				found.hour, found.node = call+"."+property.Value, n.Node
			}
		}
	}))
	if divided {
		return counts{}
	}
	return found
}

// hourCall is a look at clock hours past as it is written, "" where a node is none.
func hourCall(node ast.Node) string {
	function, spans := rules.SpanCall(node)
	if len(spans) != 1 { // ago with a span of its own looks at what is kept
		return ""
	}
	span, err := rules.ParseDuration(spans[0])
	if err != nil || function != "baseline" && (function != "ago" || span <= rules.MaxSpan) {
		return ""
	}
	return function + "(" + short(span) + ")"
}
