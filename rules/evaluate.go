package rules

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/telemetry"
)

// Advance evaluates every rule over every group at the end of each pane that event
// time has newly passed, in order, and returns the alerts that changed.
func (e *Evaluator) Advance() []telemetry.Alert {
	now := e.sources.eventTime().Truncate(e.config.Pane)
	if now.IsZero() || !now.After(e.evaluated) {
		return nil
	}
	var changed []telemetry.Alert
	for at := e.evaluated.Add(e.config.Pane); !at.After(now); at = at.Add(e.config.Pane) {
		e.foresee(at, now)
		changed = append(changed, e.endOrphans(at)...)
		changed = append(changed, e.step(at)...)
		changed = append(changed, e.expire(at)...)
		e.evaluated = at
		if e.heard = later(e.heard, at.Add(-absenceRetention)); e.stats.Completeness >= 1 {
			e.heard = at
		}
		e.prune() // after each, so that how many are evaluated at once changes nothing
	}
	e.stats.EventTime = now
	e.forgetTold()
	return changed
}

// reviveGroups makes groups for restored alerts whose data has not come, or no
// longer comes. An alert of another grouping has ended and is no group of the rule's.
func (e *Evaluator) reviveGroups() {
	for _, alert := range e.alerts {
		if e.groups[alert.GroupKey] != nil || e.orphaned(alert) != "" {
			continue
		}
		rule := e.byName[alert.Rule]
		g := &groupState{key: alert.GroupKey, grouping: rule.Grouping.ID}
		for _, name := range rule.Grouping.By {
			g.values = append(g.values, alert.Labels[name])
		}
		e.groups[g.key], e.inOrder = g, nil
	}
}

// verdict is what one evaluation found.
type verdict struct {
	active  bool
	unknown bool // neither active nor not
	// indefinite says that it is unknown because of what the condition reads: all that was sent is known.
	indefinite bool
	// unmeasured says that nothing but what nobody says makes it so: gauges, the policy, versions.
	unmeasured bool
	critical   bool // active, and critical where the rule tells severities apart
	calm       bool // known not to be critical
	early      bool // found before all of the window's last pane has come
	view       *View
	totals     *telemetry.Totals // of the window, without what the rule does not read
	from       time.Time
}

func (e *Evaluator) evaluate(rule *Rule, g *groupState, at time.Time) (*telemetry.Alert, error) {
	found, err := e.ask(rule, g, at)
	if err != nil {
		g.unknown = true
		return e.doubt(rule, alertKey(rule.Alert, g.key), verdict{}, at), fmt.Errorf("evaluate %s for %q: %w", rule.Alert, g.values, err)
	}
	g.unknown = g.unknown || found.unknown && !found.unmeasured
	return e.limited(rule, g, func() (*telemetry.Alert, error) { return e.transition(rule, g, found, at) })
}

// ask runs the expression on the group's view.
func (e *Evaluator) ask(rule *Rule, g *groupState, at time.Time) (verdict, error) {
	window := e.wholePanes(rule.Window)
	from := at.Add(-window)
	here := e.stretchOf(g, from, at, rule.reads.needs)
	view := &View{Span: here.span(rule.reads.needs), Completeness: e.stats.Completeness, Late: float64(here.late)}
	view.setLabels(rule.Grouping.By, g.values)
	readUnknown := false
	elsewhere := func(from, to time.Time) (*stretch, Span) {
		if began, ok := e.begins.at[g.grouping]; !ok || from.Before(began) {
			readUnknown = true
			return nil, unknownSpan()
		}
		s := e.stretchOf(g, from, to, rule.reads.needs)
		if s.omitted.Has(rule.reads.needs) {
			readUnknown = true
			return nil, unknownSpan()
		}
		return s, s.span(rule.reads.needs)
	}
	view.Over = remembered(func(text string) Span {
		_, span := elsewhere(at.Add(-e.wholePanes(rule.reads.over[text])), at)
		return span
	})
	view.Ago = rememberedAgo(func(key string) Span {
		if back, past := rule.reads.past[key]; past {
			span, known := e.past(rule, g, at.Add(-back))
			readUnknown = readUnknown || !known
			return span
		}
		ago := rule.reads.ago[key]
		ended := at.Add(-e.wholePanes(ago.back))
		_, span := elsewhere(ended.Add(-e.wholePanes(ago.of(rule.Window))), ended)
		return span
	})
	view.Baseline = remembered(func(text string) Baseline {
		out, known := e.baseline(rule, g, rule.reads.baseline[text], at)
		readUnknown = readUnknown || !known
		return out
	})
	if rule.reads.prev {
		before, span := elsewhere(from.Add(-window), from)
		view.Prev, view.DepartedClients = span, math.NaN()
		if before != nil {
			view.DepartedClients = departed(&before.totals, &here.totals)
		}
	}
	unsaid := false
	view.setPolicy(e.set.Policy, &unsaid)
	elsewhereUnknown := func() bool { return readUnknown || unsaid }
	active, indefinite, err := rule.holds(view, elsewhereUnknown)
	if err != nil {
		return verdict{}, err
	}
	found := verdict{active: active, view: view, totals: &here.totals, from: from}
	omitted := here.omitted.Has(rule.reads.needs)
	whole := e.wholeWindow(rule, at) && !omitted
	if err := rule.isCritical(&found, whole, elsewhereUnknown); err != nil {
		return verdict{}, err
	}
	heard := whole || !omitted && active && (rule.reads.presence || found.critical)
	found.unknown, found.indefinite = !heard || indefinite, heard && indefinite
	found.unmeasured = found.indefinite && !readUnknown
	return found, nil
}

// setPolicy lets a view read a policy. What that does not say is noted.
func (v *View) setPolicy(policy *Policy, unsaid *bool) {
	v.PolicyNumber = func(section, key, name string) float64 {
		value := policy.number(section, key, name)
		*unsaid = *unsaid || math.IsNaN(value)
		return value
	}
	v.PolicyVersion = func(language string) string {
		minimum := policy.version(language)
		*unsaid = *unsaid || minimum == ""
		return minimum
	}
	v.PolicyOwners = func(of, cluster, name string) float64 {
		owners := policy.owned(of, cluster, name)
		*unsaid = *unsaid || math.IsNaN(owners)
		return owners
	}
}

// remembered asks once for each text: what explains a verdict reads the same spans again.
func remembered[S any](ask func(text string) S) func(text string) S {
	known := map[string]S{}
	return func(text string) S {
		span, ok := known[text]
		if !ok {
			span = ask(text)
			known[text] = span
		}
		return span
	}
}

// holds says whether the condition is true of a view, and whether that is indefinite because of something unknown.
// elsewhereUnknown says, after a run, whether a span that it read is not known.
func (c *condition) holds(view *View, elsewhereUnknown func() bool) (active, indefinite bool, err error) {
	env := any(*view)
	active, err = isTrue(c.program, env)
	if err != nil || c.truth == nil || !elsewhereUnknown() && !c.readsUnknown(view) {
		return active, false, err
	}
	return c.truth.in(&vm.VM{}, env)
}

// readsUnknown says that the condition may read something of the view that is not known, besides spans elsewhere.
func (c *condition) readsUnknown(view *View) bool {
	return c.reads.gaugesElsewhere || c.reads.versions && !knownVersion(view.SDKVersion) || slices.ContainsFunc(c.reads.fields, func(field string) bool {
		_, ok := gaugeFields[field]
		return ok && math.IsNaN(view.number(field))
	})
}

func isTrue(program *vm.Program, view any) (bool, error) {
	out, err := expr.Run(program, view)
	if err != nil {
		return false, err
	}
	return out.(bool), nil
}

// wholePanes rounds a span up to panes.
func (e *Evaluator) wholePanes(span time.Duration) time.Duration {
	panes := (span + e.config.Pane - 1) / e.config.Pane
	return max(panes, 1) * e.config.Pane
}
