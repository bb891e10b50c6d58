package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

// letName is what a let may be called: a name like those of fields. What begins with _ stands for literals.
var letName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// reserved are the words of the language of expressions, which no let can have for a name; behind a number, /s is a unit.
var reserved = []string{"and", "or", "not", "in", "let", "if", "else", "true", "false", "nil", "matches", "contains", "s"}

// let is a named expression.
type let struct {
	name       string
	key, value *yaml.Node
	own        bool // of the rule or its tier, not of its group
	hides      bool // another one of its name in an outer layer
	used       bool // by a condition, the filter or a text of the rule, also through another let
	wrong      bool // something is, or with what it names, and that is said
	done       bool // whole is known
	whole      *substituted
	letValue
}

// lets are the named expressions of a rule. They name each other in any order.
type lets struct {
	decoder *decoder
	lane    Lane
	named   map[string]*let
	order   []*let            // as they are written, outer layers first
	others  map[string]string // names of those that other tiers have, with the tier
	path    []*let            // that are being resolved, each named by the one before it
}

// lets decodes those of all layers: an inner one takes the place of one of the same name, also in what names that.
func (d *decoder) lets(from layers, rule *Rule) *lets {
	out := &lets{decoder: d, lane: rule.Lane, others: rule.tierLets, named: map[string]*let{}}
	for _, mapping := range from.values("let") {
		own := !slices.ContainsFunc(rule.written.ofGroup(), func(layer *yaml.Node) bool { return under(layer, []string{"let"}) == mapping })
		given := d.mapping(mapping, "the lets", nil)
		for key, value := range entries(mapping) {
			if given[key.Value] == value {
				out.add(&let{name: key.Value, key: key, value: value, own: own}, rule.Grouping.By)
			}
		}
	}
	for _, named := range out.order {
		out.resolve(named)
	}
	return out
}

// add takes a let, unless its name is that of something else.
func (l *lets) add(named *let, by []string) {
	what := taken(named.name, by)
	switch {
	case what != "":
		l.decoder.fault(named.key, "give it another name, such as my_"+named.name, "let %s has the name of %s", named.name, what)
	case !letName.MatchString(named.name):
		l.decoder.fault(named.key, "", "got let name %q, want small letters, digits and _, with a letter first", named.name)
	}
	named.wrong = !l.decoder.letText(named) || what != "" || !letName.MatchString(named.name)
	if outer := l.named[named.name]; outer != nil {
		named.hides = true
		l.order = slices.DeleteFunc(l.order, func(other *let) bool { return other == outer })
	}
	l.named[named.name] = named
	l.order = append(l.order, named)
}

// taken is what else has a name, "" where nothing does.
func taken(name string, by []string) string {
	_, function := builtin.Index[name]
	switch {
	case slices.Contains(by, name) || slices.Contains(telemetry.LabelNames, name):
		return "a label"
	case name == "policy":
		return "the policy"
	case slices.Contains(viewNames, name) || function:
		return "a field or function"
	case slices.Contains(reserved, name):
		return "a word of expressions"
	}
	return ""
}

// letText says whether a let has a text.
func (d *decoder) letText(named *let) bool {
	switch value := named.value; {
	case value.Kind == yaml.SequenceNode:
		d.fault(value, `write it as a text, as in '["S1", "S2"]'`, "got a list, want an expression for let %s", named.name)
	case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
		d.fault(value, "", "got %s, want an expression for let %s", kindName(value), named.name)
	case strings.TrimSpace(value.Value) == "":
		d.fault(value, "take it away, or give it a value such as 800ms", "let %s is empty", named.name)
	default:
		return true
	}
	return false
}

// names are those of all lets.
func (l *lets) names() []string {
	if l == nil {
		return nil
	}
	var out []string
	for _, named := range l.order {
		out = append(out, named.name)
	}
	return out
}

// elsewhere is where there is a let of a name that a rule does not have, as a hint; "" where nowhere.
func (l *lets) elsewhere(name string) string {
	if l == nil {
		return ""
	}
	if tier := l.others[name]; tier != "" {
		return fmt.Sprintf("tier %s has a let of that name: give the rule one too, for the other tiers", tier)
	}
	if group := l.decoder.groupLets[name]; group != "" {
		return fmt.Sprintf("group %s has a let of that name, which holds for its rules only", group)
	}
	return ""
}

// byName are those that have no name of something else.
func (l *lets) byName() map[string]*let {
	if l == nil {
		return nil
	}
	return l.named
}

// resolved is a let that is named at a place of the one that is being resolved.
func (l *lets) resolved(named *let, at int) *let {
	if from := slices.Index(l.path, named); from >= 0 {
		l.circle(l.path[from:], at)
	} else {
		l.resolve(named)
	}
	return named
}

// circle says that the last of some lets names the first of them.
func (l *lets) circle(of []*let, at int) {
	var names []string
	hint := "write out what one of them stands for"
	for _, named := range of {
		names = append(names, named.name)
		if named.hides {
			hint = fmt.Sprintf("%s takes the place of its group's or rule's; give it another name", named.name)
		}
		named.wrong = true
	}
	last := of[len(of)-1]
	l.decoder.expression(last.value, "let "+last.name, &expressionError{Offset: at, Hint: hint,
		Message: fmt.Sprintf("%s is made of itself: %s -> %s", of[0].name, strings.Join(names, " -> "), of[0].name)})
}

// resolve puts into a let what it names, and checks it.
func (l *lets) resolve(named *let) {
	if named.done {
		return
	}
	if named.done = true; named.wrong {
		return
	}
	l.path = append(l.path, named)
	named.whole = l.put(named.value.Value)
	if l.path = l.path[:len(l.path)-1]; named.wrong {
		return
	}
	named.letValue = l.decoder.valueOf(named.whole)
	named.wrong = l.decoder.substituted(named.value, "let "+named.name, named.whole, named.faults) ||
		slices.ContainsFunc(named.whole.uses, func(use letUse) bool { return use.wrong })
}

// use notes that a rule needs a let, and those that it names.
func (s *substituted) use() {
	for _, of := range s.uses {
		if of.let.used {
			continue
		}
		if of.let.used = true; of.let.whole != nil {
			of.let.whole.use()
		}
	}
}
