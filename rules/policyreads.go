package rules

import "github.com/expr-lang/expr/ast"

// PolicyRead is a part of an expression that reads the policy.
type PolicyRead struct {
	Node    ast.Node
	Section string // as policy.yaml names it
	Key     string // the tier, the cluster or the language where it is written out, "" where a label says it
	Name    string // of the number, "" of a version and of owners
}

// PolicyReads are what the tree of a Condition reads of the policy.
func PolicyReads(tree ast.Node) []PolicyRead {
	var found policyReads
	ast.Walk(&tree, &found)
	return found
}

// policyReads gathers them.
type policyReads []PolicyRead

// Visit looks at one node; ast.Walk calls it.
func (p *policyReads) Visit(node *ast.Node) {
	call, ok := (*node).(*ast.CallNode)
	if _, number, policy := policyCall(*node); ok && policy {
		read := PolicyRead{Node: call, Section: policySDKMin}
		key := call.Arguments[0]
		switch {
		case CalledName(call) == policyOwnersName:
			read.Section, key = policyOwners, call.Arguments[2]
		case number:
			read.Section, read.Name = textOfNode(call.Arguments[0]), textOfNode(call.Arguments[2])
			key = call.Arguments[1]
		}
		read.Key = textOfNode(key)
		*p = append(*p, read)
	}
}

// textOfNode is a text that is written out, "" of anything else.
func textOfNode(node ast.Node) string {
	if text, ok := node.(*ast.StringNode); ok {
		return text.Value
	}
	return ""
}

// Says says whether the policy has what an expression reads; of a label's value whether it has that of any.
func (p *Policy) Says(read PolicyRead) bool {
	if read.Section == policySDKMin {
		_, ok := p.SDKMin[read.Key]
		return ok || read.Key == "" && len(p.SDKMin) > 0
	}
	if read.Section == policyOwners {
		return len(p.Owners) > 0
	}
	in := p.Tiers
	if read.Section == policyInventory {
		in = p.Clusters
	}
	if read.Key != "" {
		_, ok := in[read.Key][read.Name]
		return ok
	}
	for _, names := range in {
		if _, ok := names[read.Name]; ok {
			return true
		}
	}
	return false
}
