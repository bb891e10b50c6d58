package rules

import (
	"cmp"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// explained returns the parts of a rule's conditions, all of one before the next: that of a severity first, then that of the
// other, and what both need last. Without a severity they stand as the rule has them.
func (r *Rule) explained(view *View, severity string) (parts []telemetry.ExplainedPart, more int) {
	order := map[string][]string{severityWarning: {"warn", "crit", "expr"}, severityCritical: {"crit", "warn", "expr"}}[severity]
	conditions := slices.Clone(r.explainers)
	slices.SortStableFunc(conditions, func(a, b *explainer) int {
		return cmp.Compare(slices.Index(order, a.condition), slices.Index(order, b.condition))
	})
	for _, x := range conditions {
		found, hidden := x.explain(view)
		shown := min(len(found), MaxExplained-len(parts))
		parts, more = append(parts, found[:shown]...), more+hidden+len(found)-shown
	}
	return parts, more
}

// Explained are the whole conditions of the rule as explanations of its alerts have them, without values.
func (r *Rule) Explained() []telemetry.ExplainedPart {
	var out []telemetry.ExplainedPart
	for _, x := range r.explainers {
		x.once.Do(x.takeApart)
		for i := range x.parts {
			if x.parts[i].Depth == 0 {
				out = append(out, x.parts[i].ExplainedPart)
			}
		}
	}
	return out
}

// explanation is what an evaluation saw of an alert of a severity.
func explanation(rule *Rule, found verdict, severity string) *telemetry.Explanation {
	out := &telemetry.Explanation{Clients: uint64(found.view.Clients)}
	out.Parts, out.More = rule.explained(found.view, severity)
	versions := slices.Clone(found.totals.Versions)
	slices.SortStableFunc(versions, func(a, b telemetry.VersionTotals) int { return cmp.Compare(b.Messages, a.Messages) })
	for _, version := range versions[:min(len(versions), MaxExplainedVersions)] {
		out.Versions = append(out.Versions, telemetry.ExplainedVersion{SDKLang: version.SDKLang, SDKVersion: version.SDKVersion, Messages: version.Messages})
	}
	return out
}
