package ruletest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// expectation is one line that begins with expect.
type expectation struct {
	place
	nothing bool // no alert fires or resolves but those that other lines name
	never   bool // nothing like this happens
	at      *time.Duration
	rule    string
	labels  map[string]string // those that matter
	state   telemetry.AlertState
	values  []wantedValue
	summary *string
	asks    []string // in words as they are printed, or the name of an action alone, or nothing
	reason  *string
	parts   map[string]int // columns of what was written, by what it is
}

// wantedValue is a number that an alert has, or nearly has.
type wantedValue struct {
	name    string
	value   float64
	nearly  bool
	written string
	column  int
}

// nearlyShare is how far a value may be off that is only nearly so. Not smaller: histograms promise no more; not larger: a
// test would hold little.
const nearlyShare = 0.01

// states are those that an alert can come to.
var states = []telemetry.AlertState{telemetry.AlertPending, telemetry.AlertFiring, telemetry.AlertResolved, telemetry.AlertInactive, Found}

// expect reads what is to happen: a line as it is printed, of which everything behind the rule may be left out; no and such a
// line without a time; or nothing.
func (p *parser) expect(a arguments) {
	e := expectation{place: a.place, labels: map[string]string{}, parts: map[string]int{}}
	rest := a.words[1:]
	switch {
	case len(rest) == 0:
		p.fault(p.end(a), "expect lacks what", "as in expect 2m10s TrafficSurge{topic=orders} firing, expect no TrafficSurge, expect nothing else")
		return
	case rest[0].text == "nothing":
		e.nothing = true
		if len(rest) > 1 && rest[1].text == "else" {
			rest = rest[1:]
		}
		if len(rest) > 1 {
			p.fault(rest[1].column, fmt.Sprintf("got %q behind nothing", rest[1].text), "")
			return
		}
		p.now.expectations = append(p.now.expectations, e)
		return
	case rest[0].text == "no":
		e.never = true
	default:
		at, ok := p.moment(rest[0])
		if !ok {
			return
		}
		e.at, e.parts["time"] = &at, rest[0].column
	}
	if len(rest) < 2 {
		p.fault(p.end(a), "expect lacks the name of a rule", "as in expect 2m10s TrafficSurge{topic=orders} firing")
		return
	}
	if p.alert(&e, rest[1]) && p.details(&e, rest[2:]) {
		p.now.expectations = append(p.now.expectations, e)
	}
}

// alert reads NAME or NAME{label=value,...}.
func (p *parser) alert(e *expectation, w word) bool {
	var ok bool
	if e.rule, e.labels, ok = p.selector(w); ok {
		e.parts["rule"] = w.column
	}
	return ok
}

func (p *parser) selector(w word) (rule string, labels map[string]string, ok bool) {
	rule, inner, braced := cut(w.text, '{')
	labels = map[string]string{}
	if rule == "" {
		p.fault(w.column, fmt.Sprintf("got %q, want the name of a rule", w.text), "")
		return "", nil, false
	}
	if !braced {
		return rule, labels, true
	}
	inner, closed := strings.CutSuffix(inner, "}")
	if !closed {
		p.fault(w.column, fmt.Sprintf("got %q, want nothing behind the closing brace", w.text), "a blank stands before the state")
		return "", nil, false
	}
	column := w.column + characters(rule) + 1
	for rest := inner; strings.TrimSpace(rest) != ""; {
		pair, after, _ := cut(rest, ',')
		named, value, valued := cut(strings.TrimSpace(pair), '=')
		text, ok := p.text(word{value, column})
		switch {
		case !valued || named == "":
			p.fault(column, fmt.Sprintf("got %q, want label=value", strings.TrimSpace(pair)), "")
			return "", nil, false
		case !ok:
			return "", nil, false
		}
		labels[named] = text
		column += characters(pair) + 1
		rest = after
	}
	return rule, labels, true
}

// details reads [STATE] [name=value]... ["summary"] [asks WHAT]... [because "reason"].
func (p *parser) details(e *expectation, words []word) bool {
	for i := 0; i < len(words); i++ {
		w := words[i]
		named, value, valued := cut(w.text, '=')
		nearly := false
		if !valued {
			named, value, valued = cut(w.text, '~')
			nearly = valued
		}
		switch {
		case w.text == "because" && i+1 < len(words):
			i++
			reason, ok := p.text(words[i])
			if !ok {
				return false
			}
			e.reason, e.parts["reason"] = &reason, words[i].column
		case w.text == "asks" && i+1 < len(words):
			i++
			asks, ok := p.text(words[i])
			if !ok {
				return false
			}
			e.asks, e.parts["asks"] = append(e.asks, asks), words[i].column
		case strings.HasPrefix(w.text, `"`):
			summary, err := strconv.Unquote(w.text)
			if err != nil {
				p.fault(w.column, fmt.Sprintf("got %s, want one text in quotes", w.text), "")
				return false
			}
			e.summary, e.parts["summary"] = &summary, w.column
		case valued:
			number, _, hint, ok := quantity(value)
			if !ok {
				p.fault(w.column+characters(named)+1, fmt.Sprintf("got %q, want a number such as 20000, 815ms, 10KiB or 5%%", value), hint)
				return false
			}
			e.values = append(e.values, wantedValue{named, number, nearly, value, w.column})
		case slices.Contains(states, telemetry.AlertState(w.text)):
			if e.state != "" {
				p.fault(w.column, "the state is given twice", "one line says one thing")
				return false
			}
			e.state, e.parts["state"] = telemetry.AlertState(w.text), w.column
		default:
			p.fault(w.column, fmt.Sprintf("got %q, want pending, firing, resolved, inactive or found, name=value, or a summary in quotes", w.text),
				rules.DidYouMean(w.text, []string{"pending", "firing", "resolved", "inactive", "found"}))
			return false
		}
	}
	return true
}

// difference is in what something that happened is not what was expected.
type difference struct {
	part string // of parts
	said string
}

// differences compares a line with what is expected; nil where it is that.
func (e *expectation) differences(l *Line) []difference {
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(e.labels)) {
		if got := l.Labels[name]; got != e.labels[name] {
			out = append(out, difference{"rule", fmt.Sprintf("%s is %s, not %s", name, Quoted(got), Quoted(e.labels[name]))})
		}
	}
	if e.state != "" && e.state != l.State {
		out = append(out, difference{"state", fmt.Sprintf("it is %s, not %s", l.State, e.state)})
	}
	if e.at != nil && *e.at != l.At {
		out = append(out, difference{"time", fmt.Sprintf("at %s, not %s", rules.FormatDuration(l.At), rules.FormatDuration(*e.at))})
	}
	for i := range e.values {
		if said := e.values[i].differs(l); said != "" {
			out = append(out, difference{e.values[i].name, said})
		}
	}
	if e.summary != nil && *e.summary != l.Summary {
		out = append(out, difference{"summary", fmt.Sprintf("it says %q", l.Summary)})
	}
	for _, asks := range e.asks {
		if !l.asks(asks) {
			out = append(out, difference{"asks", fmt.Sprintf("it asks %s", listOr(l.Asks, asksNothing))})
		}
	}
	if e.reason != nil && *e.reason != l.Reason {
		out = append(out, difference{"reason", fmt.Sprintf("the reason is %q", l.Reason)})
	}
	return out
}

// differs says how a value is off, "" where it is as wanted.
func (v *wantedValue) differs(l *Line) string {
	got, ok := l.Values[v.name]
	switch {
	case !ok && v.name == completenessValue:
		got = 1
	case !ok && v.name == lateValue:
		got = 0
	case !ok:
		return fmt.Sprintf("the expression reads no %s", v.name)
	}
	if v.nearly && math.Abs(got-v.value) <= nearlyShare*math.Abs(v.value) || number(got) == number(v.value) {
		return ""
	}
	return fmt.Sprintf("%s is %s, not %s", v.name, number(got), v.written)
}

// column is where a part of the expectation stands.
func (e *expectation) columnOf(part string) int {
	for i := range e.values {
		if e.values[i].name == part {
			return e.values[i].column
		}
	}
	if column, ok := e.parts[part]; ok {
		return column
	}
	return e.column
}
