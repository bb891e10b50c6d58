package rules

import (
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// What a condition is of which a part may be unknown, as numbers: as in SQL, a comparison with something unknown is neither
// true nor false, "false and unknown" is false and "true or unknown" is true.
const (
	falseTruth   = 0.0
	unknownTruth = 0.5
	trueTruth    = 1.0
)

// compiledTruth is a condition as a program that says which of the three it is, nil where no part of it may be unknown.
type compiledTruth struct{ program *vm.Program }

// compileTruth compiles the truth of a condition that was checked.
func compileTruth(tree ast.Node) (*compiledTruth, error) {
	var reads uncertain
	ast.Walk(&tree, &reads)
	if len(reads.nodes) == 0 {
		return nil, nil
	}
	program, err := compileAs((&truth{}).of(tree), expr.AsFloat64())
	return &compiledTruth{program}, err
}

// in says what the condition is in a view.
func (c *compiledTruth) in(machine *vm.VM, view any) (active, indefinite bool, err error) {
	out, err := machine.Run(c.program, view)
	if err != nil {
		return false, false, err
	}
	return out == trueTruth, out == unknownTruth, nil
}

// truth makes the tree of a number out of that of a condition. Each part of the condition stands in it once, so that it grows
// with the condition and no faster; what is asked of a part more than once has a name.
type truth struct{ names int }

// of returns which of the three a condition is. It shares nodes with the condition's tree.
func (t *truth) of(node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return joined("-", number(trueTruth), t.of(n.Node))
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return t.join(n, falseTruth, "<")
		case "or", "||":
			return t.join(n, trueTruth, ">")
		case "==", "!=":
			if isCondition(n.Left) || isCondition(n.Right) {
				return t.alike(n)
			}
		}
	case *ast.ConditionalNode:
		return t.choice(n)
	}
	return ofPart(node)
}

// join is what two conditions are together: the left one where that decides, else the one that is so rather.
func (t *truth) join(n *ast.BinaryNode, decides float64, rather string) ast.Node {
	return t.named(t.of(n.Left), func(left ast.Node) ast.Node {
		return choose(joined("==", left, number(decides)), left, t.named(t.of(n.Right), func(right ast.Node) ast.Node {
			return choose(joined(rather, right, left), right, left)
		}))
	})
}

// alike is whether two conditions are alike, or unlike; unknown where one of them is.
func (t *truth) alike(n *ast.BinaryNode) ast.Node {
	return t.named(t.of(n.Left), func(left ast.Node) ast.Node {
		return choose(joined("==", left, number(unknownTruth)), left, t.named(t.of(n.Right), func(right ast.Node) ast.Node {
			return choose(joined("==", right, number(unknownTruth)), right, choose(joined(n.Operator, left, right), number(trueTruth), number(falseTruth)))
		}))
	})
}

// choice is what one of two conditions is. Which one is unknown with what is asked; then it is false where both are.
func (t *truth) choice(n *ast.ConditionalNode) ast.Node {
	return t.named(t.of(n.Cond), func(asked ast.Node) ast.Node {
		yes := choose(joined("==", asked, number(falseTruth)), number(falseTruth), t.of(n.Exp1))
		no := choose(joined("==", asked, number(trueTruth)), number(falseTruth), t.of(n.Exp2))
		return t.named(yes, func(yes ast.Node) ast.Node {
			return t.named(no, func(no ast.Node) ast.Node {
				either := choose(joined(">", yes, no), yes, no)
				unknown := joined("and", joined("==", asked, number(unknownTruth)), joined(">", either, number(falseTruth)))
				return choose(unknown, number(unknownTruth), either)
			})
		})
	})
}

// named gives a number a name that nobody can write, for what asks for it more than once.
func (t *truth) named(value ast.Node, within func(ast.Node) ast.Node) ast.Node {
	t.names++
	name := "truth " + strconv.Itoa(t.names)
	return &ast.VariableDeclaratorNode{Name: name, Value: value, Expr: within(&ast.IdentifierNode{Value: name})}
}

// ofPart is that of a condition which is not made of others: unknown where something that it reads is.
func ofPart(node ast.Node) ast.Node {
	var reads uncertain
	ast.Walk(&node, &reads)
	known := choose(node, number(trueTruth), number(falseTruth))
	var unknown ast.Node
	for _, read := range reads.nodes {
		isNaN := ast.Node(&ast.BinaryNode{Operator: "!=", Left: read, Right: otherwise(read)})
		if unknown != nil {
			isNaN = joined("or", unknown, isNaN)
		}
		unknown = isNaN
	}
	if unknown == nil {
		return known
	}
	return choose(unknown, number(unknownTruth), known)
}

func number(value float64) ast.Node { return &ast.FloatNode{Value: value} }

func choose(asked, yes, no ast.Node) ast.Node {
	return &ast.ConditionalNode{Cond: asked, Exp1: yes, Exp2: no}
}

func joined(operator string, a, b ast.Node) ast.Node {
	return &ast.BinaryNode{Operator: operator, Left: a, Right: b}
}
