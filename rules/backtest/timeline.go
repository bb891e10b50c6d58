package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Timeline is what became of the alerts of a set of rules.
type Timeline struct {
	From, To    time.Time
	Since       time.Time         // From, or where what is known begins, if that is later
	Rules       []string          // alert names, sorted
	Transitions []telemetry.Alert // by time; those before From too, since lives may have begun then
	Lives       []Life            // by the time they began; those that were over at From are left out
	Failures    uint64            // of evaluations: the rule may have fired otherwise
}

// Life is one alert from when its condition became true until it was over.
type Life struct {
	Rule     string
	Group    string            // the labels that the rule groups by, as name=value in the order of names
	Labels   map[string]string // the newest
	Summary  string            // the annotation, as it was when the alert fired
	Asks     []string          // what its rule proposed to ask of clients when it fired
	Reason   string            // why it resolved, where not by its condition
	Began    time.Time         // condition true
	Fired    time.Time         // zero where the alert was pending only
	Over     time.Time         // resolved, or no longer pending; zero where it was not at the timeline's end
	timeline *Timeline
}

// Firing is for how long the alert fired, up to the timeline's end; 0 where it did not.
func (l *Life) Firing() time.Duration {
	if l.Fired.IsZero() {
		return 0
	}
	return l.end().Sub(l.Fired)
}

// end is when the life was over, or the timeline.
func (l *Life) end() time.Time {
	if l.Over.IsZero() {
		return l.timeline.To
	}
	return l.Over
}

// identity is what a life has in common with its like under other rules: the labels that a
// rule adds may differ.
func (l *Life) identity() string { return l.Rule + "\x00" + l.Group }

// tell makes lives of the transitions.
func (t *Timeline) tell(set *rules.Set) {
	for _, rule := range set.Rules {
		t.Rules = append(t.Rules, rule.Alert)
	}
	slices.Sort(t.Rules)
	t.Rules = slices.Compact(t.Rules)
	open := map[string]*Life{}
	var all []*Life
	for i := range t.Transitions {
		alert := &t.Transitions[i]
		key := alert.Rule + "\x00" + alert.GroupKey
		life := open[key]
		if life == nil {
			if alert.State != telemetry.AlertPending && alert.State != telemetry.AlertFiring {
				continue // a resolved one is sent no longer
			}
			life = &Life{Rule: alert.Rule, Group: groupText(set.ByName(alert.Rule), alert.GroupKey), Began: alert.ActiveAt, timeline: t}
			open[key] = life
			all = append(all, life)
		}
		life.Labels, life.Reason = alert.Labels, alert.Reason
		switch alert.State {
		case telemetry.AlertFiring:
			if life.Fired.IsZero() {
				life.Fired, life.Summary, life.Asks = alert.FiredAt, alert.Annotations["summary"], rules.Asks(alert)
			}
		case telemetry.AlertResolved, telemetry.AlertInactive:
			life.Over = alert.EvaluatedAt
			delete(open, key)
		}
	}
	for _, life := range all {
		if life.Over.IsZero() || life.Over.After(t.From) {
			t.Lives = append(t.Lives, *life)
		}
	}
	slices.SortStableFunc(t.Lives, func(a, b Life) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Group, b.Group))
	})
}

// groupText names a group's labels; those without a value are left out.
func groupText(rule *rules.Rule, key string) string {
	if rule == nil {
		return ""
	}
	_, values, _ := strings.Cut(strings.TrimPrefix(key, rule.Grouping.ID), "\x00")
	var out []string
	for i, value := range strings.Split(values, "\x00") {
		if value != "" && i < len(rule.Grouping.By) {
			out = append(out, rule.Grouping.By[i]+"="+value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// fired are the lives in which an alert fired.
func (t *Timeline) fired() []*Life {
	var out []*Life
	for i := range t.Lives {
		if !t.Lives[i].Fired.IsZero() {
			out = append(out, &t.Lives[i])
		}
	}
	return out
}
