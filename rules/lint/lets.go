package lint

import (
	"fmt"
	"slices"

	"github.com/weirmq/weir/rules"
)

var letChecks = []Check{
	{Name: "unused-let", Says: "a `let` that no rule uses, of those that could", find: findUnusedLets,
		Why: "Whoever changes it changes nothing: another expression decides, or one with its numbers written out."},
}

// findUnusedLets looks for lets that none of the rules uses that may. Where a rule of the file has a fault, it may be the one.
func findUnusedLets(l *look) {
	faulty := func(file string) bool {
		return slices.ContainsFunc(l.folder.Faults, func(fault rules.Fault) bool { return fault.File == file })
	}
	used := map[rules.Fault]bool{}
	for _, rule := range l.folder.Rules {
		for _, named := range rule.Lets() {
			used[named.Place] = used[named.Place] || named.Used
		}
	}
	for _, rule := range l.folder.Rules {
		for _, named := range rule.Lets() {
			if place := named.Place; !used[place] && !faulty(rule.File) {
				place.Message, place.Hint = fmt.Sprintf("let %s is used by no rule", named.Name), "use it, or take it away"
				l.say(place)
			}
		}
	}
}
