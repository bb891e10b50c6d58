package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// opValues looks for comparisons of op with what no report has: such a rule never fires, or always does. No value at all is
// what the overflow series of all topics has.
type opValues struct{ unknown expressionErrors }

// Visit looks at one node; ast.Walk calls it.
func (v *opValues) Visit(node *ast.Node) {
	compared, ok := (*node).(*ast.BinaryNode)
	if !ok || !slices.Contains([]string{"==", "!=", "in"}, compared.Operator) {
		return
	}
	switch {
	case isOp(compared.Left):
		v.check(compared.Right)
	case isOp(compared.Right) && compared.Operator != "in":
		v.check(compared.Left)
	}
}

func isOp(node ast.Node) bool {
	name, ok := node.(*ast.IdentifierNode)
	return ok && name.Value == "op"
}

// check notes the unknown values among a text or a list of texts.
func (v *opValues) check(node ast.Node) {
	values := []ast.Node{node}
	if list, ok := node.(*ast.ArrayNode); ok {
		values = list.Nodes
	}
	for _, value := range values {
		text, ok := value.(*ast.StringNode)
		if !ok || text.Value == "" || slices.Contains(telemetry.Ops, text.Value) {
			continue
		}
		v.unknown = append(v.unknown, &expressionError{Offset: value.Location().From, Hint: didYouMean(text.Value, telemetry.Ops),
			Message: fmt.Sprintf("unknown op %q; known are %s", text.Value, strings.Join(telemetry.Ops, ", "))})
	}
}

// checkOps returns where a tree compares op with what no report has.
func checkOps(tree *ast.Node) expressionErrors {
	var values opValues
	ast.Walk(tree, &values)
	return values.unknown
}
