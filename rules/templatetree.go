package rules

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

// templateReader walks a template's tree, whichever branches a run would take, and
// notes what it reads and what cannot work.
type templateReader struct {
	source string
	names  templateNames
	vars   []templateVar
	read   []string // names after a dot
	faults []*expressionError
}

type templateVar struct {
	name string
	kind kind
}

// readTree checks a template; main is its tree.
func readTree(source string, main *parse.Tree, names templateNames) *templateReader {
	r := &templateReader{source: source, names: names, vars: []templateVar{{"$", kindRoot}}}
	r.list(main.Root, kindRoot)
	return r
}

// fail notes a fault at a word; the parser's positions are near it.
func (r *templateReader) fail(near parse.Pos, word string, fault *expressionError) {
	at := min(int(near), len(r.source))
	if !strings.HasPrefix(r.source[at:], word) {
		if back := strings.LastIndex(r.source[:at], word); back >= 0 {
			at = back
		}
	}
	fault.Offset = runes(r.source, at+len(word)-len(strings.TrimLeft(word, ".")))
	r.faults = append(r.faults, fault)
}

func (r *templateReader) list(list *parse.ListNode, dot kind) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			r.pipe(n.Pipe, dot)
		case *parse.IfNode:
			r.branch(&n.BranchNode, dot)
		case *parse.WithNode:
			r.branch(&n.BranchNode, dot)
		case *parse.RangeNode:
			r.branch(&n.BranchNode, dot)
		case *parse.TemplateNode:
			r.fail(n.Pos, n.Name, &expressionError{Message: "templates within templates are not for rules", Hint: "write its text here"})
		}
	}
}

func (r *templateReader) branch(n *parse.BranchNode, dot kind) {
	outer := len(r.vars)
	given, inside := r.pipe(n.Pipe, dot), dot
	switch n.NodeType {
	case parse.NodeWith:
		inside = given
	case parse.NodeRange:
		inside = kindAny
		for i := outer; i < len(r.vars); i++ {
			r.vars[i].kind = kindAny
		}
		if given != kindRoot {
			r.fail(n.Pipe.Pos, "", &expressionError{Message: fmt.Sprintf("range goes over lists, and this is %s", given)})
		}
	}
	r.list(n.List, inside)
	r.vars = r.vars[:min(outer, len(r.vars))]
	r.list(n.ElseList, dot)
	r.vars = r.vars[:min(outer, len(r.vars))]
}

// argument is what a function is given.
type argument struct {
	kind kind
	node parse.Node
}

// pipe returns what a pipeline gives.
func (r *templateReader) pipe(p *parse.PipeNode, dot kind) kind {
	if p == nil {
		return kindAny
	}
	var given *argument
	for _, command := range p.Cmds {
		given = &argument{r.command(command, dot, given), command}
		if len(command.Args) == 1 {
			given.node = command.Args[0]
		}
	}
	gives := kindAny
	if given != nil {
		gives = given.kind
	}
	for _, v := range p.Decl {
		name := v.Ident[0]
		at := slices.IndexFunc(r.vars, func(known templateVar) bool { return known.name == name })
		if p.IsAssign && at >= 0 && r.vars[at].kind != gives {
			r.vars[at].kind = kindAny
		}
		if !p.IsAssign {
			r.vars = append(r.vars, templateVar{name, gives})
		}
	}
	return gives
}

// command returns what one part of a pipeline gives, which may get what the part
// before gave.
func (r *templateReader) command(c *parse.CommandNode, dot kind, piped *argument) kind {
	if function, ok := c.Args[0].(*parse.IdentifierNode); ok {
		var arguments []argument
		for _, node := range c.Args[1:] {
			arguments = append(arguments, argument{r.operand(node, dot), node})
		}
		if piped != nil {
			arguments = append(arguments, *piped)
		}
		return r.call(function, arguments, piped != nil)
	}
	given := r.operand(c.Args[0], dot)
	if len(c.Args) > 1 || piped != nil {
		r.fail(c.Args[0].Position(), c.Args[0].String(), &expressionError{Message: c.Args[0].String() + " is no function and takes nothing"})
	}
	return given
}

// operand returns what one word gives.
func (r *templateReader) operand(node parse.Node, dot kind) kind {
	switch n := node.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return r.field(n.Pos, n.Ident, dot)
	case *parse.VariableNode:
		return r.field(n.Pos, n.Ident[1:], r.variable(n.Ident[0]))
	case *parse.ChainNode:
		return r.field(n.Pos, n.Field, r.operand(n.Node, dot))
	case *parse.PipeNode:
		return r.pipe(n, dot)
	case *parse.IdentifierNode:
		return r.call(n, nil, false)
	case *parse.StringNode:
		return kindText
	case *parse.BoolNode:
		return kindTruth
	case *parse.NumberNode:
		if n.IsFloat && strings.ContainsAny(n.Text, ".eEpP") {
			return kindNumber
		}
		return kindInteger
	}
	return kindAny
}

func (r *templateReader) variable(name string) kind {
	for i := len(r.vars) - 1; i >= 0; i-- {
		if r.vars[i].name == name {
			return r.vars[i].kind
		}
	}
	return kindAny
}

// field returns what a chain of names gives, beginning at something of a kind.
func (r *templateReader) field(at parse.Pos, names []string, of kind) kind {
	for i, name := range names {
		switch of {
		case kindAny:
			return kindAny
		case kindRoot:
			var known bool
			if of, known = r.names.kindOf(name); !known {
				r.fail(at, "."+name, r.names.unknown(name))
				return kindAny
			}
			r.read = append(r.read, name)
		default:
			fault := &expressionError{Message: fmt.Sprintf("%s has no field %s", of, name), Hint: "write $." + name + " inside with"}
			if i > 0 {
				fault = &expressionError{Message: fmt.Sprintf("%s is %s and has no field %s", names[i-1], of, name)}
			}
			r.fail(at, "."+name, fault)
			return kindAny
		}
	}
	return of
}
