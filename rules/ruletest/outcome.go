package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Outcome is what came of a case.
type Outcome struct {
	Case        *Case
	Lines       []Line // what happened
	Failures    []Failure
	Evaluations uint64 // of one rule for one group at one time, each
	seen        map[string]seen
}

// Failure is one thing that did not happen as expected.
type Failure struct {
	rules.Fault
	// Details are lines that say more: what happened instead, or what differs, with - before what was expected and + before
	// what happened.
	Details []string `json:"details,omitempty"`
}

// String writes the fault and, below it, the details.
func (f Failure) String() string {
	return strings.Join(append([]string{f.Fault.String()}, f.Details...), "\n  ")
}

// seen is what a case shows of a rule that it is about; asked says that the rule had a group.
type seen struct{ fires, recovers, asked bool }

// Play plays a case with the rules of the folder, or with those of the file where it brings its own. Faults are names of
// rules that there are none of.
func (f *File) Play(c *Case, set *rules.Set) (*Outcome, error) {
	if f.Own() {
		set = f.sets[ownRules]
	}
	if faults := f.unknownRules(c, set); len(faults) > 0 {
		return nil, faults
	}
	p := newPlayer(c, c.about(set))
	p.play()
	if p.err != nil {
		return nil, fmt.Errorf("play case %q of %s: %w", c.Name, f.Path, p.err)
	}
	out := &Outcome{Case: c, Lines: p.lines, Evaluations: p.before}
	out.compare()
	if until, unasked := p.unasked(); unasked {
		out.Failures = append(out.Failures, Failure{Fault: rules.Fault{File: c.Path, Line: c.Line, Column: 1, Source: "case " + c.Name,
			Message: "reports come after the last advance, and no rule is asked of them", Hint: "end the case with advance to " + rules.FormatDuration(until)}})
	}
	if p.history.unread(p.set, p.added) {
		out.Failures = append(out.Failures, Failure{Fault: rules.Fault{File: c.Path, Line: c.Line, Column: 1, Source: "case " + c.Name,
			Message: "reports come before 0s, and no rule looks at hours past", Hint: "rules see them by baseline, and by ago of more than an hour"}})
	}
	out.see(p)
	return out, nil
}

// about is the rules that a case is about.
func (c *Case) about(set *rules.Set) *rules.Set {
	if len(c.only) == 0 {
		return set
	}
	others := func(rule *rules.Rule) bool {
		return !slices.ContainsFunc(c.only, func(n name) bool { return n.text == rule.Alert })
	}
	out := *set
	out.Rules = slices.DeleteFunc(slices.Clone(set.Rules), others)
	out.Inspections = slices.DeleteFunc(slices.Clone(set.Inspections), others)
	return &out
}

// unknownRules are faults of names that no rule of any file has.
func (f *File) unknownRules(c *Case, set *rules.Set) rules.Faults {
	var known []string
	for _, s := range append([]*rules.Set{set}, f.reloaded(c)...) {
		for _, rule := range slices.Concat(s.Rules, s.Inspections) {
			known = append(known, rule.Alert)
		}
	}
	named := slices.Clone(c.only)
	for i := range c.expectations {
		if e := &c.expectations[i]; !e.nothing {
			named = append(named, name{e.rule, place{e.line, e.columnOf("rule"), e.source}})
		}
	}
	var faults rules.Faults
	for _, n := range named {
		if !slices.Contains(known, n.text) {
			faults = append(faults, rules.Fault{File: f.Path, Line: n.place.line, Column: n.place.column, Source: n.place.source,
				Message: fmt.Sprintf("there is no rule %q", n.text), Hint: rules.DidYouMean(n.text, known)})
		}
	}
	return faults
}

func (f *File) reloaded(c *Case) []*rules.Set {
	var out []*rules.Set
	for _, command := range c.commands {
		if r, ok := command.(reload); ok && !r.aggregators {
			out = append(out, r.set)
		}
	}
	return out
}

// fail notes a failure.
func (o *Outcome) fail(at place, column int, message string, details ...string) {
	o.Failures = append(o.Failures, Failure{rules.Fault{File: o.Case.Path, Line: at.line, Column: column, Source: at.source, Message: message}, details})
}

// compare holds what happened against what is expected.
func (o *Outcome) compare() {
	c := o.Case
	if c.want == nil && len(c.expectations) == 0 {
		o.Failures = append(o.Failures, Failure{Fault: rules.Fault{File: c.Path, Line: c.Line, Column: 1, Source: "case " + c.Name,
			Message: "the case expects nothing", Hint: "write expect nothing, expect and what happens, or want and update it"}})
	}
	if c.want != nil {
		got := make([]string, len(o.Lines))
		for i := range o.Lines {
			got[i] = o.Lines[i].String()
		}
		if lines, differ := compareLines(c.want.lines, got); differ {
			o.fail(c.want.place, c.want.column, "something else happens than stands below want (- wanted, + happens)", lines...)
		}
	}
	met, explained := make([]bool, len(o.Lines)), make([]bool, len(o.Lines))
	for i := range c.expectations {
		if e := &c.expectations[i]; !e.nothing && !e.never {
			o.meet(e, met, explained)
		}
	}
	for i := range c.expectations {
		switch e := &c.expectations[i]; {
		case e.nothing:
			if others := o.list(func(at int) bool { return o.Lines[at].told() && !met[at] && !explained[at] }); len(others) > 0 {
				o.fail(e.place, e.column, "something else happens", others...)
			}
		case e.never:
			if found := o.list(func(at int) bool { return o.contradicts(e, at) }); len(found) > 0 {
				o.fail(e.place, e.column, "it happens", found...)
			}
		}
	}
}

// contradicts says that a line is what never should be. Where no state is named, that is what Alertmanager is told of.
func (o *Outcome) contradicts(e *expectation, at int) bool {
	l := &o.Lines[at]
	return l.Rule == e.rule && len(e.differences(l)) == 0 && (e.state != "" || l.told())
}

// meet finds the line that is expected, one that no other expectation has met. Where there is none, it says how the nearest
// differs, and that one is explained.
func (o *Outcome) meet(e *expectation, met, explained []bool) {
	var nearest []difference
	nearestAt := 0
	for at := range o.Lines {
		if o.Lines[at].Rule != e.rule {
			continue
		}
		differences := e.differences(&o.Lines[at])
		switch {
		case len(differences) == 0 && !met[at]:
			met[at] = true
			return
		case len(differences) > 0 && (nearest == nil || len(differences) < len(nearest)):
			nearest, nearestAt = differences, at
		}
	}
	happened := o.list(func(at int) bool { return o.Lines[at].Rule == e.rule })
	switch {
	case len(happened) == 0:
		o.fail(e.place, e.column, fmt.Sprintf("nothing happens to an alert of %s", e.rule))
	case nearest == nil:
		o.fail(e.place, e.column, "it happens once only, and is expected again", happened...)
	default:
		explained[nearestAt] = true
		said := make([]string, len(nearest))
		for i := range nearest {
			said[i] = nearest[i].said
		}
		o.fail(e.place, e.columnOf(nearest[0].part), "it does not happen; the nearest differs: "+strings.Join(said, ", "), happened...)
	}
}

// list prints the lines that are so.
func (o *Outcome) list(is func(at int) bool) []string {
	var out []string
	for at := range o.Lines {
		if is(at) {
			out = append(out, "+ "+o.Lines[at].String())
		}
	}
	return out
}

// see notes what the case shows of the rules that it is about: those that it names, or where it names none, all that had a
// group.
func (o *Outcome) see(p *player) {
	o.seen = map[string]seen{}
	for _, n := range o.Case.only {
		o.seen[n.text] = seen{}
	}
	for i := range o.Case.expectations {
		if e := &o.Case.expectations[i]; !e.nothing {
			o.seen[e.rule] = seen{}
		}
	}
	if len(o.seen) == 0 {
		for rule, grouped := range p.grouped {
			if grouped {
				o.seen[rule] = seen{}
			}
		}
	}
	for rule, about := range o.seen {
		about.asked = p.grouped[rule]
		o.seen[rule] = about
	}
	for i := range o.Lines {
		l := &o.Lines[i]
		if about, ok := o.seen[l.Rule]; ok {
			about.fires = about.fires || l.State == telemetry.AlertFiring || l.State == Found
			about.recovers = about.recovers || l.State == telemetry.AlertResolved && l.Reason == "" || o.isGone(p, l)
			o.seen[l.Rule] = about
		}
	}
}

// isGone says that what an inspection found is not found by the next one.
func (o *Outcome) isGone(p *player, line *Line) bool {
	at := slices.Index(p.inspected, line.At)
	if line.State != Found || at < 0 || at+1 == len(p.inspected) {
		return false
	}
	return !slices.ContainsFunc(o.Lines, func(l Line) bool {
		return l.At == p.inspected[at+1] && l.State == Found && l.Rule == line.Rule && maps.Equal(l.Labels, line.Labels)
	})
}

// updated takes back what an update has mended: that something else happened than stood below want.
func (o *Outcome) updated() {
	o.Failures = slices.DeleteFunc(o.Failures, func(f Failure) bool {
		return o.Case.want == nil && len(o.Case.expectations) == 0 || o.Case.want != nil && f.Line == o.Case.want.line
	})
}
