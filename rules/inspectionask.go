package rules

import (
	"maps"
	"math"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// InspectedRule is what became of one rule.
type InspectedRule struct {
	Rule      string `json:"rule"`
	Groups    int    `json:"groups"` // that it was asked of
	Findings  int    `json:"findings"`
	Undecided int    `json:"undecided,omitempty"` // groups of which too much is unknown
	Limited   int    `json:"limited,omitempty"`   // findings that its limit left out
	LastError string `json:"last_error,omitempty"`
}

// Finish asks the rules. Findings are by rule, in the order of the set, then by group.
func (in *Inspection) Finish() ([]InspectedRule, []telemetry.Finding) {
	var told []InspectedRule
	var out []telemetry.Finding
	for _, rule := range in.set.Inspections {
		at := slices.IndexFunc(told, func(t InspectedRule) bool { return t.Rule == rule.Alert })
		if at < 0 {
			at, told = len(told), append(told, InspectedRule{Rule: rule.Alert})
		}
		out = append(out, in.ask(rule, &told[at])...)
	}
	return told, out
}

// ask asks one rule of all groups that it covers.
func (in *Inspection) ask(rule *Rule, told *InspectedRule) []telemetry.Finding {
	of := in.groupings[slices.IndexFunc(in.groupings, func(g *inspectedGrouping) bool { return g.ID == rule.Grouping.ID })]
	most := MaxFindings
	if rule.Limit > 0 {
		most = rule.Limit
	}
	var out []telemetry.Finding
	for _, key := range slices.Sorted(maps.Keys(of.groups)) {
		g := of.groups[key]
		if !rule.Covers(g.values) {
			continue
		}
		told.Groups++
		found, err := in.look(rule, of, g)
		var finding *telemetry.Finding
		if err == nil && found.active && !found.unknown {
			finding, err = in.finding(rule, g, found)
		}
		switch {
		case err != nil:
			told.LastError = err.Error()
		case found.unmeasured: // nobody says it, so that no later answer would either
		case found.unknown:
			told.Undecided++
		case finding == nil:
		case told.Findings == most:
			told.Limited++
		default:
			told.Findings++
			out = append(out, *finding)
		}
	}
	return out
}

// look runs the condition on a group's view.
func (in *Inspection) look(rule *Rule, of *inspectedGrouping, g *inspectedGroup) (verdict, error) {
	unknown, unsaid := false, false
	span := func(at daySpan) (*stretch, Span) {
		if !in.known(at) || in.completeness(at) < 1 {
			unknown = true
			return nil, unknownSpan()
		}
		s := g.spans[slices.Index(of.spans, at)].stretch(at)
		return s, s.span(rule.reads.needs)
	}
	days := int(rule.Window / Day)
	window := daySpan{0, days}
	here := g.spans[slices.Index(of.spans, window)].stretch(window)
	view := &View{Span: here.span(rule.reads.needs), Completeness: in.completeness(window)}
	view.setLabels(rule.Grouping.By, g.values)
	view.Over = remembered(func(text string) Span {
		_, out := span(daySpan{0, int(rule.reads.over[text] / Day)})
		return out
	})
	view.Ago = rememberedAgo(func(key string) Span {
		_, out := span(rule.reads.ago[key].days(rule.Window))
		return out
	})
	if rule.reads.prev {
		before, out := span(daySpan{days, days})
		view.Prev, view.DepartedClients = out, math.NaN()
		if before != nil {
			view.DepartedClients = departed(&before.totals, &here.totals)
		}
	}
	view.setPolicy(in.set.Policy, &unsaid)
	isUnknown := func() bool { return unknown || unsaid }
	active, indefinite, err := rule.holds(view, isUnknown)
	if err != nil {
		return verdict{}, err
	}
	whole := in.known(window) && view.Completeness >= 1
	found := verdict{active: active, unknown: indefinite || active && !whole && !rule.reads.presence, unmeasured: indefinite && whole && !unknown, view: view, totals: &here.totals, from: in.Day(days - 1)}
	return found, rule.isCritical(&found, whole, isUnknown)
}

// finding tells of what was found.
func (in *Inspection) finding(rule *Rule, g *inspectedGroup, found verdict) (*telemetry.Finding, error) {
	group := &groupState{values: g.values}
	alert := &alertState{}
	if err := alert.name(rule, group); err != nil {
		return nil, err
	}
	if found.critical {
		alert.Labels[severityLabel] = severityCritical
	}
	if err := alert.annotate(rule, group, found); err != nil {
		return nil, err
	}
	return &telemetry.Finding{Rule: rule.Alert, Severity: alert.Labels[severityLabel], ID: alert.ID, Labels: alert.Labels, Values: rule.values(found.view),
		Annotations: alert.Annotations, WindowStart: found.from, WindowEnd: in.day.Add(Day), Completeness: found.view.Completeness}, nil
}
