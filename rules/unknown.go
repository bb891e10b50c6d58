package rules

import (
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// uncertain gathers the parts of an expression whose value may be unknown: gauges, the policy, what is read elsewhere in time,
// and comparisons of versions whose outcome is used either way.
type uncertain struct{ nodes []ast.Node }

// Visit looks at one node; ast.Walk calls it.
func (u *uncertain) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if _, ok := gaugeFields[n.Value]; ok || n.Value == departedClients {
			u.nodes = append(u.nodes, n)
		}
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if ok && isSpan(n.Node) && (isNumeric(property.Value) || slices.Contains(baselineFields, property.Value)) {
			u.nodes = append(u.nodes, n)
		}
	case *ast.CallNode:
		_, number, _ := policyCall(n)
		given := slices.ContainsFunc(n.Arguments, func(argument ast.Node) bool {
			_, number, ok := policyCall(argument)
			return ok && !number
		})
		if number || given {
			u.nodes = append(u.nodes, n)
		}
		if callee, ok := n.Callee.(*ast.MemberNode); ok && isSpan(callee.Node) || eitherWay(n) {
			u.nodes = append(u.nodes, n)
		}
	}
}

// isSpan says that a node is a span elsewhere in time.
func isSpan(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value == "prev"
	case *ast.CallNode:
		return slices.Contains(spanFunctions, CalledName(n))
	}
	return false
}

// compilePart compiles a part of an expression, which may be of any kind, and says of which.
func compilePart(tree ast.Node) (*vm.Program, reflect.Kind, error) {
	program, err := compileAs(tree)
	if err != nil || tree.Type() == nil {
		return nil, reflect.Invalid, err
	}
	return program, tree.Type().Kind(), nil
}

func compileAs(tree ast.Node, options ...expr.Option) (*vm.Program, error) {
	config := configFor(View{}, options...)
	made := &parser.Tree{Node: tree, Source: file.NewSource("")}
	if _, err := checker.Check(made, config); err != nil {
		return nil, err
	}
	return compiler.Compile(made, config)
}
