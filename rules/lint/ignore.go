package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/weirmq/weir/rules"
)

var commentChecks = []Check{
	{Name: "ignore", Says: "a comment `# weir:ignore` that names no check, names one that there is not, has no reason, stands at no rule, or switches off nothing",
		Why: "Whoever reads it takes something for looked at that is not. No comment switches this check off."},
}

// ignoreCheck is the name of the check of the comments themselves.
const ignoreCheck = "ignore"

// ignoreComment is a comment that switches checks off: the checks, and the reason behind a colon.
var ignoreComment = regexp.MustCompile(`#\s*weir:ignore\b(.*)$`)

// wantedComment shows how such a comment is written.
const wantedComment = "write # weir:ignore missing-runbook: the reason"

// switchOff is one such comment.
type switchOff struct {
	fault  rules.Fault // place of the comment
	checks []string
	lines  []stretch // where they are off
	used   map[string]bool
}

// ignore takes away the problems that comments switch off, and adds what is wrong with the comments.
func (l *look) ignore() {
	l.check = ignoreCheck
	found := l.problems
	l.problems = nil
	var offs []*switchOff
	for i := range l.layouts {
		offs = append(offs, l.switchOffs(&l.layouts[i])...)
	}
	for _, p := range found {
		if !slices.ContainsFunc(offs, func(off *switchOff) bool { return p.Severity == Warning && off.covers(p) }) {
			l.problems = append(l.problems, p)
		}
	}
	for _, off := range offs {
		for _, check := range off.checks {
			if !off.used[check] && !l.unasked(check) {
				l.sayComment(off.fault, fmt.Sprintf("weir:ignore switches off nothing: %s finds nothing here", check), "take the comment away")
			}
		}
	}
}

// unasked says that a check might have found more, had it been given a store.
func (l *look) unasked(check string) bool {
	return l.config.Seen == nil && slices.ContainsFunc(Checks(), func(c Check) bool { return c.Name == check && c.asks })
}

// covers says whether the comment switches a problem off, and notes that it does.
func (s *switchOff) covers(p Problem) bool {
	inside := slices.ContainsFunc(s.lines, func(lines stretch) bool { return lines.holds(p.Line) })
	if s.fault.File != p.File || !inside || !slices.Contains(s.checks, p.Check) {
		return false
	}
	s.used[p.Check] = true
	return true
}

func (l *look) sayComment(at rules.Fault, message, hint string) {
	at.Message, at.Hint = message, hint
	l.say(at)
}

// switchOffs reads the comments of a file, and says what is wrong with them.
func (l *look) switchOffs(file *layout) []*switchOff {
	var out []*switchOff
	for i, line := range file.lines {
		match := ignoreComment.FindStringSubmatchIndex(line)
		if match == nil || !file.comments[strings.TrimSpace(line[match[0]:])] && !file.comments[strings.TrimSpace(line)] {
			continue
		}
		off := &switchOff{used: map[string]bool{}, lines: file.switched(i + 1)}
		off.fault = rules.Fault{File: file.path, Line: i + 1, Column: len([]rune(line[:match[0]])) + 1, Source: line}
		names, reason, _ := strings.Cut(line[match[2]:match[3]], ":")
		off.checks = strings.FieldsFunc(names, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
		if l.wellFormed(off, strings.TrimSpace(reason)) {
			out = append(out, off)
		}
	}
	return out
}

func (l *look) wellFormed(off *switchOff, reason string) bool {
	known := true
	for _, name := range off.checks {
		if !slices.ContainsFunc(Checks(), func(c Check) bool { return c.Name == name && c.find != nil }) {
			l.sayComment(off.fault, fmt.Sprintf("weir:ignore names %s, and there is no such check", name), nearest(name))
			known = false
		}
	}
	switch {
	case len(off.checks) == 0:
		l.sayComment(off.fault, "weir:ignore names no check", wantedComment)
	case reason == "":
		l.sayComment(off.fault, "weir:ignore has no reason", wantedComment)
	case off.lines == nil:
		l.sayComment(off.fault, "weir:ignore stands at no rule", "put it right above a rule or its group, into the rule, or at the top of the file")
	default:
		return known
	}
	return false
}

// nearest is a hint at the check that was probably meant.
func nearest(name string) string {
	best := ""
	for _, check := range Checks() {
		if check.find != nil && (best == "" || levenshtein.Distance(name, check.Name, nil) < levenshtein.Distance(name, best, nil)) {
			best = check.Name
		}
	}
	if levenshtein.Similarity(name, best, nil) < 0.5 {
		return "docs/rule-checks.md lists them"
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// switched is where a comment at a line switches checks off: its rule, the group that it stands above or before the rules of, or
// the whole file where it stands at its top; nil where it stands at none.
func (l *layout) switched(line int) []stretch {
	for _, rule := range l.rules {
		if rule.holds(line) {
			return []stretch{rule}
		}
	}
	for _, group := range l.groups {
		if group.comments <= line && line < l.firstRule(group) {
			return []stretch{group}
		}
	}
	if line <= l.head {
		return []stretch{{comments: 1, first: 1, last: len(l.lines)}}
	}
	return nil
}

// firstRule is the line where the rules of a group begin, with the comments above them.
func (l *layout) firstRule(group stretch) int {
	for _, rule := range l.rules {
		if group.first <= rule.first && rule.last <= group.last {
			return max(rule.comments, group.first+1)
		}
	}
	return group.last + 1
}
