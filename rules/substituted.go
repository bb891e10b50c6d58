package rules

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// MaxSubstituted bounds the characters of an expression with the lets that it names put in. Not smaller: the longest shipped
// condition has 300, and generated ones list hundreds of names; not larger: lets that name others twice each double it every time.
const MaxSubstituted = 16 << 10

// substituted is an expression with the lets that it names put in, each in brackets. It is a text, not a tree of several texts:
// so each use of a let has places of its own, as what reads trees by places wants it. Offsets count characters.
type substituted struct {
	written string
	text    string
	uses    []letUse // the outermost ones, in their order
	in      *lets    // that it may name, nil for none
	tooLong *expressionError
}

// letUse is where an expression names a let.
type letUse struct {
	let   *let
	at    int  // of the name in what is written
	from  int  // of what stands for it in the text
	width int  // of what stands for it, with its brackets
	wrong bool // something is with the let: a name that nothing has stands for it
}

// standIn is the letter of names that stand for what is wrong: none of a field or function is made of it alone.
const standIn = "_"

func asWritten(text string) *substituted { return &substituted{written: text, text: text} }

// scan reads the literals.
func (s *substituted) scan() *expression {
	x := scanExpression(s.text)
	x.source = s
	return x
}

// put puts the lets into an expression. What is no expression stays: its fault is found where it is compiled.
func (l *lets) put(text string) *substituted {
	out := asWritten(text)
	out.in = l
	names := l.namedIn(text)
	var whole strings.Builder
	characters, copied, length := []rune(text), 0, 0
	for _, at := range slices.Sorted(maps.Keys(names)) {
		use := letUse{let: l.resolved(names[at], at), at: at, from: length + at - copied}
		value := strings.Repeat(standIn, utf8.RuneCountInString(use.let.name))
		if use.wrong = use.let.wrong; !use.wrong {
			value = "(" + use.let.whole.text + ")"
		}
		use.width = utf8.RuneCountInString(value)
		if length = use.from + use.width; length > MaxSubstituted {
			return &substituted{written: text, text: text, in: l, tooLong: &expressionError{Offset: at,
				Message: "the expression is too long with what its lets stand for", Hint: "a let that names others twice is twice as long as they are"}}
		}
		whole.WriteString(string(characters[copied:at]) + value)
		copied = at + utf8.RuneCountInString(use.let.name)
		out.uses = append(out.uses, use)
	}
	out.text = whole.String() + string(characters[copied:])
	return out
}

// namedIn finds where an expression names lets: by the characters before each name.
func (l *lets) namedIn(text string) map[int]*let {
	if l == nil || len(l.named) == 0 {
		return nil
	}
	tree, err := scanExpression(text).parse()
	if err != nil {
		return nil
	}
	names := letNames{lets: l, at: map[int]*let{}}
	ast.Walk(&tree, names)
	return names.at
}

// letNames gathers the names of lets in a tree.
type letNames struct {
	lets *lets
	at   map[int]*let
}

// Visit looks at one node; ast.Walk calls it, with the parts of a node before the node.
func (n letNames) Visit(node *ast.Node) {
	switch of := (*node).(type) {
	case *ast.IdentifierNode:
		if named := n.lets.named[of.Value]; named != nil {
			n.at[of.Location().From] = named
		}
	case *ast.CallNode: // a let is no function
		if callee := of.Callee.Location(); callee.To > 0 {
			delete(n.at, callee.From)
		}
	}
}

// place is where a character of the text is written; where it stands for a let, that is the name, and the use is returned.
func (s *substituted) place(offset int) (at int, use *letUse) {
	shift := 0
	for i := range s.uses {
		use := &s.uses[i]
		switch {
		case offset < use.from:
			return offset - shift, nil
		case offset < use.from+use.width:
			return use.at, use
		}
		shift += use.width - utf8.RuneCountInString(use.let.name)
	}
	return offset - shift, nil
}

// innermost is the let in whose own text a stretch of the text stands, and where; nil where that is the expression itself.
func (s *substituted) innermost(from, to int) (of *let, at int) {
	at, use := s.place(from)
	if use == nil || use.wrong || to > use.from+use.width {
		return nil, at
	}
	inside := use.from + len("(")
	end := utf8.RuneCountInString(use.let.whole.text)
	if of, at = use.let.whole.innermost(min(max(from-inside, 0), end), min(max(to-inside, 0), end)); of == nil {
		of = use.let
	}
	return of, at
}

// wordsOf are the characters of the text from one to another as they are written, and where they stand in it.
func (s *substituted) wordsOf(from, to int) (words string, at int) {
	at, use := s.place(from)
	if use != nil && !use.wrong && to <= use.from+use.width {
		if from == use.from && to == use.from+use.width {
			return use.let.name, at
		}
		return use.let.whole.wordsOf(max(from-use.from-len("("), 0), to-use.from-len("("))
	}
	end, last := s.place(to - 1)
	if end++; last != nil {
		end = last.at + utf8.RuneCountInString(last.let.name)
	}
	characters := []rune(s.written)
	return string(characters[min(at, len(characters)):min(end, len(characters))]), at
}

// joinedBy are two expressions as one.
func (s *substituted) joinedBy(operator string, other *substituted) *substituted {
	out := &substituted{in: s.in}
	for i, part := range []*substituted{s, other} {
		if i > 0 {
			out.written, out.text = out.written+" "+operator+" ", out.text+" "+operator+" "
		}
		out.written, out.text = out.written+"(", out.text+"("
		blanks := utf8.RuneCountInString(part.text) - utf8.RuneCountInString(strings.TrimLeft(part.text, whitespace))
		for _, use := range part.uses {
			use.at += utf8.RuneCountInString(out.written) - blanks
			use.from += utf8.RuneCountInString(out.text) - blanks
			out.uses = append(out.uses, use)
		}
		out.written, out.text = out.written+strings.Trim(part.written, whitespace)+")", out.text+strings.Trim(part.text, whitespace)+")"
	}
	return out
}

// whitespace is what may stand around an expression.
const whitespace = " \t\r\n"

// region is a stretch of a text that stands for a let.
type region struct {
	let      *let
	at       int // of the name in what is written
	from, to int
}

// regions are all of them, each before those inside it.
func (s *substituted) regions(shift int) []region {
	var out []region
	for _, use := range s.uses {
		if !use.wrong {
			out = append(out, region{use.let, use.at, shift + use.from, shift + use.from + use.width})
			out = append(out, use.let.whole.regions(shift+use.from+len("("))...)
		}
	}
	return out
}

// roots are the nodes of the text's tree that stand for lets, each with its uses from the outermost on.
func (s *substituted) roots(tree ast.Node) map[ast.Node][]region {
	regions := s.regions(0)
	if len(regions) == 0 {
		return nil
	}
	within := rootsWithin{regions, make([]ast.Node, len(regions))}
	ast.Walk(&tree, within)
	out := map[ast.Node][]region{}
	for i, root := range within.found {
		if root != nil {
			out[root] = append(out[root], regions[i])
		}
	}
	return out
}

// rootsWithin finds the last node that is visited of those inside each region, which is the one around the others.
type rootsWithin struct {
	regions []region
	found   []ast.Node
}

// Visit looks at one node; ast.Walk calls it, with the parts of a node before the node.
func (w rootsWithin) Visit(node *ast.Node) {
	if _, predicate := (*node).(*ast.PredicateNode); predicate {
		return // it has no word of its own
	}
	hull := hullOfNode(*node)
	for i, region := range w.regions {
		if region.from <= hull.from && hull.to <= region.to {
			w.found[i] = *node
		}
	}
}
