package lint

import (
	"path/filepath"
	"strings"

	"github.com/weirmq/weir/rules"
)

// Changed is what differs from former files.
type Changed struct {
	Rules    int       // that are new or say something else; those that moved do not count
	Problems []Problem // at those rules, and at no rule
}

// Since leaves out the problems of rules that the former files have too, in whatever order, place, spacing or style. A problem
// that stands at no rule stays, and so does one of two rules of one name if one of them changed.
func Since(problems []Problem, folder *rules.Folder, former []rules.File) Changed {
	known := map[string]int{}
	for _, file := range former {
		for _, rule := range layoutOf(file).rules {
			known[rule.content]++
		}
	}
	policyChanged := string(folder.PolicyText) != policyOf(former)
	var layouts []layout
	out, names := Changed{}, map[string]bool{}
	for _, file := range folder.Files {
		l := layoutOf(file)
		for i := range l.rules {
			rule := &l.rules[i]
			if known[rule.content] > 0 && !(policyChanged && strings.Contains(rule.content, "policy.")) {
				known[rule.content]--
				continue
			}
			rule.changed = true
			names[rule.alert] = true
			out.Rules++
		}
		layouts = append(layouts, l)
	}
	for _, p := range problems {
		if concerns(layouts, names, p) {
			out.Problems = append(out.Problems, p)
		}
	}
	return out
}

// concerns says that a problem stands at a rule that changed, or at no rule.
func concerns(layouts []layout, names map[string]bool, p Problem) bool {
	atRule := false
	for _, l := range layouts {
		for _, rule := range l.rules {
			if l.path == p.File && rule.holds(p.Line) {
				if rule.changed || names[rule.alert] {
					return true
				}
				atRule = true
			}
		}
	}
	return !atRule
}

// policyOf is the text of the policy among files, "" where there is none. Files of its name in folders below are none.
func policyOf(files []rules.File) string {
	path, text := "", ""
	for _, file := range files {
		if filepath.Base(file.Path) == rules.PolicyFile && (path == "" || len(file.Path) < len(path)) {
			path, text = file.Path, string(file.Content)
		}
	}
	return text
}
