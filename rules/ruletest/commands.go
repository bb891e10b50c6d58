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

// command is one thing that happens.
type command interface{ play(p *player) }

// progress is how far sources have come: all of them, or those named.
type progress struct {
	steps    []step
	evaluate bool
}

// step is how far one source has come.
type step struct {
	source int32
	to     time.Duration
	idle   bool
	said   *time.Duration // by the aggregator's clock; nil where that is how far the furthest source has come
}

type (
	// restart is of the process that evaluates.
	restart struct {
		noted *time.Duration // how far was evaluated, nil where nothing was evaluated since
		gap   bool           // nothing of before is read again, and that is known
	}
	// forget is what happens where what came is not there any more.
	forget struct{}
	// reload swaps rules. Aggregators have them before.
	reload struct {
		set         *rules.Set
		aggregators bool // alone
	}
	show struct{ what string }
)

func (p *parser) start(a arguments) {
	if len(p.now.commands) > 0 {
		p.fault(a.words[0].column, "start stands behind what happens", "it is the first thing in a case")
		return
	}
	p.progress(a, "at", false)
}

func (p *parser) advance(a arguments) { p.progress(a, "to", true) }

// progress reads [source N] at|to TIME [idle] [said TIME], and more of it behind commas where sources are named.
func (p *parser) progress(a arguments, preposition string, evaluate bool) {
	out := progress{evaluate: evaluate}
	rest := a.words[1:]
	for first := true; first || len(rest) > 0; first = false {
		var all bool
		var s step
		var ok bool
		if s, all, rest, ok = p.step(a, rest, preposition); !ok {
			return
		}
		if !all {
			out.steps = append(out.steps, s)
			continue
		}
		if !first || len(rest) > 0 {
			p.fault(a.words[0].column, "all sources and one of them stand in one line", "name each source")
			return
		}
		for source := range p.now.sources {
			out.steps = append(out.steps, step{source, s.to, s.idle, s.said})
		}
	}
	p.now.commands = append(p.now.commands, out)
}

func (p *parser) step(a arguments, words []word, preposition string) (s step, all bool, rest []word, ok bool) {
	all = true
	form := fmt.Sprintf("want %s %s 10m, or %s source 0 %s 10m, source 1 %s 9m", a.words[0].text, preposition, a.words[0].text, preposition, preposition)
	if len(words) > 1 && words[0].text == "source" {
		if s.source, ok = p.sourceNumber(words[1]); !ok {
			return s, false, nil, false
		}
		all, words = false, words[2:]
	}
	if len(words) < 2 || words[0].text != preposition {
		column := p.end(a)
		if len(words) > 0 {
			column = words[0].column
		}
		p.fault(column, form, "")
		return s, all, nil, false
	}
	text, comma := strings.CutSuffix(words[1].text, ",")
	if s.to, ok = p.moment(word{text, words[1].column}); !ok {
		return s, all, nil, false
	}
	rest = words[2:]
	if !comma && len(rest) > 0 && strings.TrimSuffix(rest[0].text, ",") == "idle" {
		comma, s.idle, rest = strings.HasSuffix(rest[0].text, ","), true, rest[1:]
	}
	if !comma && len(rest) > 1 && rest[0].text == "said" {
		text, comma = strings.CutSuffix(rest[1].text, ",")
		said, ok := p.moment(word{text, rest[1].column})
		if !ok {
			return s, all, nil, false
		}
		s.said, rest = &said, rest[2:]
	}
	if comma == (len(rest) == 0) {
		p.fault(p.end(a), form, "")
		return s, all, nil, false
	}
	return s, all, rest, true
}

func (p *parser) sourceNumber(w word) (int32, bool) {
	n, err := strconv.ParseInt(w.text, 10, 32)
	if err != nil || n < 0 || n >= int64(p.now.sources) {
		hint := ""
		if err == nil && n > 0 {
			hint = fmt.Sprintf("write sources %d below the line case", n+1)
		}
		p.fault(w.column, fmt.Sprintf("got source %q, want 0 to %d", w.text, p.now.sources-1), hint)
		return 0, false
	}
	return int32(n), true
}

// alone says that a command has no arguments.
func (p *parser) alone(a arguments) bool {
	if len(a.words) > 1 {
		p.fault(a.words[1].column, fmt.Sprintf("got %q behind %s", a.words[1].text, a.words[0].text), "")
	}
	return len(a.words) == 1
}

func (p *parser) restart(a arguments) {
	if p.alone(a) {
		p.now.commands = append(p.now.commands, restart{})
	}
}

func (p *parser) crash(a arguments) {
	w, ok := p.only(a, "up to when evaluations were noted")
	if !ok {
		return
	}
	if noted, ok := p.moment(w); ok {
		p.now.commands = append(p.now.commands, restart{noted: &noted})
	}
}

func (p *parser) gap(a arguments) {
	if p.alone(a) {
		p.now.commands = append(p.now.commands, restart{gap: true})
	}
}

func (p *parser) forget(a arguments) {
	if p.alone(a) {
		p.now.commands = append(p.now.commands, forget{})
	}
}

func (p *parser) reload(a arguments) {
	w, ok := p.only(a, "the name of a rule file")
	if !ok {
		return
	}
	set := p.file.sets[w.text]
	if set == nil {
		known := slices.Sorted(maps.Keys(p.file.sets))
		hint := rules.DidYouMean(w.text, known)
		if hint == "" {
			hint = "rule files stand below all cases, each behind a line such as -- edited.yaml --"
		}
		p.fault(w.column, fmt.Sprintf("this file has no rule file %q", w.text), hint)
		return
	}
	p.now.commands = append(p.now.commands, reload{set, a.words[0].text == "aggregate"})
}

func (p *parser) show(a arguments) {
	w, ok := p.only(a, "what: state, failures, alerts")
	if !ok {
		return
	}
	if !slices.Contains([]string{"state", "failures", "alerts"}, w.text) {
		p.fault(w.column, fmt.Sprintf("got show %s, want state, failures or alerts", w.text), "")
		return
	}
	p.now.commands = append(p.now.commands, show{w.text})
}
