package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// templateNames are the names that a template may use after a dot.
type templateNames struct {
	what   string   // label or annotation
	labels []string // of the rule's by
	fields []string // numbers of the view; a label's template has none
	lets   map[string]*let
}

// namesFor are the names for a rule's labels, or its annotations. Departed clients
// are known only where the expression counts them.
func namesFor(what string, rule *Rule) templateNames {
	names := templateNames{what: what, labels: rule.Grouping.By, lets: rule.lets.byName()}
	if what == "label" {
		return names
	}
	for _, name := range viewNames {
		if isNumeric(name) && (name != departedClients || rule.reads.departed || rule.program == nil) {
			names.fields = append(names.fields, name)
		}
	}
	return names
}

// kindOf says what stands behind a name.
func (n *templateNames) kindOf(name string) (kind, bool) {
	switch {
	case slices.Contains(n.labels, name):
		return kindText, true
	case slices.Contains(n.fields, name):
		return kindNumber, true
	case n.what != "label" && n.lets[name] != nil && (n.lets[name].shown != nil || n.lets[name].wrong):
		return n.lets[name].kind, true
	}
	return kindAny, false
}

// known says that something stands behind a name.
func (n *templateNames) known(name string) bool {
	_, ok := n.kindOf(name)
	return ok
}

// unknown says why a name is none.
func (n *templateNames) unknown(name string) *expressionError {
	switch {
	case n.what == "label" && (isNumeric(name) || n.lets[name] != nil):
		return &expressionError{Message: fmt.Sprintf("a label cannot show %s: it changes, and each value would be another alert", name),
			Hint: "show it in an annotation"}
	case n.lets[name] != nil:
		return &expressionError{Message: fmt.Sprintf("let %s is no number and no condition", name), Hint: "annotations show numbers and conditions"}
	case name == departedClients:
		return &expressionError{Message: name + " is known only where expr asks for it", Hint: "leave it out, or add it to expr"}
	case slices.Contains(viewNames, name):
		return &expressionError{Message: name + " is for expr alone", Hint: "annotations show numbers of the window"}
	case slices.Contains(telemetry.LabelNames, name):
		return &expressionError{Message: fmt.Sprintf("label %s is not one the rule groups by", name),
			Hint: fmt.Sprintf("add it to by (by has %v)", n.labels)}
	}
	hint := didYouMean(name, slices.Concat(n.labels, n.fields, slices.Sorted(maps.Keys(n.lets))))
	if hint == "" {
		if hint = didYouMean(name, telemetry.LabelNames); hint != "" {
			hint += " add it to by"
		}
	}
	if other := meantByAlertData(name); other != "" {
		hint = other
	}
	return &expressionError{Message: "unknown name " + name, Hint: hint}
}

// kind is what a part of a template gives.
type kind int

const (
	kindAny kind = iota // cannot be told
	kindText
	kindNumber  // floating-point, as all fields are
	kindInteger // a whole number written out, or a length
	kindTruth
	kindRoot // all labels and fields
)

func (k kind) String() string {
	return [...]string{"something", "text", "a number", "a whole number", "true or false", "all names"}[k]
}

// signature is what a function takes and gives. One that takes no kinds takes all.
type signature struct {
	least, most int // arguments; most -1 has no bound
	takes       []kind
	gives       kind
}

// unbounded is the number of arguments of a function that takes any number of them.
const unbounded = -1

// signatures are those of the functions that a template may call.
var signatures = func() map[string]signature {
	out := map[string]signature{
		"and": {least: 1, most: unbounded}, "or": {least: 1, most: unbounded}, "not": {least: 1, most: 1, gives: kindTruth},
		"eq": {least: 2, most: unbounded, gives: kindTruth}, "ne": {least: 2, most: 2, gives: kindTruth},
		"lt": {least: 2, most: 2, gives: kindTruth}, "le": {least: 2, most: 2, gives: kindTruth},
		"gt": {least: 2, most: 2, gives: kindTruth}, "ge": {least: 2, most: 2, gives: kindTruth},
		"len": {least: 1, most: 1, takes: []kind{kindText, kindRoot}, gives: kindInteger}, "slice": {least: 1, most: 3, takes: []kind{kindText}, gives: kindText},
		"index": {least: 1, most: unbounded, takes: []kind{kindText, kindRoot}},
		"print": {most: unbounded, gives: kindText}, "println": {most: unbounded, gives: kindText}, "printf": {least: 1, most: unbounded, gives: kindText},
		"html": {most: unbounded, gives: kindText}, "js": {most: unbounded, gives: kindText}, "urlquery": {most: unbounded, gives: kindText},
	}
	for name := range templateFunctions {
		out[name] = signature{least: 1, most: 1, takes: []kind{kindNumber}, gives: kindText}
	}
	return out
}()

func unknownFunction(name string, names *templateNames) *expressionError {
	out := &expressionError{Message: "unknown function " + name}
	if names.known(name) {
		out.Hint = "write ." + name
	} else if other := otherFormats[name]; other != "" {
		out.Hint = "did you mean \"" + other + "\"?"
	} else if name == "policy" {
		out.Hint = "annotations cannot show the policy; expr compares with it"
	} else {
		out.Hint = didYouMean(name, slices.Sorted(maps.Keys(signatures)))
	}
	return out
}

// arity says how many arguments a function takes, "" where it takes n of them.
func (s signature) arity(n int) string {
	switch {
	case n >= s.least && (s.most == unbounded || n <= s.most):
		return ""
	case s.most == unbounded:
		return fmt.Sprintf("%d arguments or more", s.least)
	case s.most == 1:
		return "1 argument"
	case s.least == s.most:
		return fmt.Sprintf("%d arguments", s.least)
	}
	return fmt.Sprintf("%d to %d arguments", s.least, s.most)
}

func (s signature) accepts(k kind) bool {
	return len(s.takes) == 0 || k == kindAny || slices.Contains(s.takes, k)
}

func (s signature) wanted() string {
	var out []string
	for _, k := range s.takes {
		out = append(out, k.String())
	}
	return strings.Join(out, " or ")
}
