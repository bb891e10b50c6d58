package rules

import (
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// truth is a condition of which a part may be unknown, as two that never are: certain is true where the condition is so whatever
// the unknown is, possible is false where it is false whatever that is. Between the two nothing is known. As in SQL, a comparison
// with something unknown is neither, "false and unknown" is false and "true or unknown" is true.
type truth struct{ certain, possible ast.Node }

// truthOf finds the truth of a condition's tree. Both share nodes with it.
func truthOf(node ast.Node) truth {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			of := truthOf(n.Node)
			return truth{negated(of.possible), negated(of.certain)}
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||":
			a, b := truthOf(n.Left), truthOf(n.Right)
			return truth{joined(n.Operator, a.certain, b.certain), joined(n.Operator, a.possible, b.possible)}
		case "==", "!=":
			if isCondition(n.Left) || isCondition(n.Right) {
				return likeness(truthOf(n.Left), truthOf(n.Right), n.Operator == "==")
			}
		}
	case *ast.ConditionalNode:
		asked, yes, no := truthOf(n.Cond), truthOf(n.Exp1), truthOf(n.Exp2)
		return truth{
			joined("or", joined("and", asked.certain, yes.certain), joined("and", negated(asked.possible), no.certain)),
			joined("or", joined("and", asked.possible, yes.possible), joined("and", negated(asked.certain), no.possible)),
		}
	}
	return truthOfPart(node)
}

// likeness is the truth of two conditions being alike, or unlike.
func likeness(a, b truth, alike bool) truth {
	if !alike {
		b = truth{negated(b.possible), negated(b.certain)}
	}
	return truth{
		joined("or", joined("and", a.certain, b.certain), joined("and", negated(a.possible), negated(b.possible))),
		joined("or", joined("and", a.possible, b.possible), joined("and", negated(a.certain), negated(b.certain))),
	}
}

// truthOfPart is that of a condition which is not made of others: unknown where something that it reads is.
func truthOfPart(node ast.Node) truth {
	var reads uncertain
	ast.Walk(&node, &reads)
	if len(reads.nodes) == 0 {
		return truth{node, node}
	}
	var unknown ast.Node
	for _, read := range reads.nodes {
		isNaN := ast.Node(&ast.BinaryNode{Operator: "!=", Left: read, Right: otherwise(read)})
		if unknown != nil {
			isNaN = joined("or", unknown, isNaN)
		}
		unknown = isNaN
	}
	return truth{joined("and", negated(unknown), node), joined("or", unknown, node)}
}

func negated(node ast.Node) ast.Node { return &ast.UnaryNode{Operator: "not", Node: node} }

func joined(operator string, a, b ast.Node) ast.Node {
	return &ast.BinaryNode{Operator: operator, Left: a, Right: b}
}

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
		callee, ok := n.Callee.(*ast.IdentifierNode)
		name := calleeName(callee, ok)
		return slices.Contains(spanFunctions, name)
	}
	return false
}

// compiledTruth is a truth as programs, nil where no part of the condition may be unknown.
type compiledTruth struct{ certain, possible *vm.Program }

// compileTruth compiles the truth of a condition that was checked.
func compileTruth(tree ast.Node) (*compiledTruth, error) {
	var reads uncertain
	ast.Walk(&tree, &reads)
	if len(reads.nodes) == 0 {
		return nil, nil
	}
	of := truthOf(tree)
	certain, err := compileTree(of.certain)
	if err != nil {
		return nil, err
	}
	possible, err := compileTree(of.possible)
	return &compiledTruth{certain, possible}, err
}

// compileTree compiles a condition's tree that was made, not written.
func compileTree(tree ast.Node) (*vm.Program, error) {
	return compileAs(tree, expr.AsBool())
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
	config := conf.CreateNew()
	for _, option := range slices.Concat([]expr.Option{expr.Env(View{})}, options, versionFunctions, noClock) {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	made := &parser.Tree{Node: tree, Source: file.NewSource("")}
	if _, err := checker.Check(made, config); err != nil {
		return nil, err
	}
	return compiler.Compile(made, config)
}
