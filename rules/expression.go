package rules

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/telemetry"
)

// expressionError is something wrong at a place in an expression; Offset counts
// its characters from 0.
type expressionError struct {
	Offset  int
	Message string
	Hint    string
}

func (e *expressionError) Error() string { return e.Message }

// fieldNeeds are the parts of a group's totals that fields are made of; the others are
// made of what all have.
var fieldNeeds = map[string]telemetry.Parts{
	"p50": telemetry.PartLatency, "p90": telemetry.PartLatency, "p95": telemetry.PartLatency, "p99": telemetry.PartLatency,
	"p999": telemetry.PartLatency, "latency_max": telemetry.PartLatency, "latency_share_above": telemetry.PartLatency,
	"delay_p50": telemetry.PartDelay, "delay_p99": telemetry.PartDelay,
	"size_p50": telemetry.PartSize, "size_p99": telemetry.PartSize, "size_max": telemetry.PartSize, "size_avg": telemetry.PartSize,
	"heartbeat_p99": telemetry.PartHeartbeat,
	"clients":       telemetry.PartDistincts, "nodes": telemetry.PartDistincts, "version_share": telemetry.PartDistincts,
	"outdated": telemetry.PartDistincts, "departed_clients": telemetry.PartDistincts,
}

// reading is what a look at an expression's tree tells of it.
type reading struct {
	fields   []string // numeric fields of the view, in the order of their first use
	needs    telemetry.Parts
	over     map[string]time.Duration
	ago      map[string]time.Duration
	prev     bool
	departed bool
	// negates says that the expression may be true because a comparison is false, so
	// that a comparison with something unknown proves nothing.
	negates bool
	// presence says that the expression is never true because input is missing.
	presence bool
}

// noClock takes away what would make an evaluation depend on when it runs.
var (
	clocks  = []string{"now", "date", "timezone"}
	noClock = []expr.Option{expr.DisableBuiltin("now"), expr.DisableBuiltin("date"), expr.DisableBuiltin("timezone")}
)

// compileExpr checks and compiles a rule's condition.
func compileExpr(text string, by []string) (*vm.Program, reading, error) {
	program, err := expr.Compile(text, append([]expr.Option{expr.Env(View{}), expr.AsBool()}, noClock...)...)
	if err != nil {
		return nil, reading{}, explain(text, err, slices.Concat(viewNames, by, telemetry.LabelNames))
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, reading{}, explain(text, err, nil)
	}
	r := &reader{by: by, reading: reading{over: map[string]time.Duration{}, ago: map[string]time.Duration{}}}
	ast.Walk(&tree.Node, r)
	if err := cmp.Or(r.err, checkOps(&tree.Node)); err != nil {
		return nil, reading{}, err
	}
	r.reading.presence = showsPresence(tree.Node)
	return program, r.reading, nil
}

// compileWhere checks and compiles a filter of series; normal is its text without
// differences in spacing.
func compileWhere(text string) (where func(*telemetry.Labels) bool, normal string, err error) {
	program, err := expr.Compile(text, append([]expr.Option{expr.Env(seriesView{}), expr.AsBool()}, noClock...)...)
	if err != nil {
		return nil, "", explain(text, err, telemetry.LabelNames)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, "", explain(text, err, nil)
	}
	if err := checkOps(&tree.Node); err != nil {
		return nil, "", err
	}
	filters := sync.Pool{New: newSeriesFilter} // sources ask at once
	return func(labels *telemetry.Labels) bool {
		filter := filters.Get().(*seriesFilter)
		defer filters.Put(filter)
		return filter.admits(program, labels)
	}, tree.Node.String(), nil
}

// seriesFilter asks where expressions, one at a time. Each series is asked for each
// grouping when it is seen first: what a run needs is used again.
type seriesFilter struct {
	machine vm.VM
	labels  *telemetry.Labels
	label   func(name string) string // of labels
}

func newSeriesFilter() any {
	f := &seriesFilter{}
	f.label = func(name string) string { return f.labels.Get(name) }
	return f
}

func (f *seriesFilter) admits(program *vm.Program, labels *telemetry.Labels) bool {
	f.labels = labels
	admitted, err := f.machine.Run(program, newSeriesView(labels, f.label))
	f.labels = nil
	return err == nil && admitted.(bool)
}

var unknownName = regexp.MustCompile(`unknown name (\w+)|has no field (\w+)|unknown (?:builtin|function) (\w+)`)

// explain turns expr's error into one with a place and what was meant.
func explain(text string, err error, known []string) error {
	var at *file.Error
	if !errors.As(err, &at) {
		out := &expressionError{}
		out.Message, out.Hint = meant(err.Error())
		return out
	}
	out := &expressionError{Offset: at.From}
	out.Message, out.Hint = meant(strings.TrimSpace(at.Message))
	if match := unknownName.FindStringSubmatch(at.Message); match != nil {
		name := match[1] + match[2] + match[3]
		out.Message = fmt.Sprintf("unknown name %s", name)
		out.Hint = meantByName(text, at.From, name, known)
	}
	return out
}

// reader walks an expression's tree.
type reader struct {
	by      []string
	reading reading
	err     error
}

// Visit notes what one node reads; ast.Walk calls it.
func (r *reader) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		r.name(n.Value, n)
	case *ast.MemberNode:
		if property, ok := n.Property.(*ast.StringNode); ok {
			r.reading.needs |= fieldNeeds[property.Value]
		}
	case *ast.UnaryNode:
		r.reading.negates = r.reading.negates || n.Operator == "not" || n.Operator == "!"
	case *ast.BinaryNode:
		r.reading.negates = r.reading.negates || n.Operator == "!=" || n.Operator == "==" && (isCondition(n.Left) || isCondition(n.Right))
	case *ast.PredicateNode: // none(), one() and count() ask what is false too
		r.reading.negates = true
	case *ast.ConditionalNode:
		r.reading.negates = true
	case *ast.CallNode:
		r.call(n)
	}
}

// isCondition says that a node is true or false by itself.
func isCondition(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.BoolNode, *ast.PredicateNode:
		return true
	case *ast.UnaryNode:
		return n.Operator == "not" || n.Operator == "!"
	case *ast.BinaryNode:
		return !slices.Contains([]string{"+", "-", "*", "/", "%", "**", "^"}, n.Operator)
	}
	return false
}

func (r *reader) name(name string, node ast.Node) {
	r.reading.needs |= fieldNeeds[name]
	switch {
	case name == "prev":
		r.reading.prev = true
	case name == departedClients:
		r.reading.departed, r.reading.prev = true, true
	case slices.Contains(telemetry.LabelNames, name) && !slices.Contains(r.by, name):
		r.fail(node, fmt.Sprintf("label %s is not one the rule groups by", name), fmt.Sprintf("add it to by, or filter with where (by has %v)", r.by))
	}
	at, numeric := spanFields[name]
	numeric = numeric && at <= spanFields["volatility"] || name == departedClients || name == "completeness" || name == "late"
	if numeric && !slices.Contains(r.reading.fields, name) {
		r.reading.fields = append(r.reading.fields, name)
	}
}

func (r *reader) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) != 1 {
		return
	}
	argument, constant := n.Arguments[0].(*ast.StringNode)
	switch callee.Value {
	case "over", "ago":
		if !constant {
			r.fail(n, callee.Value+" takes a constant duration", fmt.Sprintf(`write %s("5m")`, callee.Value))
			return
		}
		span, err := parseDuration(argument.Value)
		if err == nil && span <= 0 {
			err = fmt.Errorf("got duration %q, want one above 0", argument.Value)
		}
		if err == nil && span > MaxLookback {
			err = fmt.Errorf("got duration %q, want at most %s", argument.Value, MaxLookback)
		}
		if err != nil {
			r.fail(argument, err.Error(), "")
			return
		}
		if callee.Value == "over" {
			r.reading.over[argument.Value] = span
		} else {
			r.reading.ago[argument.Value] = span
		}
	case "label":
		if !constant || !slices.Contains(r.by, argument.Value) {
			r.fail(n, "label() takes the name of a label that the rule groups by", fmt.Sprintf("by has %v", r.by))
		}
	}
}

func (r *reader) fail(node ast.Node, message, hint string) {
	if r.err == nil {
		r.err = &expressionError{Offset: node.Location().From, Message: message, Hint: hint}
	}
}

// SqueezeExpression is an expression with one blank for each stretch of blanks outside quotes: two that differ in spacing
// and folding only are equal then.
func SqueezeExpression(text string) string {
	var out strings.Builder
	quote, gap := rune(0), false
	for i, c := range strings.TrimSpace(text) {
		space := c == ' ' || c == '\t' || c == '\n' || c == '\r'
		if quote == 0 && space {
			gap = true
			continue
		}
		if gap {
			out.WriteByte(' ')
			gap = false
		}
		switch {
		case quote == 0 && strings.ContainsRune("\"'`", c):
			quote = c
		case c == quote && (quote == '`' || !escaped(strings.TrimSpace(text)[:i])):
			quote = 0
		}
		out.WriteRune(c)
	}
	return out.String()
}

// escaped says that an odd number of backslashes stands at the end.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}
