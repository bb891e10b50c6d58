package rules

import (
	"math"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/rules/unit"
	"github.com/weirmq/weir/telemetry"
)

// MaxExplained bounds the parts of an explanation. Not smaller: the longest shipped rule has 14; not larger: they stand in each
// record of the alert, some 80 bytes each.
const MaxExplained = 64

// MaxExplainedVersions bounds its versions. Not smaller: two in use and some that are left behind; not larger: as above.
const MaxExplainedVersions = 5

// explainer takes an expression apart, when an alert first needs it: most rules have none.
type explainer struct {
	condition string // its key in the rule, "" where it is the rule's only one
	source    *substituted
	once      sync.Once
	parts     []explainedPart
	more      int
}

// explainedPart is a part that has a value.
type explainedPart struct {
	telemetry.ExplainedPart // without its value
	value                   *vm.Program
	truth                   *compiledTruth // of a condition of which something may be unknown
}

// explain returns the parts with their values in a view, which is the one that the verdict was made of.
func (x *explainer) explain(view *View) ([]telemetry.ExplainedPart, int) {
	x.once.Do(x.takeApart)
	out := make([]telemetry.ExplainedPart, len(x.parts))
	machine, env := &vm.VM{}, any(*view) // once for all parts
	for i := range x.parts {
		out[i] = x.parts[i].ExplainedPart
		out[i].Value = x.parts[i].in(machine, env)
	}
	return out, x.more
}

// in is the part's value in a view, nil where it is unknown.
func (p *explainedPart) in(machine *vm.VM, view any) any {
	if p.truth != nil {
		active, indefinite, err := p.truth.in(machine, view)
		if err != nil || indefinite {
			return nil
		}
		return active
	}
	value, err := machine.Run(p.value, view)
	if err != nil { // what stands before it keeps the whole from being asked for it
		return nil
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		return float64(v.Int())
	case v.CanFloat():
		return finite(v.Float())
	}
	return value
}

// finite is a number as JSON can have it.
func finite(number float64) any {
	switch {
	case math.IsNaN(number):
		return nil
	case math.IsInf(number, 1):
		return "+Inf"
	case math.IsInf(number, -1):
		return "-Inf"
	}
	return number
}

// takeApart compiles the parts.
func (x *explainer) takeApart() {
	written, made := x.source.scan(), x.source.scan()
	tree, err := written.parse()
	compiled, again := made.parse()
	if err != nil || again != nil {
		return // it was compiled before
	}
	a := &apart{explainer: x, dimensions: &dimensions{expression: written, variables: map[string]quantity{}}}
	a.part(twin{tree, made.patched(compiled)}, 0)
}

// twin is a node as it is written, and as it is compiled.
type twin struct{ written, compiled ast.Node }

// apart gathers the parts of a tree.
type apart struct {
	*explainer
	dimensions *dimensions
}

// part notes a node and what it is made of. Above it stand the names of the lets that it is.
func (a *apart) part(of twin, depth int) {
	named := a.dimensions.lets[of.written]
	for _, use := range named {
		if a.note(of, shownAs{text: use.let.name, offset: use.at, depth: depth}) {
			depth++
		}
	}
	if len(named) > 0 && hasOwnText(of.written) {
		return
	}
	shown := shownAs{depth: depth, op: operatorOf(of.written)}
	shown.text, shown.offset = a.dimensions.textOf(of.written)
	if a.note(of, shown) {
		depth++
	}
	if text := a.spelled(of.written); text != "" {
		a.note(of, shownAs{text: text, depth: depth})
	}
	within := madeOf(of.written)
	for i, compiled := range madeOf(of.compiled) {
		if a.shows(of.written, within[i]) {
			a.part(twin{within[i], compiled}, depth)
		}
	}
}

// spelled is a field of a span that is a let as it is written without the let; "" of others.
func (a *apart) spelled(node ast.Node) string {
	member, ok := node.(*ast.MemberNode)
	if !ok {
		return ""
	}
	property, isName := member.Property.(*ast.StringNode)
	named := a.dimensions.lets[member.Node]
	if len(named) == 0 || !isName {
		return ""
	}
	return strings.TrimSpace(named[len(named)-1].let.whole.written) + "." + property.Value
}

// shows says that a part of a node is shown by itself. What a function is given, or a sign, has its value in the node's text, unless
// that is the name of a let.
func (a *apart) shows(node, part ast.Node) bool {
	switch node.(type) {
	case *ast.CallNode, *ast.BuiltinNode, *ast.UnaryNode:
		return !hasOwnText(part) || len(a.dimensions.lets[part]) > 0
	}
	return true
}

// shownAs is how a part is shown.
type shownAs struct {
	text   string
	offset int
	depth  int
	op     string
}

// operatorOf is a node's operator, "" where it has none.
func operatorOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.BinaryNode:
		return plainOperator(n.Operator)
	case *ast.UnaryNode:
		return plainOperator(n.Operator)
	}
	return ""
}

// note keeps a node where it has a value of its own that can be shown.
func (a *apart) note(of twin, shown shownAs) bool {
	program, kind, err := compilePart(of.compiled)
	if err != nil || kind != reflect.Bool && kind != reflect.String && (kind < reflect.Int || kind > reflect.Float64) {
		return false
	}
	if len(a.parts) >= MaxExplained {
		a.more++
		return true
	}
	if written := a.source.written; len(a.parts) == 0 { // the names that it declares stand before its words
		shown.text = strings.TrimSpace(written)
		shown.offset = utf8.RuneCountInString(written[:strings.Index(written, shown.text)])
	}
	part := explainedPart{ExplainedPart: telemetry.ExplainedPart{Text: shown.text, Offset: shown.offset, Depth: shown.depth, Op: shown.op}, value: program}
	if len(a.parts) == 0 {
		part.Condition = a.condition
	}
	if kind == reflect.Bool {
		if part.truth, err = compileTruth(of.compiled); err != nil {
			return false
		}
	} else if measures := a.dimensions.of(of.written); measures.known {
		part.Unit = shortUnit(measures.of)
	}
	a.parts = append(a.parts, part)
	return true
}

// shortUnit is the unit of a dimension as it stands behind a number.
func shortUnit(of unit.Dimension) string {
	switch of {
	case unit.Plain:
		return ""
	case unit.Time:
		return "s"
	case unit.Bytes:
		return "B"
	case unit.ByteRate:
		return "B/s"
	case unit.PerSecond:
		return "/s"
	}
	return of.String()
}
