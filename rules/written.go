package rules

import (
	"maps"
	"slices"
	"text/template"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

// written is where a rule stands in its file.
type written struct {
	decoder *decoder     // of the file
	layers  []*yaml.Node // what the rule is put together from, the outermost first; nil where there is none
}

// ofGroup are the layers that other rules have too: the group and its defaults.
func (w written) ofGroup() []*yaml.Node { return w.layers[:min(2, len(w.layers))] }

// find returns what stands under keys of the innermost layer that has them, nil where none has.
func (w written) find(keys ...string) *yaml.Node {
	for _, layer := range slices.Backward(w.layers) {
		if found := under(layer, keys); found != nil {
			return found
		}
	}
	return nil
}

// under returns what stands under keys of a mapping, nil where nothing does.
func under(node *yaml.Node, keys []string) *yaml.Node {
	for _, key := range keys {
		if node == nil || node.Kind != yaml.MappingNode {
			return nil
		}
		var value *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				value = node.Content[i+1]
			}
		}
		node = value
	}
	return node
}

// Fault says something of a rule: of character offset of the text that stands under keys of it, or of the rule's name where
// the rule itself has no such text. It must not be called at once by several goroutines for rules of one file.
func (r *Rule) Fault(message, hint string, offset int, keys ...string) Fault {
	fault := Fault{File: r.File, Line: r.Line, Column: r.column, Source: r.source, Message: message, Hint: hint}
	node := r.written.find(keys...)
	if node == nil || len(keys) == 0 {
		return fault
	}
	fault.Line, fault.Column = node.Line, node.Column
	if node.Kind == yaml.ScalarNode {
		fault.Line, fault.Column = r.written.decoder.place(node, offset)
	}
	fault.Source = r.written.decoder.line(fault.Line)
	return fault
}

// Condition is an expression of a rule, as its tree with constants in place of literals, and calls in place of comparisons of versions; Place
// says where its parts are written.
type Condition struct {
	Key     string
	Tree    ast.Node
	written *expression
}

// Said is a part of the tree as it is written, with its units, up to spacing. Of what is a let by itself it is what the let says.
func (c Condition) Said(part ast.Node) string { return c.written.saidItself(part) }

// Conditions are the expressions that say when the rule's alert fires.
func (r *Rule) Conditions() []Condition {
	var out []Condition
	for _, condition := range r.conditions {
		x := condition.text.scan()
		tree, err := x.parse()
		if err != nil {
			return nil // another language than the one it was loaded in
		}
		out = append(out, Condition{Key: condition.key, Tree: x.patched(tree), written: x})
	}
	return out
}

// Place is where a part of an expression of the rule is written: under which keys, and behind how many characters of the text there.
// key is that of the expression, as in Condition or "where", and part is of its tree.
func (r *Rule) Place(key string, part ast.Node) (offset int, keys []string) {
	hull, source := hullOfNode(part), r.filter
	for _, condition := range r.conditions {
		if condition.key == key {
			source = condition.text
		}
	}
	if hull.to == 0 { // put in for what is read of a policy
		return 0, []string{key}
	}
	of, at := source.innermost(hull.from, hull.to)
	if of == nil {
		return at, []string{key}
	}
	return at, []string{"let", of.name}
}

// Let is a named expression that a rule may use: its own, its tier's or its group's.
type Let struct {
	Name string
	Used bool // by this rule
	// Place is where its name stands, without a message.
	Place Fault
}

// Lets are all of a rule's layers, also those in whose place it has another.
func (r *Rule) Lets() []Let {
	var out []Let
	for _, layer := range r.written.layers {
		for key := range entries(under(layer, []string{"let"})) {
			named := r.lets.named[key.Value]
			out = append(out, Let{Name: key.Value, Used: named.key == key && named.used,
				Place: Fault{File: r.File, Line: key.Line, Column: key.Column, Source: r.written.decoder.line(key.Line)}})
		}
	}
	return out
}

// WhereTree is the tree of the rule's filter, nil where it has none.
func (r *Rule) WhereTree() ast.Node { return r.Filter().Tree }

// Filter is the expression that says which series count; its tree is nil where the rule has none.
func (r *Rule) Filter() Condition {
	if r.filter == nil {
		return Condition{}
	}
	x := r.filter.scan()
	tree, err := x.parse()
	if err != nil {
		return Condition{} // another language than the one it was loaded in
	}
	return Condition{Key: "where", Tree: x.patched(tree), written: x}
}

// Labels are the templates of the labels that the rule adds, by their names.
func (r *Rule) Labels() map[string]string { return templateTexts(r.labels) }

// Annotations are the templates of the rule's annotations, by their names.
func (r *Rule) Annotations() map[string]string { return templateTexts(r.annotations) }

func templateTexts(templates map[string]*template.Template) map[string]string {
	out := map[string]string{}
	for name, parsed := range templates {
		out[name] = ""
		if parsed != nil && parsed.Tree != nil {
			out[name] = parsed.Root.String()
		}
	}
	return out
}

// OtherTiers are the tiers that by_tier names and that a variant for DefaultTier is not asked of; nil of other rules.
func (r *Rule) OtherTiers() []string {
	if r.Tier != DefaultTier {
		return nil
	}
	return slices.Clone(r.named)
}

// Covers says that the rule is asked of a group, by the values of the labels that it groups by: a variant of by_tier is asked of
// its tier only.
func (r *Rule) Covers(values []string) bool { return r.covers(r.tierOf(values)) }

// Reads are the numbers and labels that the rule's expression reads, and where else in time it looks, in a fixed order.
func (r *Rule) Reads() []string {
	out := slices.Clone(r.reads.fields)
	var labels []string
	for _, condition := range r.Conditions() {
		found := namesRead{}
		ast.Walk(&condition.Tree, &found)
		out = append(out, slices.Compact(slices.Sorted(slices.Values(found.functions)))...)
		labels = append(labels, found.labels...)
	}
	out = append(out, slices.Compact(slices.Sorted(slices.Values(labels)))...)
	for _, span := range slices.Sorted(maps.Keys(r.reads.over)) {
		out = append(out, "over("+span+")")
	}
	for _, spans := range [][]string{slices.Sorted(maps.Keys(r.reads.ago)), slices.Sorted(maps.Keys(r.reads.past))} {
		for _, between := range spans {
			out = append(out, agoName+"("+between+")")
		}
	}
	for _, span := range slices.Sorted(maps.Keys(r.reads.baseline)) {
		out = append(out, baselineFunction+"("+span+")")
	}
	if r.reads.prev && !r.reads.departed {
		out = append(out, "prev")
	}
	return out
}

// namesRead are the functions of a span that an expression calls, and the labels that it names.
type namesRead struct{ functions, labels []string }

// Visit looks at one node; ast.Walk calls it.
func (r *namesRead) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if slices.Contains(telemetry.LabelNames, n.Value) {
			r.labels = append(r.labels, n.Value)
		}
	case *ast.CallNode:
		name := CalledName(n)
		if _, field := spanFields[name]; field {
			r.functions = append(r.functions, name)
		}
		if label, named := labelCalled(n); named {
			r.labels = append(r.labels, label)
		}
	}
}

// FieldUnit is what a field or a function of the view counts, and whether there is one of that name.
func FieldUnit(name string) (unit string, known bool) {
	unit, known = fieldUnits[name]
	return unit, known
}

// GroupKeys are the keys of a group, in the order in which they are written.
func GroupKeys() []string { return slices.Clone(groupKeys) }

// RuleKeys are the keys of a rule, in the order in which they are written.
func RuleKeys() []string { return slices.Clone(ruleKeys) }
