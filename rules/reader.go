package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// fieldNeeds are the parts of a group's totals that fields are made of; the others are
// made of what all have.
var fieldNeeds = map[string]telemetry.Parts{
	"p50": telemetry.PartLatency, "p90": telemetry.PartLatency, "p95": telemetry.PartLatency, "p99": telemetry.PartLatency,
	"p999": telemetry.PartLatency, "latency_max": telemetry.PartLatency, "latency_share_above": telemetry.PartLatency,
	"delay_p50": telemetry.PartDelay, "delay_p99": telemetry.PartDelay,
	"size_p50": telemetry.PartSize, "size_p99": telemetry.PartSize, "size_max": telemetry.PartSize, "size_avg": telemetry.PartSize,
	"heartbeat_p50": telemetry.PartHeartbeat, "heartbeat_p90": telemetry.PartHeartbeat, "heartbeat_p99": telemetry.PartHeartbeat,
	"clients": telemetry.PartDistincts, "nodes": telemetry.PartDistincts, "version_share": telemetry.PartDistincts,
	"outdated": telemetry.PartDistincts, "departed_clients": telemetry.PartDistincts,
}

// reading is what a look at an expression's tree tells of it.
type reading struct {
	fields   []string // numeric fields of the view, in the order of their first use
	needs    telemetry.Parts
	over     map[string]time.Duration
	ago      map[string]agoSpan       // by what stands between its brackets
	past     map[string]time.Duration // ago of more than MaxLookback
	baseline map[string]time.Duration
	prev     bool
	departed bool
	shown    []string // fields that annotations show
	// gaugesElsewhere says that gauges of another span are read.
	gaugesElsewhere bool
	policy          bool // reads it
	// versions says that a comparison of versions may make the expression true either way.
	versions bool
	// presence says that the expression is never true because input is missing.
	presence bool
}

// reader walks an expression's tree.
type reader struct {
	*expression
	by       []string
	anyLabel bool // it names labels of whatever rule uses it
	lane     Lane
	reading  reading
	faults   expressionErrors
}

func newReader(x *expression, by []string, lane Lane) *reader {
	return &reader{expression: x, by: by, lane: lane, reading: reading{over: map[string]time.Duration{}, ago: map[string]agoSpan{},
		past: map[string]time.Duration{}, baseline: map[string]time.Duration{}, policy: x.policy.used}}
}

// show adds what an annotation shows by a let. Its fields are none that the condition depends on.
func (r *reading) show(other reading) {
	for into, from := range map[*map[string]time.Duration]map[string]time.Duration{
		&r.over: other.over, &r.past: other.past, &r.baseline: other.baseline} {
		if *into == nil {
			*into = map[string]time.Duration{}
		}
		maps.Copy(*into, from)
	}
	if r.ago == nil {
		r.ago = map[string]agoSpan{}
	}
	maps.Copy(r.ago, other.ago)
	r.needs |= other.needs
	r.shown = append(r.shown, other.fields...)
	r.gaugesElsewhere = r.gaugesElsewhere || other.gaugesElsewhere
	r.prev, r.departed, r.policy = r.prev || other.prev, r.departed || other.departed, r.policy || other.policy
}

// Visit notes what one node reads; ast.Walk calls it.
func (r *reader) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		r.name(n.Value, n)
	case *ast.MemberNode:
		if property, ok := n.Property.(*ast.StringNode); ok {
			r.fieldElsewhere(n, property.Value)
			r.reading.needs |= fieldNeeds[property.Value]
			_, gauge := gaugeFields[property.Value]
			r.reading.gaugesElsewhere = r.reading.gaugesElsewhere || gauge
		}
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
	r.momentary(name, node)
	switch {
	case name == "prev":
		r.reading.prev = true
	case name == departedClients:
		r.reading.departed, r.reading.prev = true, true
	case slices.Contains(telemetry.LabelNames, name) && !slices.Contains(r.by, name):
		r.fail(node, fmt.Sprintf("label %s is not one the rule groups by", name), fmt.Sprintf("add it to by, or filter with where (by has %v)", r.by))
		r.last().of = aboutRule
	}
	if isNumeric(name) && !slices.Contains(r.reading.fields, name) {
		r.reading.fields = append(r.reading.fields, name)
	}
}

func (r *reader) call(n *ast.CallNode) {
	name := CalledName(n)
	r.versionCall(n, name)
	if name == agoName {
		r.ago(n)
	}
	if len(n.Arguments) != 1 {
		return
	}
	switch name {
	case "over":
		r.span(name, n.Arguments[0], r.reading.over)
	case baselineFunction:
		r.span(name, n.Arguments[0], r.reading.baseline)
	case "label":
		argument, constant := n.Arguments[0].(*ast.StringNode)
		if !constant || !r.anyLabel && !slices.Contains(r.by, argument.Value) {
			r.fail(n, "label() takes the name of a label that the rule groups by", fmt.Sprintf("by has %v", r.by))
			r.last().of = aboutRule
		}
	}
}

// span notes the span of time that a function is given.
func (r *reader) span(function string, argument ast.Node, spans map[string]time.Duration) {
	if text, span, ok := r.duration(function, argument, "write "+r.lane.spanExample(function)); ok {
		spans[text] = span
	}
}

// duration is the span of time that a function is given, as it is written; not ok where that is wrong.
func (r *reader) duration(function string, argument ast.Node, hint string) (written string, span time.Duration, ok bool) {
	literal, isLiteral := r.literal(argument)
	if isLiteral && literal.Message != "" {
		return "", 0, false
	}
	text, constant := argument.(*ast.StringNode)
	_, number := argument.(*ast.IntegerNode)
	switch {
	case isLiteral && !constant:
		r.misused(argument, fmt.Sprintf("%s takes a duration, and %s is %s", function, literal.Text, literal.Of.In()), hint)
		return "", 0, false
	case number:
		r.misused(argument, fmt.Sprintf("%s takes a duration with its unit", function), hint)
		return "", 0, false
	case !constant:
		r.misused(argument, function+" takes a constant duration", hint)
		return "", 0, false
	}
	read := parseDuration
	if function == baselineFunction {
		read = baselineSpan
	}
	span, err := read(text.Value)
	if err == nil && span <= 0 {
		err = fmt.Errorf("got duration %q, want one above 0", text.Value)
	}
	switch {
	case r.lane == LaneInspection && function == baselineFunction:
		r.fail(argument, "an inspection has no baseline: its windows have all hours of a day", "compare with over(7d), or with ago(7d)")
		return "", 0, false
	case err == nil && r.lane == LaneInspection:
		err = wholeDays(span)
	case err == nil && function == "over" && span > MaxSpan:
		err = fmt.Errorf("got duration %q, want at most %s", text.Value, FormatDuration(MaxSpan))
	}
	if err != nil {
		r.misused(argument, err.Error(), "")
		return "", 0, false
	}
	return text.Value, span, true
}

// versionCall checks the versions that a function of the view, or of a span elsewhere, is given.
func (r *reader) versionCall(n *ast.CallNode, name string) {
	if member, ok := n.Callee.(*ast.MemberNode); ok {
		if property, ok := member.Property.(*ast.StringNode); ok {
			name = property.Value
		}
	}
	var texts []*ast.StringNode
	for _, argument := range n.Arguments {
		if text, ok := argument.(*ast.StringNode); ok {
			texts = append(texts, text)
		}
	}
	if len(texts) < len(n.Arguments) {
		texts = nil // only texts that are written out can be checked
	}
	switch {
	case name == versionShareName && (len(n.Arguments) < 1 || len(n.Arguments) > 2):
		r.fail(n, fmt.Sprintf("%s takes a pattern, or an operator and a version", name), `write version_share("1.18.*") or version_share("<", "1.18.0")`)
	case name == versionShareName && len(n.Arguments) == 2 && !isConstantText(n.Arguments[0]):
		r.fail(n.Arguments[0], name+" takes a constant operator", `write version_share("<", "1.18.0")`)
	case name == versionShareName && len(texts) == 2:
		if !slices.Contains(comparing, texts[0].Value) {
			r.fail(texts[0], fmt.Sprintf("got operator %q, want one of %s", texts[0].Value, strings.Join(comparing, ", ")), "")
		}
		r.version(texts[1])
	case name == versionShareName && len(texts) == 1 && texts[0].Value == "":
		r.fail(texts[0], "an empty pattern asks for no version", `1 - version_share("?*") is the share of clients without one`)
	case name == versionShareName && len(texts) == 1:
		if _, err := path.Match(texts[0].Value, ""); err != nil {
			r.fail(texts[0], fmt.Sprintf("%q is no pattern", texts[0].Value), `a pattern has *, ? and [a-z], as in "1.18.*"`)
		}
	case name == "outdated" && len(texts) == 1:
		r.version(texts[0])
	}
}

func isConstantText(node ast.Node) bool {
	_, ok := node.(*ast.StringNode)
	return ok
}

func (r *reader) version(text *ast.StringNode) {
	if fault := versionFault(text.Value); fault != nil {
		r.fail(text, fault.Message, fault.Hint)
	}
}

func (r *reader) fail(node ast.Node, message, hint string) {
	r.faults = append(r.faults, &expressionError{Offset: node.Location().From, Message: message, Hint: hint})
}

func (r *reader) last() *expressionError { return r.faults[len(r.faults)-1] }

// misused is said of how a function is used: what it is given may be right elsewhere.
func (r *reader) misused(node ast.Node, message, hint string) {
	r.fail(node, message, hint)
	r.last().of = aboutUse
}
