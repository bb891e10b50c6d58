package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

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
