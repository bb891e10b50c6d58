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
	policyOwnersName  = "policy.owners"
)

// policyUse is what an expression reads of a policy: a number of a section, a version, or how many owners something has.
type policyUse struct {
	section string
	key     ast.Node
	name    ast.Node // nil of a version and of owners
}

// ownersAreRead says how.
const ownersAreRead = "write policy.owners[topic] or policy.owners[group]"

// owned are the labels whose values may have an owner.
var owned = []string{"topic", "group"}

// policyUseOf finds that a node is a whole use, such as policy.tiers[tier].lag_age.
func policyUseOf(node ast.Node) (policyUse, bool) {
	outer, ok := node.(*ast.MemberNode)
	if !ok {
		return policyUse{}, false
	}
	if section, ok := policySection(outer.Node); ok && (section == policySDKMin || section == policyOwners) {
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
	if u.section == policyOwners {
		of, cluster := &ast.StringNode{}, &ast.IdentifierNode{Value: "cluster"} // by which the rule groups, too
		cluster.SetLocation(u.key.Location())
		if label, ok := u.key.(*ast.IdentifierNode); ok {
			of.Value = label.Value
		}
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: policyOwnersName}, Arguments: []ast.Node{of, cluster, u.key}}
	}
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
	switch CalledName(call) {
	case policyVersionName:
		return unit.Plain, false, true
	case policyOwnersName:
		return unit.Plain, true, true
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
	words  map[int]bool // where a word of something that begins with policy stands
}

// checkPolicy finds whether a tree reads the policy, and what is wrong with how it does.
func checkPolicy(tree *ast.Node) *policyFaults {
	p := &policyFaults{whole: map[ast.Node]bool{}, words: map[int]bool{}}
	ast.Walk(tree, &policyParts{p})
	ast.Walk(tree, p)
	return p
}

// unless leaves out what Expr says of the words of a use that is wrong.
func (p *policyFaults) unless(said expressionErrors) expressionErrors {
	if len(p.faults) == 0 {
		return said
	}
	return slices.DeleteFunc(said, func(fault *expressionError) bool { return p.words[fault.Offset] })
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
	ast.Walk(&use.key, &policyKeys{p.policyFaults, use.section})
	if of, ok := use.key.(*ast.IdentifierNode); use.section == policyOwners && !(ok && slices.Contains(owned, of.Value)) {
		p.fail(use.key, "owners are those of a topic or of a group", ownersAreRead)
	}
	if use.name == nil {
		return
	}
	name, ok := use.name.(*ast.StringNode)
	known := slices.Sorted(maps.Keys(policyNumbers[use.section]))
	switch {
	case isClusters(use):
		p.fail(use.key, "clusters stands in "+PolicyFile+" alone", "write policy.inventory[cluster].nodes")
	case !ok:
		p.fail(use.name, "the name behind a tier or a cluster is a constant", "write one of "+strings.Join(known, ", "))
	case !slices.Contains(known, name.Value):
		p.fail(use.name, fmt.Sprintf("policy.%s has no %s; known are %s", use.section, name.Value, strings.Join(known, ", ")), didYouMean(name.Value, known))
	}
}

func (p *policyFaults) fail(at ast.Node, message, hint string) {
	p.faults = append(p.faults, &expressionError{Offset: at.Location().From, Message: message, Hint: hint})
}

// isClusters says that a use is written as the policy is: with clusters between the inventory and a cluster.
func isClusters(use policyUse) bool {
	key, ok := use.key.(*ast.StringNode)
	return ok && use.section == policyInventory && key.Value == policyClusters
}

// policyKeys finds what a predicate is asked of between the brackets of a use: nothing would see what it reads.
type policyKeys struct {
	*policyFaults
	section string
}

// Visit looks at one node; ast.Walk calls it.
func (k *policyKeys) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PointerNode); ok {
		k.fail(*node, fmt.Sprintf("policy.%s is read by a label that the rule groups by, or by a text, and # is another thing each time", k.section),
			"write the comparison for each, joined by or")
	}
}

// Visit looks at one node; ast.Walk calls it.
func (p *policyFaults) Visit(node *ast.Node) {
	if member, ok := (*node).(*ast.MemberNode); ok {
		p.sectionOf(member)
		if root := rootOf(member); root != nil && root.Value == "policy" {
			p.words[root.Location().From], p.words[member.Property.Location().From] = true, true
		}
	}
	name, ok := (*node).(*ast.IdentifierNode)
	if ok && name.Value == "policy" && !p.whole[*node] {
		p.fail(name, "a policy is read by section, key and name",
			"write policy.tiers[tier].lag_age, policy.inventory[cluster].nodes, policy.sdk_min[sdk_lang] or policy.owners[topic]")
	}
}

// rootOf is the name that a member begins with, nil where it is none.
func rootOf(member *ast.MemberNode) *ast.IdentifierNode {
	for {
		switch base := member.Node.(type) {
		case *ast.MemberNode:
			member = base
		case *ast.IdentifierNode:
			return base
		default:
			return nil
		}
	}
}

// sectionOf finds a section that there is not.
func (p *policyFaults) sectionOf(member *ast.MemberNode) {
	section, ok := policySection(member)
	if known := policySections; ok && !slices.Contains(known, section) {
		p.faults = slices.DeleteFunc(p.faults, func(fault *expressionError) bool { return fault.Offset == member.Node.Location().From })
		hint := didYouMean(section, known)
		if section == policyClusters {
			hint = "write policy.inventory[cluster].nodes"
		}
		p.fail(member.Property, fmt.Sprintf("a policy has no %s; known are %s", section, strings.Join(known, ", ")), hint)
	}
}

// policyNumberKnown says that a call that gives a number names one that there may be.
func policyNumberKnown(call *ast.CallNode) bool {
	if CalledName(call) == policyOwnersName {
		return true
	}
	section, _ := call.Arguments[0].(*ast.StringNode)
	name, _ := call.Arguments[2].(*ast.StringNode)
	if section == nil || name == nil {
		return false
	}
	_, ok := policyNumbers[section.Value][name.Value]
	return ok
}
