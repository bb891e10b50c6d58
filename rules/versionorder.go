package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/weirmq/weir/telemetry"
)

// sdkVersion is the label whose values are compared as versions.
const sdkVersion = "sdk_version"

// versionShareName is the function of a span that takes a pattern, or an operator and a version.
const versionShareName = "version_share"

// versionLiteral is what a version that a rule names looks like.
var versionLiteral = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)*(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// The names that comparisons of versions have as functions, the second where the outcome is used either way. Nobody can write
// them: they have blanks.
const (
	versionsCompared          = "versions compared by"
	versionsComparedEitherWay = "versions compared either way by"
)

// versionFunctions compare two versions by an operator, and give a value of their own where one is unknown.
var versionFunctions = []expr.Option{versionFunction(versionsCompared), versionFunction(versionsComparedEitherWay)}

func versionFunction(name string) expr.Option {
	return expr.Function(name, func(given ...any) (any, error) {
		left, operator, right, unknown := given[0].(string), given[1].(string), given[2].(string), given[3].(bool)
		if !knownVersion(left) || !knownVersion(right) {
			return unknown, nil
		}
		return ordered(compareVersions(left, right), operator), nil
	}, new(func(left, operator, right string, unknown bool) bool))
}

// ordered says whether an operator holds between what compares so.
func ordered(compared int, operator string) bool {
	switch operator {
	case "<":
		return compared < 0
	case "<=":
		return compared <= 0
	case ">":
		return compared > 0
	case ">=":
		return compared >= 0
	case "==":
		return compared == 0
	}
	return compared != 0
}

// sense says how a condition depends on a comparison in it.
type sense int

const (
	mixed    sense = iota // either way
	straight              // it is true rather where the comparison is
	reversed              // it is true rather where the comparison is false
)

func (s sense) not() sense {
	switch s {
	case straight:
		return reversed
	case reversed:
		return straight
	}
	return mixed
}

// versions are the comparisons of versions in an expression. A comparison with an unknown version proves nothing: it is false
// where that makes the condition false rather, and true under not. Where it is used either way, the condition is unknown.
type versions struct {
	senses map[file.Location]sense // of each, by its operator's place
	mixed  bool                    // some may make the condition true either way
	faults expressionErrors
}

// readVersions finds the comparisons of versions in a tree.
func readVersions(tree ast.Node) *versions {
	v := &versions{senses: map[file.Location]sense{}}
	v.read(tree, straight)
	return v
}

func (v *versions) read(node ast.Node, s sense) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		v.read(n.Node, s.not())
	case *ast.BinaryNode:
		v.binary(n, s)
	case *ast.ConditionalNode:
		v.read(n.Cond, mixed)
		v.read(n.Exp1, s)
		v.read(n.Exp2, s)
	default: // whatever stands in it: a function's arguments, a list, a predicate
		ast.Walk(&node, &versionsWithin{v})
	}
}

func (v *versions) binary(n *ast.BinaryNode, s sense) {
	switch {
	case slices.Contains([]string{"and", "&&", "or", "||"}, n.Operator):
		v.read(n.Left, s)
		v.read(n.Right, s)
	case comparesVersions(n):
		v.senses[n.Location()] = s
		v.mixed = v.mixed || s == mixed
		for _, side := range []ast.Node{n.Left, n.Right} {
			if text, ok := side.(*ast.StringNode); ok {
				v.literal(text)
			}
		}
	default:
		v.read(n.Left, mixed)
		v.read(n.Right, mixed)
	}
}

// versionsWithin finds comparisons whose outcome may be used either way.
type versionsWithin struct{ *versions }

// Visit looks at one node; ast.Walk calls it.
func (v *versionsWithin) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.BinaryNode); ok && comparesVersions(n) {
		v.binary(n, mixed)
	}
}

// literal notes a text that is no version.
func (v *versions) literal(text *ast.StringNode) {
	if fault := versionFault(text.Value); fault != nil {
		fault.Offset = text.Location().From
		v.faults = append(v.faults, fault)
	}
}

// versionFault says why a text is no version, nil where it is one.
func versionFault(text string) *expressionError {
	if versionLiteral.MatchString(text) {
		return nil
	}
	hint := `versions are numbers with dots, as in "1.18.0"`
	if prefix, _, pattern := strings.Cut(text, "*"); pattern {
		hint = fmt.Sprintf("ask for a pattern by %s startsWith %q, or by version_share(%q)", sdkVersion, prefix, text)
	}
	return &expressionError{Message: fmt.Sprintf("%q is no version", text), Hint: hint}
}

// comparesVersions says that an operator compares the label with a text. Beside the empty text it asks whether there is any.
func comparesVersions(n *ast.BinaryNode) bool {
	return slices.Contains(comparing, n.Operator) && (isVersion(n.Left) && isVersionText(n.Right) || isVersionText(n.Left) && isVersion(n.Right))
}

func isVersion(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value == sdkVersion
	case *ast.CallNode:
		name, named := labelCalled(n)
		return named && name == sdkVersion
	}
	return false
}

// isVersionText says that a node is a text other than the empty one, as far as can be told without types.
func isVersionText(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value != ""
	case *ast.IdentifierNode:
		return slices.Contains(telemetry.LabelNames, n.Value)
	case *ast.CallNode:
		if _, number, ok := policyCall(n); ok {
			return !number
		}
		return CalledName(n) == "label"
	}
	return false
}

// compareVersion puts a function in place of an operator that compares versions.
func (p *patcher) compareVersion(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if !ok || p.versions == nil {
		return
	}
	s, ok := p.versions.senses[n.Location()]
	if !ok {
		return
	}
	name := versionsCompared
	if s == mixed {
		name = versionsComparedEitherWay
	}
	callee := &ast.IdentifierNode{Value: name}
	callee.SetLocation(n.Location())
	ast.Patch(node, &ast.CallNode{Callee: callee, Arguments: []ast.Node{n.Left, &ast.StringNode{Value: n.Operator}, n.Right, &ast.BoolNode{Value: s == reversed}}})
}

// comparesLabels says that a call compares versions, which are labels of the group.
func comparesLabels(call *ast.CallNode) bool {
	return CalledName(call) == versionsCompared
}

// eitherWay says that a call compares versions and that its outcome is used either way.
func eitherWay(call *ast.CallNode) bool {
	return CalledName(call) == versionsComparedEitherWay
}

// otherwise is a node that differs from another where that is unknown: itself if it is a number, since NaN does, or the
// comparison of versions that gives the other value.
func otherwise(node ast.Node) ast.Node {
	call, ok := node.(*ast.CallNode)
	if !ok || !eitherWay(call) {
		return node
	}
	other := *call
	other.Arguments = append(slices.Clone(call.Arguments[:3]), &ast.BoolNode{Value: true})
	return &other
}
