package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
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

// PartialBytes is what a group's partial takes on weir.groups for each pane and source, in bytes, as docs/benchmarks.md has it
// of one with a histogram. Rules that read no histogram have smaller ones.
const PartialBytes = 105

// MaxGroups is how many groups a rule has before they are many. Not smaller: a large cluster has thousands of topics; not
// larger: an evaluator has room for rules.DefaultMaxGroups of all rules together.
const MaxGroups = 10_000

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

// bytesPerDay is what each source writes to weir.groups in a day for so many groups.
func bytesPerDay(groups int, pane time.Duration) float64 {
	return float64(groups) * PartialBytes * float64(24*time.Hour/pane)
}

// writtenPerDay is what each source writes to weir.groups in a day for a rule: nothing for an inspection.
func writtenPerDay(rule *rules.Rule, groups int, pane time.Duration) float64 {
	if rule.Lane == rules.LaneInspection {
		return 0
	}
	return bytesPerDay(groups, pane)
}

// size is a number of bytes as people read it.
func size(bytes float64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	for len(units) > 1 && bytes >= 999.5 {
		bytes, units = bytes/1000, units[1:]
	}
	return fmt.Sprintf("%.3g%s", bytes, units[0])
}

func findUnmatched(l *look) {
	seen := l.config.Seen
	if seen == nil {
		return
	}
	held := "what the store holds of the last " + short(seen.Span)
	for _, rule := range l.folder.Rules {
		groups := seen.groups(&rule.Grouping)
		if len(groups) == 0 {
			if asked, hint, ok := seen.whyNot(rule); ok {
				offset, keys := placeIn(rule, asked)
				l.say(rule.Fault("where admits nothing of "+held, hint, offset, keys...))
			}
			continue
		}
		var missing []string
		own := false
		for i, name := range rule.Grouping.By {
			if !slices.ContainsFunc(groups, func(values []string) bool { return values[i] != "" }) {
				missing = append(missing, name)
				own = own || !slices.Contains(telemetry.LabelNames, name)
			}
		}
		// Rules for many installations name well-known labels that some do not have.
		if len(missing) > 0 && (own || len(missing) == len(rule.Grouping.By)) {
			l.say(rule.Fault(fmt.Sprintf("by has %s, which nothing has of %s", strings.Join(missing, ", "), held), "it divides nothing: name labels that clients report", 0, "by"))
		}
	}
}

// placeIn is where a part of a rule's filter is written, or the filter where part is nil.
func placeIn(rule *rules.Rule, part ast.Node) (offset int, keys []string) {
	if part == nil {
		return 0, []string{"where"}
	}
	return rule.Place("where", part)
}

// whyNot says which part of a filter that admits no series asks for what none has, nil where none does by itself. It is false of
// a filter that contradicts itself.
func (s *Seen) whyNot(rule *rules.Rule) (asked ast.Node, hint string, ok bool) {
	if worlds := (&analysis{}).whereWorlds(rule, world{}); len(worlds) == 0 {
		return nil, "", false
	}
	for _, part := range joined(rule.WhereTree()) {
		label, texts := labelAsked(part)
		if label == "" || len(texts) == 0 || slices.Contains(texts, "") {
			continue // what has no such label is admitted
		}
		known := s.values(label)
		if !slices.ContainsFunc(texts, func(text string) bool { return slices.Contains(known, text) }) {
			return part, fmt.Sprintf("nothing has %s %s%s", label, alternatives(texts), likely(texts, known)), true
		}
	}
	return nil, "the alert cannot fire before something comes that it admits", true
}

// joined are the parts of a condition that and and or join.
func joined(node ast.Node) []ast.Node {
	n, ok := node.(*ast.BinaryNode)
	if !ok || !slices.Contains([]string{"and", "&&", "or", "||"}, n.Operator) {
		return []ast.Node{node}
	}
	return append(joined(n.Left), joined(n.Right)...)
}

// labelAsked is the label that must be one of some texts for a condition to be true, "" where there is none.
func labelAsked(node ast.Node) (label string, texts []string) {
	n, ok := node.(*ast.BinaryNode)
	if !ok || n.Operator != "==" && n.Operator != "in" {
		return "", nil
	}
	left, asked := n.Left, []ast.Node{n.Right}
	if list, ok := n.Right.(*ast.ArrayNode); ok {
		asked = list.Nodes
	} else if _, text := left.(*ast.StringNode); text {
		left, asked[0] = n.Right, left
	}
	for _, one := range asked {
		text, ok := one.(*ast.StringNode)
		if !ok {
			return "", nil
		}
		texts = append(texts, text.Value)
	}
	switch of := left.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(telemetry.LabelNames, of.Value) {
			label = of.Value
		}
	case *ast.CallNode:
		label, _ = labelCalled(of)
	}
	return label, texts
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

// alternatives are texts as people list them.
func alternatives(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return strings.Join(quoted, " or ")
}

// likely says which of some values was probably meant by one of some texts, nothing where none is near.
func likely(texts, known []string) string {
	best, similar := "", 0.5 // half of the letters: less is chance
	for _, text := range texts {
		for _, candidate := range known {
			if near := levenshtein.Similarity(text, candidate, nil); near > similar {
				best, similar = candidate, near
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// sayCrowded says which rules have many groups, of what the store holds.
func (l *look) sayCrowded() {
	seen := l.config.Seen
	if seen == nil {
		return
	}
	for _, rule := range l.folder.Rules {
		if groups := len(seen.groups(&rule.Grouping)); groups > MaxGroups && rule.Lane == rules.LaneRealtime {
			l.say(rule.Fault(fmt.Sprintf("by makes %d groups of what the store holds of the last %s, and more than %d are many: each source writes a partial of each in a pane, %s a day",
				groups, short(seen.Span), MaxGroups, size(bytesPerDay(groups, l.config.Pane))),
				"group by fewer labels, or let where leave out what the rule does not look at", 0, "by"))
		}
	}
}
