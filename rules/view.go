package rules

import (
	"math"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// View is what an expression is asked of: a group's span of the rule's window, its
// labels, and ways to look elsewhere in time.
type View struct {
	Span
	Prev            Span    `expr:"prev" unit:"the window before"`
	DepartedClients float64 `expr:"departed_clients" dim:"plain" unit:"clients of the window before that are gone without having stopped or paused"`
	Completeness    float64 `expr:"completeness" dim:"plain" unit:"share 0-1 of sources that contributed"`
	Late            float64 `expr:"late" dim:"plain" unit:"reports that came too late to be evaluated"`

	Over     func(span string) Span                   `expr:"over" unit:"the same group over another span that ends now"`
	Ago      func(back string, length ...string) Span `expr:"ago" unit:"the same window that long ago, or a span of its own that ended then"`
	Baseline func(span string) Baseline               `expr:"baseline" unit:"the same hour on earlier days"`

	PolicyNumber  func(section, key, name string) float64 `expr:"policy.number"`
	PolicyVersion func(language string) string            `expr:"policy.version"`
	PolicyOwners  func(of, cluster, name string) float64  `expr:"policy.owners" dim:"plain" unit:"owners: 1 or 0"`

	LabelView
}

// departedClients is the field that compares the clients of two windows.
const departedClients = "departed_clients"

// viewNames are the names that an expression may use, besides labels.
var viewNames = slices.Sorted(func(yield func(string) bool) {
	for name := range spanFields {
		if !yield(name) {
			return
		}
	}
	for _, name := range []string{"prev", departedClients, "completeness", "late", "over", "ago", baselineFunction, "label"} {
		if !yield(name) {
			return
		}
	}
})

func (v *View) setLabels(by, values []string) {
	var labels telemetry.Labels
	for i, name := range by {
		if field := labels.Field(name); field != nil {
			*field = values[i]
		}
	}
	v.LabelView = newLabelView(&labels, func(name string) string {
		if at := slices.Index(by, name); at >= 0 {
			return values[at]
		}
		return ""
	})
}

// number returns a numeric field by name, NaN where there is none of that name.
func (v *View) number(name string) float64 {
	switch name {
	case departedClients:
		return v.DepartedClients
	case "completeness":
		return v.Completeness
	case "late":
		return v.Late
	}
	if value, ok := v.Span.number(name); ok {
		return value
	}
	return math.NaN()
}

// LabelView is the labels that an expression sees: those of a group, or in where those of a series.
type LabelView struct {
	Env        string `expr:"env"`
	Cluster    string `expr:"cluster"`
	System     string `expr:"system"`
	Topic      string `expr:"topic"`
	Partition  string `expr:"partition"`
	Group      string `expr:"group"`
	Op         string `expr:"op"`
	Client     string `expr:"client"`
	Node       string `expr:"node"`
	SDKLang    string `expr:"sdk_lang"`
	SDKVersion string `expr:"sdk_version"`
	Tier       string `expr:"tier"`
	Lane       string `expr:"lane"`
	Tag        string `expr:"tag"`

	Label func(name string) string `expr:"label" unit:"a label's value"`
}

func newLabelView(l *telemetry.Labels, label func(name string) string) LabelView {
	return LabelView{l.Env, l.Cluster, l.System, l.Topic, l.Partition, l.Group, l.Op, l.Client, l.Node,
		l.SDKLang, l.SDKVersion, l.Tier, l.Lane, l.Tag, label}
}

// departed counts the clients of before that are not among now and did not say
// that they stopped or paused.
func departed(before, now *telemetry.Totals) float64 {
	gone := 0
	for _, client := range before.Clients {
		if !contains(now.Clients, client) && !contains(now.StoppedClients, client) && !contains(before.StoppedClients, client) {
			gone++
		}
	}
	return float64(gone)
}

func contains(sorted []string, s string) bool {
	_, found := slices.BinarySearch(sorted, s)
	return found
}

// fieldUnits are the units of the fields and functions of the view, by name.
var fieldUnits = func() map[string]string {
	out := map[string]string{}
	for _, view := range viewTypes {
		for i := range view.NumField() {
			if name := view.Field(i).Tag.Get("expr"); name != "" {
				out[name] = view.Field(i).Tag.Get("unit")
			}
		}
	}
	return out
}()
