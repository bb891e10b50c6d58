package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/kernel"
	"github.com/weirmq/weir/telemetry"
)

// batch is the rules of one grouping, lowered to be evaluated over all its groups at once.
// What it finds false is false; what it finds true is asked again, with all that an alert says.
type batch struct {
	grouping  string
	rules     []batchRule
	plan      *kernel.Plan
	run       *kernel.Run
	columns   *columns
	took      time.Duration // the newest evaluation, for each rule
	foresight foresight
}

// asked is a condition of a rule that is asked of many groups: that of all its alerts, or that of critical ones.
type asked struct {
	rule *Rule
	of   *condition
}

// batchRule is one condition of a batch.
type batchRule struct {
	asked
	lowered   bool // else all groups are asked one by one
	condition kernel.Condition
	back      time.Duration // how far back it looks
	elsewhere bool          // in other spans than its window

	known      bool    // nothing that it reads is unknown, at the newest evaluation
	candidates []int32 // rows where the condition was found true, in ascending order
}

// newBatches lowers conditions, by grouping.
func newBatches(conditions []asked, pane time.Duration) map[string]*batch {
	batches := map[string]*batch{}
	for _, one := range conditions {
		grouping := one.rule.Grouping
		b := batches[grouping.ID]
		if b == nil {
			b = &batch{grouping: grouping.ID, plan: kernel.NewPlan(), columns: newColumns(pane, grouping.By)}
			batches[grouping.ID] = b
		}
		b.add(one)
	}
	for _, b := range batches {
		b.columns.bind(b.plan.Leaves())
		b.run = b.plan.NewRun(b.columns)
	}
	return batches
}

func (b *batch) add(one asked) {
	added := batchRule{asked: one, back: b.columns.wholePanes(one.rule.Window),
		elsewhere: one.of.reads.prev || len(one.of.reads.over) > 0 || len(one.of.reads.ago) > 0}
	for _, span := range one.of.reads.over {
		added.back = max(added.back, b.columns.wholePanes(span))
	}
	for _, ago := range one.of.reads.ago {
		added.back = max(added.back, b.columns.wholePanes(ago.back)+b.columns.wholePanes(ago.of(one.rule.Window)))
	}
	if one.of.reads.prev {
		added.back = max(added.back, 2*b.columns.wholePanes(one.rule.Window))
	}
	added.condition, _, added.lowered = b.plan.AddNecessary(one.of.tree, leafNames{b.columns, one}.leaf)
	b.rules = append(b.rules, added)
}

// leafNames finds which parts of a condition are columns.
type leafNames struct {
	columns *columns
	asked
}

// leaf names the column of a node; kernel.Leaves says how.
func (l leafNames) leaf(node ast.Node) (string, kernel.Kind, bool) {
	if text, ok := labelCondition(node); ok {
		program, err := expr.Compile(text, append([]expr.Option{expr.Env(View{}), expr.AsBool()}, noClock...)...)
		if err != nil {
			return "", 0, false
		}
		l.columns.addLabels(text, program)
		return text, kernel.Flag, true
	}
	window := l.columns.panes(l.rule.Window)
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return l.field(reach{0, window}, n.Value)
	case *ast.MemberNode:
		name, isName := n.Property.(*ast.StringNode)
		of, ok := l.elsewhere(n.Node)
		if !isName || !ok || n.Optional {
			return "", 0, false
		}
		return l.field(of, name.Value)
	case *ast.CallNode:
		return l.call(n)
	}
	return "", 0, false
}

// call is the column of a function of a span, or of a number of the policy.
func (l leafNames) call(n *ast.CallNode) (string, kernel.Kind, bool) {
	if number, ok := policyColumnOf(n, l.columns.by); ok {
		return l.columns.addPolicy(n.String(), number), kernel.Number, true
	}
	of, name := reach{0, l.columns.panes(l.rule.Window)}, ""
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		name = callee.Value
	case *ast.MemberNode:
		property, isName := callee.Property.(*ast.StringNode)
		found, ok := l.elsewhere(callee.Node)
		if !ok || !isName || callee.Optional {
			return "", 0, false
		}
		of, name = found, property.Value
	}
	field, ok := callField(name, n.Arguments, l.columns.by)
	if !ok {
		return "", 0, false
	}
	return l.columns.add(of, fmt.Sprintf("%s(%s)", name, n.Arguments), field), kernel.Number, true
}

// field is the column of a numeric field over a span.
func (l leafNames) field(of reach, name string) (string, kernel.Kind, bool) {
	column, ok := fieldSections[name]
	if !ok {
		return "", 0, false
	}
	return l.columns.add(of, name, column), kernel.Number, true
}

// elsewhere is the span that prev, over and ago name.
func (l leafNames) elsewhere(node ast.Node) (reach, bool) {
	window := l.columns.panes(l.rule.Window)
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return reach{window, window}, n.Value == "prev"
	case *ast.CallNode:
		function, spans := SpanCall(n)
		switch function {
		case "over":
			over, known := l.of.reads.over[spans[0]]
			return reach{0, l.columns.panes(over)}, known
		case agoName:
			ago, known := l.of.reads.ago[agoKey(spans[0], spans[1:])]
			return reach{l.columns.panes(ago.back), l.columns.panes(ago.of(l.rule.Window))}, known
		}
	}
	return reach{}, false
}

// labelCondition returns the text of a condition that looks at labels alone and cannot fail.
func labelCondition(node ast.Node) (text string, ok bool) {
	binary, ok := node.(*ast.BinaryNode)
	if !ok || !isText(binary.Left) {
		return "", false
	}
	switch binary.Operator {
	case "==", "!=", "startsWith", "endsWith", "contains":
		ok = isText(binary.Right)
	case "matches":
		_, ok = binary.Right.(*ast.StringNode)
	case "in":
		list, isList := binary.Right.(*ast.ArrayNode)
		ok = isList
		for i := 0; ok && i < len(list.Nodes); i++ {
			_, ok = list.Nodes[i].(*ast.StringNode)
		}
	default:
		ok = false
	}
	return node.String(), ok
}

// isText says that a node is a constant text or a label, but for one that is compared as a version.
func isText(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.StringNode:
		return true
	case *ast.IdentifierNode:
		return n.Value != sdkVersion && slices.Contains(telemetry.LabelNames, n.Value)
	case *ast.CallNode:
		name, named := labelCalled(n)
		return named && name != sdkVersion
	}
	return false
}

// evaluate finds the candidates of every rule among the groups at a time.
func (b *batch) evaluate(e *Evaluator, groups []*groupState, at time.Time) {
	for i := range b.rules {
		r := &b.rules[i]
		r.candidates = r.candidates[:0]
		if r.known = r.lowered && e.knowsAll(r, at); r.known {
			continue
		}
		for row := range groups {
			r.candidates = append(r.candidates, int32(row))
		}
	}
	if !b.look(e, groups, at) {
		b.columns.begin(e, groups, at)
		b.find(len(groups))
	}
}

// find appends to the candidates of the rules that are known where their conditions are true.
func (b *batch) find(groups int) {
	for block := 0; block*kernel.BlockRows < groups; block++ {
		b.run.Begin(block)
		first := kernel.FirstRows(groups - block*kernel.BlockRows)
		for i := range b.rules {
			r := &b.rules[i]
			if !r.known {
				continue
			}
			if found := b.run.Eval(r.condition, &first); !found.Empty() {
				found.Each(func(row int) { r.candidates = append(r.candidates, int32(block*kernel.BlockRows+row)) })
			}
		}
	}
}

// knowsAll says that a rule reads nothing unknown of any group at a time, but for its window
// where not all sources have passed it.
func (e *Evaluator) knowsAll(r *batchRule, at time.Time) bool {
	from := at.Add(-r.back)
	if r.elsewhere {
		if began, ok := e.begins.at[r.rule.Grouping.ID]; !ok || from.Before(began) {
			return false
		}
	}
	return !e.omits.since(r.rule.Grouping.ID, r.of.reads.needs, from)
}
