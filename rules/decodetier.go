package rules

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Tiers are the values of the label tier that by_tier knows, the most important first.
var Tiers = []string{"S1", "S2", "S3", "S4"}

// DefaultTier stands in by_tier for the tiers that it does not name, and for none at all.
const DefaultTier = "default"

// tierLabel is the label that by_tier goes by.
const tierLabel = "tier"

var (
	tierNames = append(slices.Clone(Tiers), DefaultTier)
	// tierKeys are those of a rule that a tier may have of its own: none on which the groups depend.
	tierKeys = []string{"window", "let", "expr", "warn", "crit", "for", "keep_firing_for", "labels"}
)

// tiers are the variants of a rule that has by_tier. One without default holds for the other tiers as it is, where it has a
// condition.
func (d *decoder) tiers(node *yaml.Node, rule *Rule, from layers) []*Rule {
	given := d.mapping(node, "by_tier", tierNames)
	if by := d.by(from.value("by")); !slices.Contains(by, tierLabel) {
		d.fault(keyIn(rule.written.layers, node), "add it to by", "by_tier goes by the label tier, and the rule groups by %v", by)
	}
	if len(node.Content) == 0 && node.Kind == yaml.MappingNode {
		d.fault(node, "name one of "+strings.Join(tierNames, ", "), "by_tier is empty")
	}
	var named []string
	for _, tier := range Tiers {
		if given[tier] != nil {
			named = append(named, tier)
		}
	}
	var out []*Rule
	elsewhere := letsOfTiers(given)
	for _, tier := range tierNames {
		variant := *rule
		variant.Tier, variant.named, variant.tierLets = tier, named, elsewhere
		switch value := given[tier]; {
		case value != nil:
			variant.written.layers = append(slices.Clone(rule.written.layers), value)
			if value.Kind != yaml.MappingNode {
				d.mapping(value, "a tier of by_tier", tierKeys)
				continue
			}
			d.complete(value, &variant, append(slices.Clone(from), d.mapping(value, "a tier of by_tier", tierKeys)))
		case tier == DefaultTier && from.firstCondition() != nil:
			d.complete(node, &variant, from)
		default:
			continue
		}
		out = append(out, &variant)
	}
	return out
}

// letsOfTiers are the names of the lets that tiers have, by tier.
func letsOfTiers(given map[string]*yaml.Node) map[string]string {
	out := map[string]string{}
	for _, tier := range tierNames {
		for name := range entries(under(given[tier], []string{"let"})) {
			out[name.Value] = tier
		}
	}
	return out
}

// keyIn returns the key of a value of one of some mappings.
func keyIn(mappings []*yaml.Node, value *yaml.Node) *yaml.Node {
	for _, mapping := range mappings {
		if mapping != nil && slices.Contains(mapping.Content, value) {
			return keyOf(mapping, value)
		}
	}
	return value
}

// covers says that the rule is asked of groups of a tier.
func (r *Rule) covers(tier string) bool {
	switch r.Tier {
	case "":
		return true
	case DefaultTier:
		return !slices.Contains(r.named, tier)
	}
	return r.Tier == tier
}

// tierOf is the tier of a group, by the values of the labels that the rule groups by.
func (r *Rule) tierOf(values []string) string {
	if at := slices.Index(r.Grouping.By, tierLabel); at >= 0 {
		return values[at]
	}
	return ""
}

// covered are the rows of groups that the rule is asked of.
func (r *Rule) covered(rows []int32, groups []*groupState) []int32 {
	if r.Tier == "" {
		return rows
	}
	var out []int32
	for _, row := range rows {
		if r.Covers(groups[row].values) {
			out = append(out, row)
		}
	}
	return out
}

// coveredOf is how many groups the rule is asked of.
func (r *Rule) coveredOf(groups []*groupState) int {
	if r.Tier == "" {
		return len(groups)
	}
	count := 0
	for _, g := range groups {
		if r.Covers(g.values) {
			count++
		}
	}
	return count
}
