package lint

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
)

var conditionChecks = []Check{
	{Name: "never-true", Says: "an expression, or one side of an `or` in it, that contradicts itself or `where`", find: findDecided("never-true"),
		Why: "The alert never fires."},
	{Name: "always-true", Says: "an expression that is true whatever is measured", find: findDecided("always-true"),
		Why: "Every group has an alert, always."},
	{Name: "threshold-range", Says: "a field compared with a number that it is always or never above: shares are 0 to 1, nothing is negative, counts are whole",
		find: findThresholds, Why: "Most often the unit is another one: 5 for 5%."},
}

// findDecided looks for conditions that are decided before anything is measured.
func findDecided(check string) func(*look) {
	return func(l *look) {
		for _, rule := range l.folder.Rules {
			a := &analysis{place: " in where"}
			start := a.whereWorlds(rule, world{})
			if len(start) == 0 {
				continue // said already
			}
			for _, condition := range rule.Conditions() {
				if len(thresholds(condition)) > 0 {
					continue // said already
				}
				if check == "never-true" {
					l.neverTrue(rule, condition, start)
				} else {
					l.alwaysTrue(rule, condition, start)
				}
			}
		}
	}
}

// whereWorlds is what a rule's filter says of the labels of its groups, besides what is known; none where it admits nothing.
func (a *analysis) whereWorlds(rule *rules.Rule, known world) []world {
	filter := rule.Filter()
	if filter.Tree == nil {
		return []world{known}
	}
	a.said = filter.Said
	return a.refine(filter.Tree, []world{known}, true)
}

// tierWorld is what is known of the groups of a variant of by_tier.
func tierWorld(rule *rules.Rule) world {
	known := fact{onlySource: "tier " + rule.Tier + " of by_tier", only: []string{rule.Tier}}
	if rule.Tier == rules.DefaultTier {
		known.only, known.not = nil, rule.OtherTiers()
	}
	return world{tierLabel: known, labelCall(tierLabel): known}
}

// tierLabel is the label that by_tier goes by.
const tierLabel = "tier"

func (l *look) neverTrue(rule *rules.Rule, condition rules.Condition, start []world) {
	a := &analysis{said: condition.Said}
	dead := a.dead(condition.Tree, start)
	if len(dead) == 0 && rule.Tier != "" {
		dead = l.deadInTier(rule, condition)
	}
	for _, part := range dead {
		offset, keys := partOf(rule, condition, part.node)
		if keys[0] == "let" && len(a.refine(part.node, []world{{}}, true)) > 0 {
			continue // where the let is used otherwise it may be true
		}
		what := strings.Join(keys, " ")
		hint := "the alert never fires"
		if rule.Tier != "" {
			hint += " for tier " + rule.Tier
		}
		if part.node != condition.Tree {
			what, hint = "this side of or", "the rest of "+what+" decides"
		}
		l.say(rule.Fault(what+" is never true"+strings.TrimSuffix(": "+part.conflict, ": "), hint, offset, keys...))
	}
}

// partOf is where a part of a condition is written. All of it stands under its key, also where that names a let.
func partOf(rule *rules.Rule, condition rules.Condition, part ast.Node) (offset int, keys []string) {
	if part == condition.Tree {
		return 0, []string{condition.Key}
	}
	return rule.Place(condition.Key, part)
}

// deadInTier is what is never true of a variant's tier. Of a condition that other variants have too, a side of or may be meant
// for them, and all of it for those that by_tier names.
func (l *look) deadInTier(rule *rules.Rule, condition rules.Condition) []deadPart {
	place := rule.Fault("", "", 0, condition.Key)
	shared := slices.ContainsFunc(l.folder.Rules, func(other *rules.Rule) bool {
		return other != rule && other.Tier != "" && other.Fault("", "", 0, condition.Key) == place
	})
	if shared && rule.Tier == rules.DefaultTier {
		return nil
	}
	where, a := &analysis{place: " in where"}, &analysis{said: condition.Said}
	start := where.whereWorlds(rule, tierWorld(rule))
	if len(start) == 0 {
		return []deadPart{{condition.Tree, where.conflict}}
	}
	return slices.DeleteFunc(a.dead(condition.Tree, start), func(part deadPart) bool { return shared && part.node != condition.Tree })
}

func (l *look) alwaysTrue(rule *rules.Rule, condition rules.Condition, start []world) {
	a := &analysis{said: condition.Said}
	if len(a.refine(condition.Tree, start, false)) == 0 {
		offset, keys := partOf(rule, condition, condition.Tree)
		l.say(rule.Fault(strings.Join(keys, " ")+" is always true", "every group has an alert; ask for something that may not be so", offset, keys...))
	}
}

// deadPart is a part of a condition that is never true.
type deadPart struct {
	node     ast.Node
	conflict string
}

// dead returns the condition if it is never true, else the sides of or in it that are not.
func (a *analysis) dead(node ast.Node, in []world) []deadPart {
	a.conflict = ""
	if len(a.refine(node, in, true)) == 0 {
		return []deadPart{{node, a.conflict}}
	}
	n, ok := node.(*ast.BinaryNode)
	if !ok {
		return nil
	}
	switch n.Operator {
	case "or", "||":
		return append(a.dead(n.Left, in), a.dead(n.Right, in)...)
	case "and", "&&":
		return append(a.dead(n.Left, in), a.dead(n.Right, a.refine(n.Left, in, true))...)
	}
	return nil
}

// threshold is a comparison of a field with a number out of its range.
type threshold struct {
	node          ast.Node
	message, hint string
}

func findThresholds(l *look) {
	for _, rule := range l.folder.Rules {
		for _, condition := range rule.Conditions() {
			for _, found := range thresholds(condition) {
				offset, keys := rule.Place(condition.Key, found.node)
				l.say(rule.Fault(strings.Join(keys, " ")+": "+found.message, found.hint, offset, keys...))
			}
		}
	}
}

// thresholdWalk gathers thresholds; ast.Walk calls it.
type thresholdWalk struct {
	said  func(ast.Node) string
	found []threshold
}

func thresholds(condition rules.Condition) []threshold {
	walk := thresholdWalk{said: condition.Said}
	ast.Walk(&condition.Tree, &walk)
	return walk.found
}

// Visit looks at one node.
func (w *thresholdWalk) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if !ok || flipped[n.Operator] == "" {
		return
	}
	field, operator, number := n.Left, n.Operator, n.Right
	if _, isNumber := constantOf(field); isNumber {
		field, operator, number = n.Right, flipped[operator], n.Left
	}
	limit, isNumber := constantOf(number)
	unit, known := unitOf(field)
	if !isNumber || !known {
		return
	}
	span := natural(unit)
	written := w.said(n)
	range_ := fieldName(field) + " is never negative"
	if isShare(unit) {
		range_ = fieldName(field) + " is a share of 0 to 1"
	}
	point := interval{lo: limit, hi: limit}
	hint := ""
	if isShare(unit) && limit > 1 && limit <= 100 && limit == math.Trunc(limit) { // 150% is 1.5, and meant
		hint = fmt.Sprintf("write %g%%", limit)
	}
	switch {
	case strings.HasSuffix(w.said(number), "%") && !isShare(unit) && !strings.HasPrefix(unit, "ratio") && limit > 0 && limit < 1 && operator == ">":
		w.found = append(w.found, threshold{n, fmt.Sprintf("%s is true from the first on: %s counts %s", written, fieldName(field), unit), "compare a share, such as error_rate, or a number"})
	case !possible(span, operator, point):
		w.found = append(w.found, threshold{n, fmt.Sprintf("%s is never true: %s", written, range_), hint})
	case !possible(span, negated[operator], point):
		w.found = append(w.found, threshold{n, fmt.Sprintf("%s is always true: %s", written, range_), hint})
	}
}
