// Package ruletest plays tests of rules: a file says which reports come when, how far telemetry has come, and which alerts
// then begin and end. docs/rule-tests.md has the language.
//
// What comes in is the text of a test file and the rules that it is about; what comes out is what alerts did, how that
// differs from what the file expects, and which rules were shown to fire, to stay quiet and to recover. It plays on the
// Evaluator that the stage rules runs, so that a test and production cannot differ, and asks no clock.
package ruletest

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/rules"
)

// Suffix ends the name of a test file.
const Suffix = "_test.txt"

// ownRules is the file in a test file that stands for the rules beside it.
const ownRules = "rules.yaml"

// DefaultPane is the length of panes where a test names none: that of a pipeline that is not configured otherwise.
const DefaultPane = 10 * time.Second

// File is one test file, checked.
type File struct {
	Path  string
	Cases []*Case
	sets  map[string]*rules.Set // the rule files in it
	lines []string
	rest  []byte // the rule files, as written
}

// Own says that the file brings its own rules.
func (f *File) Own() bool { return f.sets[ownRules] != nil }

// Case is one story: what happens, and what is expected.
type Case struct {
	Name string
	Line int
	Path string

	settings
	commands     []command
	expectations []expectation
	want         *wantBlock
	lastLine     int // of the case, the last one that is not empty
}

// settings stand before cases, for all of them, or at the beginning of one.
type settings struct {
	pane    time.Duration
	sources int32
	only    []name // the rules it is about; all where empty
}

// name is the name of a rule, with its place.
type name struct {
	text  string
	place place
}

// place is where something stands in the file.
type place struct {
	line, column int
	source       string
}

// wantBlock is the whole of what alerts do, line by line, as printed.
type wantBlock struct {
	place
	lines    []string
	comments []comment
	end      int // the line behind the last one, from 0
}

// comment is one among the lines of want, as it is written, and how many of them stand above it.
type comment struct {
	text  string
	above int
}

// Parse reads a test file; path is for messages. All that is wrong is in the faults; the file is nil then.
func Parse(path string, content []byte) (*File, rules.Faults) {
	if !bytes.HasSuffix(content, []byte("\n")) {
		content = append(bytes.Clone(content), '\n') // as txtar does with each part
	}
	archive := txtar.Parse(content)
	script := archive.Comment
	p := &parser{file: &File{Path: path, sets: map[string]*rules.Set{}, rest: content[len(script):]}}
	p.file.lines = strings.Split(strings.TrimSuffix(string(script), "\n"), "\n")
	p.ruleFiles(content, archive)
	p.before = settings{pane: DefaultPane, sources: 1}
	for p.at = 0; p.at < len(p.file.lines); p.at++ {
		p.parseLine(strings.TrimSuffix(p.file.lines[p.at], "\r"))
	}
	p.endCase()
	if len(p.faults) == 0 && len(p.file.Cases) == 0 {
		p.faults = append(p.faults, rules.Fault{File: path, Message: "the file has no case", Hint: "write case and a name, then what happens"})
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return p.file, nil
}

// ruleFiles reads the rule files behind the cases; their faults have the lines of the whole file.
func (p *parser) ruleFiles(content []byte, archive *txtar.Archive) {
	from := len(archive.Comment)
	for _, file := range archive.Files {
		from += bytes.IndexByte(content[from:], '\n') + 1 // the line with its name
		above := bytes.Count(content[:from], []byte("\n"))
		text := append(bytes.Repeat([]byte("\n"), above), file.Data...)
		if file.Name == rules.PolicyFile {
			policy, faults := rules.ParsePolicy(p.file.Path, text)
			p.faults = append(p.faults, faults...)
			p.policy = policy
			from += len(file.Data)
			continue
		}
		parsed, faults := rules.Parse(p.file.Path, text)
		p.faults = append(p.faults, faults...)
		if p.file.sets[file.Name] != nil {
			p.faults = append(p.faults, rules.Fault{File: p.file.Path, Line: above, Column: 1, Source: p.source(content, above),
				Message: "there are two files named " + file.Name})
		}
		p.file.sets[file.Name] = rules.NewSet(parsed, nil)
		from += len(file.Data)
	}
	for _, set := range p.file.sets {
		set.Policy = p.policy
	}
}

// source is a line of the whole file.
func (p *parser) source(content []byte, line int) string {
	return strings.TrimRight(strings.Split(string(content), "\n")[line-1], "\r")
}

// with is the block with other lines. Comments stay above the line that they stood above, or where that is gone, as far behind
// the last one that is left.
func (w *wantBlock) with(lines []string) string {
	var out strings.Builder
	written := 0
	until := func(line int) {
		for ; written < min(line, len(lines)); written++ {
			out.WriteString("  " + lines[written] + "\n")
		}
	}
	if w != nil {
		places := placesIn(lines, w.lines)
		for _, comment := range w.comments {
			until(places[comment.above])
			out.WriteString(comment.text + "\n")
		}
	}
	until(len(lines))
	return out.String()
}

// placesIn says for each of the former lines, and for their end, before which line it stands now.
func placesIn(lines, former []string) []int {
	places := make([]int, len(former)+1)
	next := 0
	for i, line := range former {
		places[i] = min(next, len(lines))
		if at := slices.Index(lines[min(next, len(lines)):], line); at >= 0 {
			places[i] = next + at
		}
		next = places[i] + 1
	}
	places[len(former)] = len(lines)
	return places
}

// Update returns the file's text with what stands below want replaced by what the cases did; where a case expects nothing
// at all, want is added.
func (f *File) Update(outcomes []*Outcome) []byte {
	var out strings.Builder
	next := 0
	until := func(line int) {
		for ; next < line; next++ {
			out.WriteString(f.lines[next] + "\n")
		}
	}
	for _, outcome := range outcomes {
		c := outcome.Case
		if c.want == nil && len(c.expectations) > 0 {
			continue
		}
		if c.want == nil {
			until(c.lastLine)
			out.WriteString("want\n")
		} else {
			until(c.want.line)
			next = c.want.end
		}
		lines := make([]string, len(outcome.Lines))
		for i := range outcome.Lines {
			lines[i] = outcome.Lines[i].String()
		}
		out.WriteString(c.want.with(lines))
	}
	until(len(f.lines))
	return append([]byte(out.String()), f.rest...)
}
