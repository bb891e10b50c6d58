package lint

import (
	"fmt"

	"github.com/weirmq/weir/rules"
)

var policyChecks = []Check{
	{Name: "policy-lacks", Says: "an expression that reads of the policy what `policy.yaml` does not say", find: findLacking,
		Why: "What the policy does not say is unknown, and nothing fires by it."},
}

// findLacking looks for what a folder's policy does not say, of a tier, cluster or language that is named, or of any.
func findLacking(l *look) {
	if l.folder.Policy == nil {
		return // said already
	}
	for _, rule := range l.folder.Rules {
		for _, condition := range rule.Conditions() {
			for _, read := range rules.PolicyReads(condition.Tree) {
				if l.folder.Policy.Says(read) {
					continue
				}
				offset, keys := rule.Place(condition.Key, read.Node)
				l.say(rule.Fault(fmt.Sprintf("%s does not say %s, which is unknown", rules.PolicyFile, condition.Said(read.Node)), "write it there, or name another", offset, keys...))
			}
		}
	}
}
