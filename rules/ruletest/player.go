package ruletest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// begin is second 0 of every case: the beginning of a minute.
var begin = time.Unix(1_800_000_000, 0).UTC()

// player feeds an evaluator by a case.
type player struct {
	of        *Case
	set       *rules.Set // as the evaluator has it
	added     *rules.Set // as aggregators have it
	given     *rules.Set // the same, with rules that the case is not about
	evaluator *rules.Evaluator
	fold      *fold
	history   *history
	waiting   []waiting                  // reports since sources came further
	clock     time.Duration              // of aggregators: how far the furthest source has come, or what was said to be later
	published map[string]telemetry.Alert // as weir.alerts holds them
	inputs    []func(*rules.Evaluator)   // as weir.groups holds them
	before    uint64                     // evaluations before restarts
	grouped   map[string]bool            // rules that had a group
	inspected []time.Duration            // when
	lines     []Line
	early     bool // ask after all that comes what fires early, and what is told ahead
	told      []telemetry.Alert
	err       error
}

// waiting is a report that is not folded in yet.
type waiting struct {
	source int32
	labels *telemetry.Labels
	report *telemetry.Report // shared by the series of a line
}

func newPlayer(c *Case, set *rules.Set) *player {
	p := &player{of: c, set: set, added: set, history: newHistory(c.pane), published: map[string]telemetry.Alert{}, grouped: map[string]bool{}}
	p.fold, p.evaluator = p.history.keep(newFold(c.pane)), p.newEvaluator()
	return p
}

func (p *player) newEvaluator() *rules.Evaluator {
	return rules.NewEvaluator(p.set, rules.Config{Pane: p.of.pane, Past: p.history, AheadExpiry: time.Minute})
}

func (p *player) play() {
	for i, command := range p.of.commands {
		if start, ok := command.(progress); i == 0 && !(ok && !start.evaluate) {
			p.startAll()
		}
		command.play(p)
	}
	p.before += evaluations(p.evaluator)
}

func evaluations(e *rules.Evaluator) uint64 {
	stats := e.Stats()
	return stats.Evaluations + stats.EvaluationFailures
}

// startAll lets all sources begin with the case.
func (p *player) startAll() {
	for source := range p.of.sources {
		p.watermark(step{source: source})
	}
}

func (p *player) feed(input func(*rules.Evaluator)) {
	p.inputs = append(p.inputs, input)
	input(p.evaluator)
	if p.early {
		p.note(p.evaluator.FireEarly())
		p.told = append(p.told, p.evaluator.TellAhead()...)
	}
}

// flush folds in what waits, in the order of its times, and tells the evaluator.
func (p *player) flush() {
	slices.SortStableFunc(p.waiting, func(a, b waiting) int { return int(a.report.StartUnixMillis - b.report.StartUnixMillis) })
	for i := range p.waiting {
		w := &p.waiting[i]
		p.fold.add(w.source, w.labels, w.report)
	}
	p.waiting = p.waiting[:0]
	p.history.changed()
	for _, batch := range p.fold.flush(p.added.Groupings()) {
		p.feed(func(e *rules.Evaluator) { e.Apply(batch) })
	}
	p.noteGroups()
}

func (p *player) watermark(s step) {
	p.clock = max(p.clock, s.to)
	at := p.clock
	if s.said != nil {
		at = *s.said
	}
	p.clock = max(p.clock, at)
	p.fold.came(s.source, begin.Add(s.to))
	w := telemetry.Watermark{Source: sourceOf(s.source), EventTime: begin.Add(s.to), Idle: s.idle, At: begin.Add(at), Sources: p.of.sources}
	p.feed(func(e *rules.Evaluator) { e.ApplyWatermark(w) })
}

// play lets one report of each series come at each time. Those from before the case begins have come long ago.
func (r reports) play(p *player) {
	for n := range r.times {
		at := begin.Add(r.from + time.Duration(n)*r.every)
		report := &telemetry.Report{StartUnixMillis: at.UnixMilli(), LengthMillis: uint32(p.of.pane.Milliseconds())}
		for i := range r.measures {
			r.measures[i].add(report, n, r.times)
		}
		for _, kind := range r.events {
			report.Events = append(report.Events, telemetry.Event{Kind: kind, TimeUnixMillis: report.StartUnixMillis})
		}
		for i := range r.series {
			if at.Before(begin) {
				p.history.before.add(r.source, &r.series[i], report)
				continue
			}
			p.waiting = append(p.waiting, waiting{r.source, &r.series[i], report})
		}
	}
}

func (c progress) play(p *player) {
	p.flush()
	for _, s := range c.steps {
		p.watermark(s)
	}
	if c.evaluate {
		p.note(p.evaluator.Advance())
	}
}

// play encodes the alerts as weir.alerts does and feeds a new evaluator all input again.
func (c restart) play(p *player) {
	p.flush()
	until := p.evaluator.Progress()
	until.Gap = c.gap
	if c.gap {
		forget{}.play(p)
	}
	if c.noted != nil {
		until.EvaluatedUntil = begin.Add(*c.noted)
	}
	var restored []telemetry.Alert
	for _, key := range slices.Sorted(maps.Keys(p.published)) {
		text, err := json.Marshal(p.published[key])
		var alert telemetry.Alert
		if err == nil {
			err = json.Unmarshal(text, &alert)
		}
		if err != nil {
			p.err = fmt.Errorf("restore alert %s: %w", key, err)
			return
		}
		restored = append(restored, alert)
	}
	p.before += evaluations(p.evaluator)
	p.evaluator = p.newEvaluator()
	p.evaluator.Restore(restored, until)
	for _, input := range p.inputs {
		input(p.evaluator)
	}
}

// play lets nothing of what has come be there any more at a restart.
func (forget) play(p *player) {
	p.flush()
	p.inputs, p.fold = nil, p.history.keep(newFold(p.of.pane))
}

// play swaps the rules. Aggregators begin new segments, so that what the rules did not read of what came before stays unknown.
func (c reload) play(p *player) {
	p.flush()
	if p.given != c.set {
		p.given, p.added = c.set, p.of.about(c.set)
		p.fold.cutSegments()
	}
	if !c.aggregators {
		p.set = p.added
		p.note(p.evaluator.Swap(p.set))
	}
}

func (c show) play(p *player) {
	p.flush()
	if c.what == "alerts" {
		for _, alert := range p.evaluator.Alerts() {
			line := lineOf(&alert, begin)
			line.Shown, line.Rule = line.standing(alert.ActiveAt.Sub(begin), alert.FiredAt.Sub(begin)), ""
			p.lines = append(p.lines, line)
		}
		return
	}
	stats := p.evaluator.Stats()
	shown := fmt.Sprintf("%d evaluations failed", stats.EvaluationFailures)
	if c.what == "state" {
		shown = fmt.Sprintf("evaluated until %s: completeness %.4g, %d late", rules.FormatDuration(stats.EventTime.Sub(begin)), stats.Completeness, stats.LateReports)
	}
	p.lines = append(p.lines, Line{Shown: shown})
}

// note keeps what changed, and prints what came to another state.
func (p *player) note(changed []telemetry.Alert) {
	for i := range changed {
		alert := &changed[i]
		if alert.State == telemetry.AlertInactive {
			delete(p.published, alert.ID)
		} else {
			p.published[alert.ID] = *alert
		}
		if alert.Transition {
			p.lines = append(p.lines, lineOf(alert, begin))
		}
	}
	p.noteGroups()
}

// noteGroups notes which rules have groups: before an evaluation, as it forgets those whose panes nobody reads any more.
func (p *player) noteGroups() {
	for _, health := range p.evaluator.Health() {
		p.grouped[health.Rule] = p.grouped[health.Rule] || health.Groups > 0
	}
}

// unasked says that reports wait for an advance that does not come, and until when they are.
func (p *player) unasked() (until time.Duration, some bool) {
	for i := range p.waiting {
		until = max(until, time.UnixMilli(p.waiting[i].report.StartUnixMillis).Sub(begin)+p.of.pane)
	}
	return until, len(p.waiting) > 0
}
