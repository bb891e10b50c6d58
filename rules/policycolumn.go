package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/kernel"
)

// policyKey is the tier, cluster or language that something is read of a policy for: a constant, or a label of the group.
type policyKey struct {
	constant string
	label    int // its place in by, notLabel of a constant
}

const notLabel = -1

// policyKeyOf is the key that a node is; ok is false where it is neither a constant nor a label that groups are told apart by.
func policyKeyOf(node ast.Node, by []string) (key policyKey, ok bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return policyKey{n.Value, notLabel}, true
	case *ast.IdentifierNode:
		key = policyKey{label: slices.Index(by, n.Value)}
	case *ast.CallNode:
		name, named := labelCalled(n)
		if !named {
			return policyKey{}, false
		}
		key = policyKey{label: slices.Index(by, name)}
	default:
		return policyKey{}, false
	}
	return key, key.label != notLabel && by[key.label] != sdkVersion
}

func (k policyKey) of(values []string) string {
	if k.label == notLabel {
		return k.constant
	}
	return values[k.label]
}

// policyColumn is a number of the policy for all groups. Neither labels nor the policy change while a set of rules is
// loaded, so that it is kept while the groups are the same.
type policyColumn struct {
	section, name string
	key           policyKey
	filled        bool
	blocks        []*[kernel.BlockRows]float64
}

// policyColumnOf is the column that a node is, if it is a number of the policy.
func policyColumnOf(node ast.Node, by []string) (*policyColumn, bool) {
	call, ok := node.(*ast.CallNode)
	if !ok || CalledName(call) != policyNumberName {
		return nil, false
	}
	section, _ := call.Arguments[0].(*ast.StringNode)
	name, _ := call.Arguments[2].(*ast.StringNode)
	key, ok := policyKeyOf(call.Arguments[1], by)
	if section == nil || name == nil || !ok {
		return nil, false
	}
	return &policyColumn{section: section.Value, name: name.Value, key: key}, true
}

func (of *policyColumn) fill(policy *Policy, groups []*groupState) {
	of.filled = true
	for len(of.blocks)*kernel.BlockRows < len(groups) {
		of.blocks = append(of.blocks, new([kernel.BlockRows]float64))
	}
	for row, g := range groups {
		of.blocks[row/kernel.BlockRows][row%kernel.BlockRows] = policy.number(of.section, of.key.of(g.values), of.name)
	}
}

// minimumOf is the key of the lowest version allowed that a node is.
func minimumOf(node ast.Node, by []string) (policyKey, bool) {
	call, ok := node.(*ast.CallNode)
	if !ok || CalledName(call) != policyVersionName {
		return policyKey{}, false
	}
	return policyKeyOf(call.Arguments[0], by)
}
