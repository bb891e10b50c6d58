package rules

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

var comparisons = []string{"eq", "ne", "lt", "le", "gt", "ge"}

// call checks a function's name and arguments, and returns what it gives.
func (r *templateReader) call(function *parse.IdentifierNode, arguments []argument, piped bool) kind {
	name := function.Ident
	known, ok := signatures[name]
	if !ok {
		r.fail(function.Pos, name, unknownFunction(name, &r.names))
		return kindAny
	}
	if want := known.arity(len(arguments)); want != "" {
		r.fail(function.Pos, name, &expressionError{Message: fmt.Sprintf("%s takes %s, got %d", name, want, len(arguments))})
		return known.gives
	}
	if len(known.takes) > 0 {
		r.subject(function, known, arguments[0], piped && len(arguments) == 1)
	}
	switch {
	case slices.Contains(comparisons, name):
		r.comparison(name, arguments)
	case name == "index" && arguments[0].kind == kindRoot:
		return r.indexed(arguments)
	case name == "printf":
		r.format(arguments)
	case (name == "and" || name == "or") && alike(arguments):
		return arguments[0].kind
	}
	return known.gives
}

// subject checks what a function is for, its first argument. A whole number that is
// written out as an argument of its own does for a number.
func (r *templateReader) subject(function *parse.IdentifierNode, known signature, given argument, piped bool) {
	_, literal := given.node.(*parse.NumberNode)
	if known.accepts(given.kind) || literal && !piped && slices.Contains(known.takes, kindNumber) {
		return
	}
	at, word := given.place(function)
	r.fail(at, word, &expressionError{Message: fmt.Sprintf("%s takes %s, got %s", function.Ident, known.wanted(), given.describe())})
}

// place is where an argument stands; one that was computed stands where it is used.
func (a argument) place(function *parse.IdentifierNode) (parse.Pos, string) {
	switch n := a.node.(type) {
	case *parse.FieldNode:
		return n.Pos, "." + n.Ident[0]
	case *parse.VariableNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.DotNode:
		return n.Position(), n.String()
	}
	return function.Pos, function.Ident
}

func (a argument) describe() string {
	if field, ok := a.node.(*parse.FieldNode); ok && len(field.Ident) == 1 {
		switch a.kind {
		case kindText:
			return "label " + field.Ident[0]
		case kindNumber:
			return "field " + field.Ident[0]
		}
	}
	switch a.node.(type) {
	case *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
		return a.node.String()
	}
	return a.kind.String()
}

func alike(arguments []argument) bool {
	return !slices.ContainsFunc(arguments, func(a argument) bool { return a.kind != arguments[0].kind })
}

// comparison checks that like is compared with like, as text/template wants it.
func (r *templateReader) comparison(name string, arguments []argument) {
	ordered := name != "eq" && name != "ne"
	for _, a := range arguments {
		if a.kind == kindRoot || a.kind == kindTruth && ordered {
			r.fail(a.node.Position(), a.node.String(), &expressionError{Message: fmt.Sprintf("%s cannot compare %s", name, a.describe())})
			return
		}
	}
	first := arguments[0]
	for _, other := range arguments[1:] {
		if first.kind == other.kind || first.kind == kindAny || other.kind == kindAny {
			continue
		}
		fault := &expressionError{Message: fmt.Sprintf("%s compares like with like, got %s and %s", name, first.describe(), other.describe())}
		at := other
		if first.kind == kindInteger {
			at = first
		}
		if literal, ok := at.node.(*parse.NumberNode); ok && first.kind != kindText && other.kind != kindText {
			fault.Hint = fmt.Sprintf("write %s.0", literal.Text)
		}
		word := at.node.String()
		if field, ok := at.node.(*parse.FieldNode); ok {
			word = "." + field.Ident[0]
		}
		r.fail(at.node.Position(), word, fault)
		return
	}
}

// indexed is a name that index looks up.
func (r *templateReader) indexed(arguments []argument) kind {
	if len(arguments) != 2 {
		return kindAny
	}
	name, ok := arguments[1].node.(*parse.StringNode)
	if !ok {
		return kindAny
	}
	found, known := r.names.kindOf(name.Text)
	if !known {
		r.fail(name.Pos, name.Quoted, r.names.unknown(name.Text))
		return kindAny
	}
	r.read = append(r.read, name.Text)
	return found
}

// format tries a constant format of printf: a wrong verb shows only in what is printed.
func (r *templateReader) format(arguments []argument) {
	format, ok := arguments[0].node.(*parse.StringNode)
	if !ok {
		return
	}
	var samples []any
	for _, a := range arguments[1:] {
		sample, ok := map[kind]any{kindText: "text", kindNumber: 1.5, kindInteger: 1, kindTruth: true}[a.kind]
		if !ok {
			return
		}
		samples = append(samples, sample)
	}
	printed := fmt.Sprintf(format.Text, samples...)
	_, wrong, bad := strings.Cut(printed, "%!")
	if !bad {
		return
	}
	wrong, _, _ = strings.Cut(wrong, ")")
	r.fail(format.Pos, format.Quoted, &expressionError{Message: fmt.Sprintf("printf would print %%!%s)", wrong), Hint: "%.0f, %.2f and %g are for numbers, %s is for text"})
}
