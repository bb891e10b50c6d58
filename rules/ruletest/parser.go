package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
)

// parser reads a file line by line.
type parser struct {
	file   *File
	faults rules.Faults
	at     int    // line, from 0
	line   string // without its line break
	before settings
	now    *Case // nil before the first one
	policy *rules.Policy
}

// arguments are what a command is read from: its words, the first of them its name.
type arguments struct {
	words []word
	place place
}

// keywords are the first words of lines, and how the rest is read.
var keywords map[string]func(*parser, arguments)

func init() { // a map that its functions refer to
	keywords = map[string]func(*parser, arguments){
		"pane": (*parser).pane, "sources": (*parser).sources, "rules": (*parser).rules,
		"start": (*parser).start, "at": (*parser).reports, "advance": (*parser).advance, "restart": (*parser).restart,
		"crash": (*parser).crash, "forget": (*parser).forget, "gap": (*parser).gap, "reload": (*parser).reload, "aggregate": (*parser).reload, "show": (*parser).show, "inspect": (*parser).inspect,
		"expect": (*parser).expect, "want": (*parser).want,
	}
}

func (p *parser) parseLine(line string) {
	p.line = line
	if named, ok := caseName(line); ok {
		p.beginCase(1+characters(line)-characters(strings.TrimLeft(line, " \t")), named)
		return
	}
	words, column, fault := scan(line)
	if fault != "" {
		p.fault(column, fault, "")
		return
	}
	if len(words) == 0 {
		return
	}
	if p.now != nil {
		p.now.lastLine = p.at + 1
	}
	first := words[0]
	read := keywords[first.text]
	switch {
	case read == nil:
		known := slices.Sorted(maps.Keys(keywords))
		known = slices.Insert(known, 0, "case")
		p.fault(first.column, fmt.Sprintf("got %s, want %s", strconv.Quote(first.text), strings.Join(known, ", ")), rules.DidYouMean(first.text, known))
	case p.now == nil && !slices.Contains([]string{"pane", "sources", "rules"}, first.text):
		p.fault(first.column, fmt.Sprintf("%s stands before the first case", first.text), "write case and a name above it")
	default:
		read(p, arguments{words, p.place(first.column)})
	}
}

func (p *parser) place(column int) place { return place{p.at + 1, column, p.line} }

// fault notes what is wrong at a column of the present line.
func (p *parser) fault(column int, message, hint string) {
	p.faultAt(p.place(column), message, hint)
}

func (p *parser) faultAt(at place, message, hint string) {
	p.faults = append(p.faults, rules.Fault{File: p.file.Path, Line: at.line, Column: at.column, Message: message, Source: at.source, Hint: hint})
}

// settings of the present case, or of all.
func (p *parser) settings() *settings {
	if p.now == nil {
		return &p.before
	}
	return &p.now.settings
}

// changeable says that nothing has happened yet in the case, so that a setting counts.
func (p *parser) changeable(a arguments) bool {
	if p.now == nil || len(p.now.commands) == 0 {
		return true
	}
	p.fault(a.words[0].column, a.words[0].text+" stands behind what happens", "write it below the line case, or above the first case for all")
	return false
}

// only reads a command's single argument; what says which.
func (p *parser) only(a arguments, what string) (word, bool) {
	if len(a.words) == 2 {
		return a.words[1], true
	}
	if len(a.words) < 2 {
		p.fault(p.end(a), fmt.Sprintf("%s lacks %s", a.words[0].text, what), "")
	} else {
		p.fault(a.words[2].column, fmt.Sprintf("got %q behind %s", a.words[2].text, what), "one line says one thing")
	}
	return word{}, false
}

// end is the column behind the last word.
func (p *parser) end(a arguments) int {
	last := a.words[len(a.words)-1]
	return last.column + characters(last.text)
}

func (p *parser) moment(w word) (time.Duration, bool) {
	d, err := moment(w.text)
	if err != nil {
		p.fault(w.column, err.Error(), "times count from the beginning of the case")
	}
	return d, err == nil
}

func (p *parser) pane(a arguments) {
	w, ok := p.only(a, "a length")
	if !ok || !p.changeable(a) {
		return
	}
	d, err := rules.ParseDuration(w.text)
	if err != nil || d < time.Second || d > time.Minute || d%time.Second != 0 || time.Minute%d != 0 {
		p.fault(w.column, fmt.Sprintf("got pane %q, want whole seconds from 1s to 1m that divide a minute", w.text), "")
		return
	}
	p.settings().pane = d
}

// maxSources bounds the sources of a case. Not smaller: what is incomplete needs a few; not larger: each of them says how
// far it has come at every step.
const maxSources = 1000

func (p *parser) sources(a arguments) {
	w, ok := p.only(a, "how many")
	if !ok || !p.changeable(a) {
		return
	}
	n, err := strconv.Atoi(w.text)
	if err != nil || n < 1 || n > maxSources {
		p.fault(w.column, fmt.Sprintf("got %q sources, want 1 to %d", w.text, maxSources), "")
		return
	}
	p.settings().sources = int32(n)
}

func (p *parser) rules(a arguments) {
	if len(a.words) < 2 {
		p.fault(p.end(a), "rules lacks the names of rules", "")
		return
	}
	if !p.changeable(a) {
		return
	}
	p.settings().only = nil
	for _, w := range a.words[1:] {
		text := strings.TrimSuffix(w.text, ",")
		p.settings().only = append(p.settings().only, name{text, p.place(w.column)})
	}
}

// beginCase takes the rest of the line as the case's name, up to a comment.
func (p *parser) beginCase(column int, named string) {
	p.endCase()
	named, _, _ = strings.Cut(named, " #")
	named = strings.TrimSpace(named)
	if named == "" {
		p.fault(column+len("case"), "the case has no name", "say in a few words what it shows")
	}
	p.now = &Case{Name: named, Line: p.at + 1, Path: p.file.Path, settings: p.before, lastLine: p.at + 1}
	for _, other := range p.file.Cases {
		if other.Name == named {
			p.fault(column, fmt.Sprintf("line %d has a case of the same name", other.Line), "")
		}
	}
}

// caseName is what stands behind the word case, where that begins a line.
func caseName(line string) (named string, ok bool) {
	named, ok = strings.CutPrefix(strings.TrimSpace(line), "case")
	return named, ok && (named == "" || named[0] == ' ' || named[0] == '\t')
}

func (p *parser) endCase() {
	if p.now == nil {
		return
	}
	p.file.Cases = append(p.file.Cases, p.now)
	p.now = nil
}

// want takes the lines until the next case as what happens.
func (p *parser) want(a arguments) {
	if len(a.words) > 1 {
		p.fault(a.words[1].column, fmt.Sprintf("got %q behind want", a.words[1].text), "what happens stands in the lines below")
	}
	if p.now.want != nil {
		p.fault(a.words[0].column, "the case has want twice", "")
		return
	}
	block := &wantBlock{place: a.place, end: p.at + 1}
	var comments []comment
	for next := p.at + 1; next < len(p.file.lines); next++ {
		line := strings.TrimSpace(p.file.lines[next])
		if _, ok := caseName(line); ok {
			break
		}
		p.at = next
		if strings.HasPrefix(line, "#") {
			comments = append(comments, comment{strings.TrimSuffix(p.file.lines[next], "\r"), len(block.lines)})
		}
		if !isComment(line) {
			block.lines = append(block.lines, line)
			block.end, block.comments = next+1, comments
		}
	}
	p.now.want, p.now.lastLine = block, block.end
}
