package rules

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// shapes looks for what Expr allows and a rule must not have, since nothing would see what it reads: the whole environment as a
// value, names of its own, and spans and versions that are handed on.
type shapes struct {
	spans, versions []ast.Node
	placed          map[file.Location]bool // spans and versions that stand where they may
	misplaced       map[file.Location]bool // the others
	faults          expressionErrors
}

// checkShapes returns what is wrong with the tree, and notes what is misused. That of a let may be a span or a version as a whole.
func (x *expression) checkShapes(tree ast.Node) expressionErrors {
	s := &shapes{placed: map[file.Location]bool{}, misplaced: map[file.Location]bool{}}
	ast.Walk(&tree, s)
	s.placed[tree.Location()] = s.placed[tree.Location()] || x.anyType
	for _, span := range s.spans {
		if !s.placed[span.Location()] {
			s.misused(span, "a span of time is no value by itself", fmt.Sprintf("take a field of it where it stands, as in %s.tps", spanExampleOf(span)))
		}
	}
	for _, version := range s.versions {
		if !s.placed[version.Location()] {
			s.misused(version, sdkVersion+" is compared with a version that is written out, or with another label", `write it as in sdk_version < "1.18.0"`)
		}
	}
	x.misused = s.misplaced
	return s.faults
}

// Visit looks at one node; ast.Walk calls it, for what a node is made of before the node itself.
func (s *shapes) Visit(node *ast.Node) {
	if isSpan(*node) {
		s.spans = append(s.spans, *node)
	}
	if isVersion(*node) {
		s.versions = append(s.versions, *node)
	}
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			s.fail(n, "unknown name $env", "name the field or label itself")
		}
	case *ast.VariableDeclaratorNode:
		s.fail(n, fmt.Sprintf("an expression cannot name a part of itself, as let %s does", n.Name), fmt.Sprintf("put %s under let: of the rule, beside its expr", n.Name))
	case *ast.MemberNode:
		if _, ok := n.Property.(*ast.StringNode); ok {
			s.placed[n.Node.Location()] = true
		}
	case *ast.BinaryNode:
		s.binary(n)
	}
}

// binary notes versions that an operator may have beside it: one that compares them, or that looks at texts.
func (s *shapes) binary(n *ast.BinaryNode) {
	switch {
	case comparesVersions(n), slices.Contains([]string{"==", "!="}, n.Operator) && (isNoText(n.Left) || isNoText(n.Right)):
		s.placed[n.Left.Location()], s.placed[n.Right.Location()] = true, true
	case slices.Contains([]string{"in", "matches", "startsWith", "endsWith", "contains"}, n.Operator):
		s.placed[n.Left.Location()] = true
	}
}

func isNoText(node ast.Node) bool {
	text, ok := node.(*ast.StringNode)
	return ok && text.Value == ""
}

func spanExampleOf(span ast.Node) string {
	if call, ok := span.(*ast.CallNode); ok {
		return spanExample(CalledName(call))
	}
	return "prev"
}

// spanExample is how a function that takes a span of time is called.
func spanExample(function string) string {
	if function == baselineFunction {
		return function + "(7d)"
	}
	return function + "(5m)"
}

func (s *shapes) fail(node ast.Node, message, hint string) {
	s.faults = append(s.faults, &expressionError{Offset: node.Location().From, Message: message, Hint: hint})
}

// misused is said of what may be right elsewhere.
func (s *shapes) misused(node ast.Node, message, hint string) {
	s.fail(node, message, hint)
	s.faults[len(s.faults)-1].of = aboutUse
	s.misplaced[node.Location()] = true
}
