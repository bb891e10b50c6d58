package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/unit"
)

// Names of the view's functions that what is written of a policy is turned into. No expression can write a dot in a name.
const (
	policyNumberName  = "policy.number"
	policyVersionName = "policy.version"
)

// policyUse is what an expression reads of a policy: a number of a section, or a version.
type policyUse struct {
	section string
	key     ast.Node
	name    ast.Node // nil of a version
}

// policyUseOf finds that a node is a whole use, such as policy.tiers[tier].lag_age.
func policyUseOf(node ast.Node) (policyUse, bool) {
	outer, ok := node.(*ast.MemberNode)
	if !ok {
		return policyUse{}, false
	}
	if section, ok := policySection(outer.Node); ok && section == policySDKMin {
		return policyUse{section: section, key: outer.Property}, true
	}
	inner, ok := outer.Node.(*ast.MemberNode)
	if !ok {
		return policyUse{}, false
	}
	section, ok := policySection(inner.Node)
	return policyUse{section: section, key: inner.Property, name: outer.Property}, ok && policyNumbers[section] != nil
}

// policySection is which section of the policy a node is.
func policySection(node ast.Node) (string, bool) {
	member, ok := node.(*ast.MemberNode)
	if !ok {
		return "", false
	}
	base, isName := member.Node.(*ast.IdentifierNode)
	section, isText := member.Property.(*ast.StringNode)
	if !isName || !isText || base.Value != "policy" {
		return "", false
	}
	return section.Value, true
}

// call is the call that stands for a use; at what is between them it is written.
func (u policyUse) call() ast.Node {
	if u.name == nil {
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: policyVersionName}, Arguments: []ast.Node{u.key}}
	}
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: policyNumberName}, Arguments: []ast.Node{&ast.StringNode{Value: u.section}, u.key, u.name}}
}

// policyCall says that a node is such a call, and what it gives.
func policyCall(node ast.Node) (of unit.Dimension, number, ok bool) {
	call, isCall := node.(*ast.CallNode)
	if !isCall {
		return unit.Plain, false, false
	}
	callee, named := call.Callee.(*ast.IdentifierNode)
	switch calleeName(callee, named) {
	case policyVersionName:
		return unit.Plain, false, true
	case policyNumberName:
		section, _ := call.Arguments[0].(*ast.StringNode)
		name, _ := call.Arguments[2].(*ast.StringNode)
		if section == nil || name == nil {
			return unit.Plain, true, true
		}
		return policyNumbers[section.Value][name.Value], true, true
	}
	return unit.Plain, false, false
}

// policyFaults looks for uses of a policy that are none. It sees the tree before uses are calls.
type policyFaults struct {
	whole  map[ast.Node]bool // parts of uses that are whole
	used   bool
	faults expressionErrors
}

// checkPolicy returns whether a tree reads the policy, and what is wrong with how it does.
func checkPolicy(tree *ast.Node) (used bool, faults expressionErrors) {
	p := &policyFaults{whole: map[ast.Node]bool{}}
	ast.Walk(tree, &policyParts{p})
	ast.Walk(tree, p)
	return p.used, p.faults
}

// policyParts notes where policy stands in a use that is whole.
type policyParts struct{ *policyFaults }

// Visit looks at one node; ast.Walk calls it.
func (p *policyParts) Visit(node *ast.Node) {
	use, ok := policyUseOf(*node)
	if !ok {
		return
	}
	p.used = true
	at := *node
	for {
		member, isMember := at.(*ast.MemberNode)
		if !isMember {
			p.whole[at] = true
			break
		}
		at = member.Node
	}
	name, ok := use.name.(*ast.StringNode)
	if use.name == nil {
		return
	}
	known := slices.Sorted(maps.Keys(policyNumbers[use.section]))
	switch {
	case !ok:
		p.faults = append(p.faults, &expressionError{Offset: use.name.Location().From, Message: "the name behind a tier or a cluster is a constant",
			Hint: fmt.Sprintf("write one of %v", known)})
	case !slices.Contains(known, name.Value):
		p.faults = append(p.faults, &expressionError{Offset: use.name.Location().From, Hint: didYouMean(name.Value, known),
			Message: fmt.Sprintf("policy.%s has no %s; known are %s", use.section, name.Value, strings.Join(known, ", "))})
	}
}

// Visit looks at one node; ast.Walk calls it.
func (p *policyFaults) Visit(node *ast.Node) {
	name, ok := (*node).(*ast.IdentifierNode)
	if ok && name.Value == "policy" && !p.whole[*node] {
		p.faults = append(p.faults, &expressionError{Offset: name.Location().From, Message: "a policy is read by section, key and name",
			Hint: "write policy.tiers[tier].lag_age, policy.inventory[cluster].nodes or policy.sdk_min[sdk_lang]"})
	}
}

// policyNumberKnown says that a call that gives a number names one that there may be.
func policyNumberKnown(call *ast.CallNode) bool {
	section, _ := call.Arguments[0].(*ast.StringNode)
	name, _ := call.Arguments[2].(*ast.StringNode)
	if section == nil || name == nil {
		return false
	}
	_, ok := policyNumbers[section.Value][name.Value]
	return ok
}
