package rules

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// DefaultMaxGroups bounds the groups of one evaluator. Not smaller: a large fleet
// has 100,000 pairs of topic and group over a few partitions; not larger: each
// group costs kilobytes for every pane of the lookback.
const DefaultMaxGroups = 100_000

// ResolvedRetention is how long a resolved alert is kept and sent again, as
// Prometheus does (rules/alerting.go, resolvedRetention).
const ResolvedRetention = 15 * time.Minute

// UnmeasuredRetention is for how long an alert stays as it is while nobody reports the gauges that its rule reads. Not smaller:
// a collector may be away for a night, and nothing is better because of it; not larger: what was deleted has no gauges either.
const UnmeasuredRetention = 24 * time.Hour

// RefreshEvery is how often a firing alert's values are published while its state
// stays. Not smaller: weir.alerts would grow with every pane; not larger: what
// Alertmanager is sent again would be stale.
const RefreshEvery = 30 * time.Second

// Config sets an evaluator.
type Config struct {
	Pane      time.Duration // as the aggregators have it
	MaxGroups int           // 0 means DefaultMaxGroups
	Past      Past          // nil knows nothing
	// Settled says that all of a pane comes before it is evaluated, and that nobody writes any more to what Apply is given: it is
	// kept as it is, and not copied, and nothing is asked early.
	Settled bool
	// AheadExpiry is how long after the end of its pane what is told ahead counts, where the alert does not begin; 0 tells nothing ahead.
	AheadExpiry time.Duration
}

// Evaluator evaluates rules over one partition of weir.groups. It is not safe for
// concurrent use.
type Evaluator struct {
	config     Config
	used       map[string]bool // groupings, by some rule
	set        *Set
	kept       map[string]time.Duration // lookback of its rules, by grouping
	longest    time.Duration            // of kept, of groupings that have groups
	groups     map[string]*groupState
	inOrder    []*groupState // groups by their keys; nil where it is to be made
	remembered int           // of groups, for their absence only; at most, since some may have come back
	begins     begins
	omits      omitted
	batches    map[string]*batch    // by grouping
	foreseen   time.Time            // the step that was not foreseen any more
	early      map[string]*batch    // of conditions that are asked early
	fresh      map[string]time.Time // groups of which something came, and for when they were asked since
	later      map[string]time.Time // likewise of those with something of a pane after the next, for what is told ahead
	ahead      map[string]*batch    // of the conditions that are told ahead
	told       map[string]time.Time // alerts told ahead, by rule and group, and the ends of their panes
	byName     map[string]*Rule
	variants   map[string][]*Rule // by name, of rules that differ by tier
	sources    *sources
	alerts     map[string]*alertState // by rule and group
	evaluated  time.Time
	heard      time.Time // newest evaluation of windows that all sources had passed
	restored   time.Time // what was evaluated before a restart, zero where there was none
	health     map[string]*RuleHealth
	live       map[string]int // alerts pending or firing, of rules with a limit; while a step goes on
	stats      Stats
}

// alertState is an alert with what is not published of it.
type alertState struct {
	telemetry.Alert
	published time.Time // event time
	early     bool      // evaluated newest before all of the window had come
	proposing *Rule     // whose proposals it has
}

// NewEvaluator returns an evaluator that knows nothing yet.
func NewEvaluator(set *Set, config Config) *Evaluator {
	if config.MaxGroups == 0 {
		config.MaxGroups = DefaultMaxGroups
	}
	e := &Evaluator{config: config, set: set, groups: map[string]*groupState{}, begins: newBegins(), omits: omitted{},
		sources: newSources(config.Pane), alerts: map[string]*alertState{}, health: map[string]*RuleHealth{}}
	e.resetHealth()
	return e
}

func (e *Evaluator) resetHealth() {
	old := e.health
	e.kept, e.longest = e.set.lookbacks(), e.set.Lookback() // there may be groups to read again
	e.health, e.used, e.byName = map[string]*RuleHealth{}, map[string]bool{}, map[string]*Rule{}
	e.variants = map[string][]*Rule{}
	e.batches, e.foreseen = newBatches(conditionsOf(e.set), e.config.Pane), time.Time{}
	for _, batch := range e.batches {
		batch.columns.keeps = true
	}
	for _, g := range e.groups {
		g.slides = nil // of columns that are no more
	}
	if !e.config.Settled {
		e.early = newBatches(earlyConditions(e.set), e.config.Pane)
	}
	if e.config.AheadExpiry > 0 {
		e.ahead = newBatches(aheadConditions(e.set), e.config.Pane)
	}
	e.fresh, e.later, e.told = map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	for _, rule := range e.set.Rules {
		e.used[rule.Grouping.ID] = true
		if rule.Tier != "" {
			e.variants[rule.Alert] = append(e.variants[rule.Alert], rule)
		}
		if e.byName[rule.Alert] == nil {
			e.byName[rule.Alert] = rule
		}
		if e.health[rule.Alert] = old[rule.Alert]; e.health[rule.Alert] == nil {
			e.health[rule.Alert] = &RuleHealth{Rule: rule.Alert}
		}
	}
}

// Progress is how far rules were evaluated, in event time.
type Progress struct {
	EvaluatedUntil time.Time `json:"evaluated_until"` // zero before any evaluation
	// HeardUntil is the newest evaluation of windows that all sources had passed. Zero where it is not known.
	HeardUntil time.Time `json:"heard_until,omitzero"`
	// Begins say since when all of each grouping is known.
	Begins map[string]time.Time `json:"begins,omitempty"`
	// Floors say of groupings that were unknown for a while when they may begin.
	Floors map[string]time.Time `json:"floors,omitempty"`
	// Inspected is the begin of the newest day that was inspected, of the partition whose owner inspects. An evaluator says nothing of it.
	Inspected time.Time `json:"inspected,omitzero"`
	// Gap says that some of what a restart is to read again is missing: all that was before
	// the first watermark after it is unknown.
	Gap bool `json:"-"`
}

// Restore takes the states of alerts from before a restart, and how far rules were
// evaluated: until then input is kept and nothing is evaluated again.
func (e *Evaluator) Restore(alerts []telemetry.Alert, until Progress) {
	for _, alert := range alerts {
		e.alerts[alertKey(alert.Rule, alert.GroupKey)] = &alertState{Alert: alert, published: alert.EvaluatedAt}
	}
	e.restored, e.evaluated, e.heard = until.EvaluatedUntil, until.EvaluatedUntil, later(until.HeardUntil, until.EvaluatedUntil.Add(-absenceRetention))
	if until.HeardUntil.IsZero() {
		e.heard = e.evaluated
	}
	e.begins.restore(until, e.used)
}

// ApplyWatermark notes how far a source has come. The very first one is where
// evaluation begins. Of the pane in which the first one after a gap was written, some may
// have come before.
func (e *Evaluator) ApplyWatermark(w telemetry.Watermark) {
	e.sources.put(w)
	if e.evaluated.IsZero() {
		e.evaluated = w.EventTime.Truncate(e.config.Pane)
		e.heard = e.evaluated
		e.begins.since = later(e.evaluated, w.At.Truncate(e.config.Pane)) // the first report may be of a clock that is behind
	}
	if e.begins.gap {
		e.begins.afterGap(e.endOfPane(later(w.EventTime, w.At)), e.used)
	}
}

// Progress is how far was evaluated.
func (e *Evaluator) Progress() Progress {
	return Progress{EvaluatedUntil: e.evaluated, HeardUntil: e.heard, Begins: maps.Clone(e.begins.at), Floors: maps.Clone(e.begins.floors)}
}

// absenceRetention is how long a group without data is remembered while it is not known
// whether it is absent. Not smaller: a source may have no aggregator for as long as it takes
// to mend it; not larger: a restart reads as much again.
const absenceRetention = time.Hour

// OldestNeeded is the event time before which no rule needs anything any more of the groups that there are; the zero
// time before any evaluation. A restart that reads from there knows the whole lookback, to
// which two panes are added, and the groups that were there when all sources were heard last.
func (e *Evaluator) OldestNeeded() time.Time {
	if e.evaluated.IsZero() {
		return time.Time{}
	}
	return e.lookback(e.heard, e.longest)
}

// readsAgain says that what comes was read before a restart.
func (e *Evaluator) readsAgain() bool { return !e.restored.IsZero() && e.evaluated.Equal(e.restored) }

// oldestPane is the event time before which no rule of a grouping reads panes any more.
func (e *Evaluator) oldestPane(grouping string) time.Time {
	if e.evaluated.IsZero() {
		return time.Time{}
	}
	return e.lookback(e.evaluated, e.kept[grouping])
}

func (e *Evaluator) lookback(from time.Time, kept time.Duration) time.Time {
	return from.Add(-kept - 2*e.config.Pane)
}

// Swap replaces the rules. An alert whose rule keeps its name and grouping keeps
// its state; others end at the next evaluation, with the reason.
func (e *Evaluator) Swap(set *Set) []telemetry.Alert {
	before := e.used
	e.set = set
	e.resetHealth()
	e.begins.swap(before, e.used, later(e.evaluated, e.sources.newest.At))
	maps.DeleteFunc(e.groups, func(_ string, g *groupState) bool { return !e.used[g.grouping] })
	e.inOrder = nil
	if e.evaluated.IsZero() {
		return nil
	}
	return e.endOrphans(e.evaluated)
}

// Alerts returns all alerts, sorted by rule and identity.
func (e *Evaluator) Alerts() []telemetry.Alert {
	out := make([]telemetry.Alert, 0, len(e.alerts))
	for _, alert := range e.alerts {
		out = append(out, alert.Alert)
	}
	slices.SortFunc(out, func(a, b telemetry.Alert) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.ID, b.ID)) })
	return out
}

// groupsWithAlerts are the keys of the groups that have an alert of some rule.
func (e *Evaluator) groupsWithAlerts() map[string]bool {
	out := map[string]bool{}
	for _, alert := range e.alerts {
		if e.byName[alert.Rule] != nil {
			out[alert.GroupKey] = true
		}
	}
	return out
}

func alertKey(rule, group string) string { return rule + "\x00" + group }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
