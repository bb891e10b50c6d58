package lint

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// fact is what is known of one value: of a number its range, of a text which ones it may be.
type fact struct {
	interval
	bounded    bool     // the range says something
	lower      string   // the comparison that the lower end comes from, "" where it is the value's nature
	upper      string   // the same of the upper end
	only       []string // nil where any text may be
	not        []string // texts that it is not
	onlySource string   // the comparison behind only and not
}

// world is what must be so for a part of an expression to be true: facts by the text of the value. Worlds are never changed.
type world map[string]fact

// with returns a world with one more fact.
func (w world) with(value string, f fact) world {
	out := make(world, len(w)+1)
	maps.Copy(out, w)
	out[value] = f
	return out
}

// maxWorlds bounds the alternatives that are followed. Not smaller: a filter may list dozens of texts; not larger:
// alternatives multiply, and what is not followed is taken for possible.
const maxWorlds = 64

// analysis follows what an expression being true or false means for the values in it.
type analysis struct {
	said     func(ast.Node) string // how a part of the expression is written
	place    string                // where the comparisons stand, behind those that are cited
	conflict string                // what the last contradiction was
	at       ast.Node              // what it is in
}

// refine returns the worlds among in, each with what it means that node is want; none where it cannot be. What it does not
// understand it takes for possible.
func (a *analysis) refine(node ast.Node, in []world, want bool) []world {
	if len(in) == 0 {
		return nil
	}
	switch n := node.(type) {
	case *ast.BoolNode:
		if n.Value != want {
			return nil
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return a.refine(n.Node, in, !want)
		}
	case *ast.ConditionalNode:
		yes := a.refine(n.Exp1, a.refine(n.Cond, in, true), want)
		return a.either(in, yes, a.refine(n.Exp2, a.refine(n.Cond, in, false), want))
	case *ast.BinaryNode:
		return a.binary(n, in, want)
	}
	return in
}

// either joins alternatives.
func (a *analysis) either(in, one, other []world) []world {
	if len(one)+len(other) > maxWorlds {
		return in
	}
	return slices.Concat(one, other)
}

func (a *analysis) binary(n *ast.BinaryNode, in []world, want bool) []world {
	switch n.Operator {
	case "and", "&&", "or", "||":
		if both := (n.Operator == "and" || n.Operator == "&&") == want; both {
			return a.refine(n.Right, a.refine(n.Left, in, want), want)
		}
		return a.either(in, a.refine(n.Left, in, want), a.refine(n.Right, in, want))
	case "in":
		return a.member(n, in, want)
	}
	operator := n.Operator
	if !want {
		operator = negated[operator]
	}
	if operator == "" {
		return in
	}
	var out []world
	for _, w := range in {
		if next, ok := a.compare(n, operator, w); ok {
			out = append(out, next)
		}
	}
	return out
}

// contradict notes why a comparison cannot be.
func (a *analysis) contradict(n ast.Node, operator, source string) {
	a.at = n
	a.conflict = ""
	if source != "" {
		a.conflict = a.written(n, operator) + a.place + " contradicts " + source
	}
}

// compare returns a world with what a comparison says, false where it cannot be.
func (a *analysis) compare(n *ast.BinaryNode, operator string, w world) (world, bool) {
	value, text, isText := n.Left, "", false
	if t, ok := n.Right.(*ast.StringNode); ok {
		text, isText = t.Value, true
	} else if t, ok := n.Left.(*ast.StringNode); ok {
		value, text, isText = n.Right, t.Value, true
	}
	if isText {
		if operator != "==" && operator != "!=" {
			return w, true
		}
		return a.compareText(n, value, operator, []string{text}, w)
	}
	left, leftKnown := rangeOf(n.Left, w)
	right, rightKnown := rangeOf(n.Right, w)
	if !leftKnown || !rightKnown {
		return w, true
	}
	same := n.Left.String() == n.Right.String()
	if same && (operator == "<" || operator == ">" || operator == "!=") || !possible(left, operator, right) {
		a.contradict(n, operator, sourceOf(n, w))
		return nil, false
	}
	if limit, ok := constantOf(n.Right); ok {
		return a.bound(n, n.Left, operator, limit, w), true
	}
	if limit, ok := constantOf(n.Left); ok {
		return a.bound(n, n.Right, flipped[operator], limit, w), true
	}
	return w, true
}

// bound adds what a comparison with a constant says of a value.
func (a *analysis) bound(n *ast.BinaryNode, value ast.Node, operator string, limit float64, w world) world {
	if _, constant := constantOf(value); constant {
		return w
	}
	known, _ := rangeOf(value, w)
	next, source := w[value.String()], a.said(n)+a.place
	if operator != n.Operator {
		source = a.written(n, operator) + a.place
	}
	was := known
	known = known.narrowed(operator, limit)
	if known.lo != was.lo || known.loOpen != was.loOpen {
		next.lower = source
	}
	if known.hi != was.hi || known.hiOpen != was.hiOpen {
		next.upper = source
	}
	next.interval, next.bounded = known, true
	return w.with(value.String(), next)
}

// sourceOf is the comparison that a contradiction contradicts.
func sourceOf(n *ast.BinaryNode, w world) string {
	for _, value := range []ast.Node{n.Left, n.Right} {
		known := w[value.String()]
		other := n.Right
		if value == n.Right {
			other = n.Left
		}
		limit, ok := constantOf(other)
		switch {
		case ok && known.lower != "" && limit <= known.lo:
			return known.lower
		case ok && known.upper != "" && limit >= known.hi:
			return known.upper
		case ok && known.lower != "":
			return known.lower
		case ok && known.upper != "":
			return known.upper
		}
	}
	return ""
}

func (a *analysis) member(n *ast.BinaryNode, in []world, want bool) []world {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return in
	}
	var texts []string
	for _, item := range list.Nodes {
		text, isText := item.(*ast.StringNode)
		if !isText {
			return in
		}
		texts = append(texts, text.Value)
	}
	operator := "=="
	if !want {
		operator = "!="
	}
	var out []world
	for _, w := range in {
		if next, ok := a.compareText(n, n.Left, operator, texts, w); ok {
			out = append(out, next)
		}
	}
	return out
}

// compareText adds that a value is one of some texts, or none of them.
func (a *analysis) compareText(n, value ast.Node, operator string, texts []string, w world) (world, bool) {
	if literal, ok := value.(*ast.StringNode); ok {
		return w, slices.Contains(texts, literal.Value) == (operator == "==")
	}
	known := w[value.String()]
	left := known.only
	switch {
	case operator == "==" && left == nil:
		left = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return slices.Contains(known.not, t) })
	case operator == "==":
		left = slices.DeleteFunc(slices.Clone(left), func(t string) bool { return !slices.Contains(texts, t) })
	case left != nil:
		left = slices.DeleteFunc(slices.Clone(left), func(t string) bool { return slices.Contains(texts, t) })
	default:
		known.not = slices.Concat(known.not, texts)
	}
	if left != nil && len(left) == 0 {
		a.contradict(n, operator, known.onlySource)
		return nil, false
	}
	if known.onlySource == "" || left != nil && (known.only == nil || len(left) < len(known.only)) {
		known.onlySource = a.written(n, operator) + a.place
	}
	known.only = left
	return w.with(value.String(), known), true
}

// rangeOf is what a number may be, false where the node is none, or nothing is known of it.
func rangeOf(node ast.Node, w world) (interval, bool) {
	if limit, ok := constantOf(node); ok {
		return interval{lo: limit, hi: limit}, true
	}
	if known, ok := w[node.String()]; ok && known.bounded {
		return known.interval, true
	}
	if unit, ok := unitOf(node); ok {
		return natural(unit), true
	}
	n, ok := node.(*ast.BinaryNode)
	if !ok {
		return everything(), isNumeric(node)
	}
	left, leftKnown := rangeOf(n.Left, w)
	right, rightKnown := rangeOf(n.Right, w)
	if !leftKnown || !rightKnown {
		return interval{}, false
	}
	return arithmetic(n.Operator, left, right)
}

// isNumeric says of what has no unit whether it is a number.
func isNumeric(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return !slices.Contains(telemetry.LabelNames, n.Value)
	case *ast.BuiltinNode:
		return n.Name == "max" || n.Name == "min" || n.Name == "abs"
	}
	return false
}

// fieldName is the name of a field of the view, or of a span elsewhere in time; "" where the node is none.
func fieldName(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		if property, ok := n.Property.(*ast.StringNode); ok {
			return property.Value
		}
	case *ast.CallNode:
		return fieldName(n.Callee)
	}
	return ""
}

// unitOf is the unit of a field of the view.
func unitOf(node ast.Node) (string, bool) {
	name := fieldName(node)
	if slices.Contains(telemetry.LabelNames, name) || slices.Contains([]string{"", "label", "over", "ago", "baseline", "prev"}, name) {
		return "", false
	}
	return rules.FieldUnit(name)
}

// visitor is a function that ast.Walk calls.
type visitor func(*ast.Node)

// Visit looks at one node.
func (v visitor) Visit(node *ast.Node) { v(node) }
