package rules

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

// letValue is what a let stands for by itself.
type letValue struct {
	faults expressionErrors
	kind   kind           // kindNumber, kindTruth or kindText; kindAny of what no template can show, or what has a fault
	shown  *vm.Program    // of a number or a condition
	truth  *compiledTruth // of a condition of which something may be unknown
	reads  reading
}

// valueOf checks a let by itself: it may be of any type, and the labels that it names are those of whatever rule uses it. Rules of
// a group have many in common.
func (d *decoder) valueOf(s *substituted) letValue {
	key := s.text + "\x00" + string(s.in.lane) + "\x00" + strings.Join(s.in.names(), " ")
	value, known := d.letValues[key]
	if !known {
		value = newLetValue(s)
		if d.letValues == nil {
			d.letValues = map[string]letValue{}
		}
		d.letValues[key] = value
	}
	return value
}

func newLetValue(s *substituted) letValue {
	if s.tooLong != nil {
		return letValue{faults: expressionErrors{s.tooLong}}
	}
	x := s.scan()
	x.anyType = true
	tree, err := x.parse()
	if err != nil {
		return letValue{faults: quoted(s, append(x.faults(), x.explain(err, nil)).sorted())}
	}
	r := newReader(x, telemetry.LabelNames, s.in.lane)
	r.anyLabel = true
	faults := r.check(tree)
	_, wrong := x.compile(View{}, slices.Concat(viewNames, telemetry.LabelNames, s.in.names()))
	if faults = append(faults, x.policy.unless(wrong)...); len(faults) > 0 {
		return letValue{faults: quoted(s, faults.sorted())}
	}
	out := letValue{reads: r.reading}
	out.compile(x.patched(tree))
	return out
}

// textAlone is what looks like a text that has lost its quotes.
var textAlone = regexp.MustCompile(`^[\w.+-]+$`)

// quoted says of a let that is a word or a version that texts have quotes of their own.
func quoted(s *substituted, faults expressionErrors) expressionErrors {
	text := strings.TrimSpace(s.written)
	if len(faults) > 0 && textAlone.MatchString(text) && (faults[0].Hint == "" || unicode.IsDigit(rune(text[0]))) {
		faults[0].Hint = fmt.Sprintf(`a text has quotes of its own, as in '"%s"'`, text)
	}
	return faults
}

// compile makes what templates show.
func (v *letValue) compile(tree ast.Node) {
	program, kind, err := compilePart(tree)
	if err != nil {
		return
	}
	switch {
	case kind == reflect.Bool:
		truth, err := compileTruth(tree)
		if err == nil {
			v.kind, v.shown, v.truth = kindTruth, program, truth
		}
	case kind >= reflect.Int && kind <= reflect.Float64:
		v.kind, v.shown = kindNumber, program
	case kind == reflect.String:
		v.kind = kindText
	}
}

// in is the number in a view, NaN where it is unknown, or whether the condition is known to be true.
func (v *letValue) in(view *View) any {
	machine := vm.VM{}
	if v.truth != nil {
		active, _, err := v.truth.in(&machine, *view)
		return err == nil && active
	}
	value, err := machine.Run(v.shown, *view)
	if v.kind == kindTruth {
		return err == nil && value == true
	}
	number := reflect.ValueOf(value)
	switch {
	case err != nil:
		return math.NaN()
	case number.CanInt():
		return float64(number.Int())
	}
	return number.Float()
}

// shownAt is how many characters of a template stand before a name behind a dot.
func shownAt(template, name string) int {
	if at := regexp.MustCompile(`\.` + name + `\b`).FindStringIndex(template); at != nil {
		return runes(template, at[0]+len("."))
	}
	return 0 // it is looked up by another way
}

// show has a rule's annotations show a let.
func (d *decoder) show(node *yaml.Node, what string, named *let, rule *Rule) {
	if named.wrong {
		return
	}
	alone := &substituted{written: node.Value, text: "(" + named.whole.text + ")", in: rule.lets}
	alone.uses = []letUse{{let: named, at: shownAt(node.Value, named.name), width: len([]rune(named.whole.text)) + len("()")}}
	alone.use()
	x := alone.scan()
	tree, err := x.parse()
	if err != nil {
		return // it was parsed before
	}
	r := newReader(x, rule.Grouping.By, rule.Lane)
	ast.Walk(&tree, r)
	if d.substituted(node, what, alone, r.faults) {
		return
	}
	if !slices.Contains(rule.shows, named) {
		rule.shows = append(rule.shows, named)
		rule.reads.show(named.reads)
	}
}
