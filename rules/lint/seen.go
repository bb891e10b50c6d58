package lint

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Seen is what a store holds of a stretch of time up to now: sets of the labels that LabelsRead names. It must not be used by
// several goroutines at once.
type Seen struct {
	Series []telemetry.Labels
	Span   time.Duration // of event time

	held map[string][][]string // groups by the ID of their grouping
}

// LabelsRead are the names of the labels by which rules group and filter. all says that a filter looks for labels by names that
// are not written out.
func LabelsRead(rulesOf []*rules.Rule) (names []string, all bool) {
	for _, rule := range rulesOf {
		names = append(names, rule.Grouping.By...)
		tree := rule.WhereTree()
		if tree == nil {
			continue
		}
		ast.Walk(&tree, visitor(func(node *ast.Node) {
			switch n := (*node).(type) {
			case *ast.IdentifierNode:
				if slices.Contains(telemetry.LabelNames, n.Value) {
					names = append(names, n.Value)
				}
			case *ast.CallNode:
				name, call := labelCalled(n)
				switch {
				case name != "":
					names = append(names, name)
				case call:
					all = true
				}
			}
		}))
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// groups are the groups that a grouping has, each once.
func (s *Seen) groups(grouping *telemetry.Grouping) [][]string {
	if found, ok := s.held[grouping.ID]; ok {
		return found
	}
	var out [][]string
	known := map[string]bool{}
	for i := range s.Series {
		values, admitted := grouping.Values(&s.Series[i])
		if key := telemetry.GroupKey(grouping.ID, values); admitted && !known[key] {
			known[key] = true
			out = append(out, values)
		}
	}
	if s.held == nil {
		s.held = map[string][][]string{}
	}
	s.held[grouping.ID] = out
	return out
}

// Groups is how many groups a rule has; a variant of by_tier those of its tier.
func (s *Seen) Groups(rule *rules.Rule) int {
	count := 0
	for _, values := range s.groups(&rule.Grouping) {
		if rule.Covers(values) {
			count++
		}
	}
	return count
}

// labelCalled is the name that label() is given, "" where it is not written out; call says that it is label at all.
func labelCalled(n *ast.CallNode) (name string, call bool) {
	if rules.CalledName(n) != "label" || len(n.Arguments) != 1 {
		return "", false
	}
	if text, written := n.Arguments[0].(*ast.StringNode); written {
		name = text.Value
	}
	return name, true
}

// values are those of a label.
func (s *Seen) values(label string) []string {
	var out []string
	for i := range s.Series {
		if value := s.Series[i].Get(label); value != "" {
			out = append(out, value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
