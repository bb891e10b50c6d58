package rules

import (
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

// MaxOwners bounds the owners of a policy. Not fewer: large fleets have a few hundred teams; not more: each topic and group of the
// store is held against all of them whenever somebody asks whose it is.
const MaxOwners = 1_000

// ownerKeys are those of an owner in policy.yaml.
var ownerKeys = []string{"owner", "contact", "tier", "clusters", "topics", "groups"}

// owners reads a list of owners.
func (d *decoder) owners(node *yaml.Node) []telemetry.Owner {
	var out []telemetry.Owner
	items := d.sequence(node, "owners, as in - {owner: payments, topics: [pay-*]}")
	if len(items) > MaxOwners {
		d.fault(items[MaxOwners], "", "got %d owners, at most %d are allowed", len(items), MaxOwners)
	}
	for _, item := range items {
		out = append(out, d.owner(item))
	}
	return out
}

func (d *decoder) owner(node *yaml.Node) telemetry.Owner {
	keys := d.mapping(node, "an owner", ownerKeys)
	out := telemetry.Owner{Clusters: d.patterns(keys["clusters"], "clusters"), Topics: d.patterns(keys["topics"], "topics"), Groups: d.patterns(keys["groups"], "groups")}
	out.Contact, _ = d.text(keys["contact"], "contact")
	name, given := d.text(keys["owner"], "owner")
	out.Name = name
	if node.Kind == yaml.MappingNode && (keys["owner"] == nil || given && strings.TrimSpace(name) == "") {
		d.fault(node, "add owner: the name of a team", "an owner has no name")
	}
	if tier, ok := d.text(keys["tier"], "tier"); ok {
		if !slices.Contains(Tiers, tier) {
			d.fault(keys["tier"], didYouMean(tier, Tiers), "unknown tier %q; known are %s", tier, strings.Join(Tiers, ", "))
		}
		out.Tier = tier
	}
	if node.Kind == yaml.MappingNode && keys["clusters"] == nil && keys["topics"] == nil && keys["groups"] == nil {
		d.fault(node, "add clusters, topics or groups", "an owner of nothing: neither clusters nor topics nor groups are named")
	}
	return out
}

// patterns reads names in which * stands for any text.
func (d *decoder) patterns(node *yaml.Node, what string) []string {
	var out []string
	items := d.sequence(node, what)
	if node != nil && node.Kind == yaml.SequenceNode && len(items) == 0 {
		d.fault(node, "leave it out, or name some", "got an empty list of %s", what)
	}
	for _, item := range items {
		text, ok := d.text(item, "a name of "+what)
		if ok && (text == "" || telemetry.HasControl(text)) {
			d.fault(item, "* stands for any text, all else for itself", "got %q among %s, want a name", text, what)
		}
		if ok && strings.ContainsAny(text, "?[]") {
			d.fault(item, "* stands for any text, all else for itself", "got %q among %s, want a name without ?, [ and ]", text, what)
		}
		out = append(out, text)
	}
	return out
}

// owned says how many owners a topic or a group has: 1 or 0. It is NaN where the policy names nobody who has anything in the cluster.
func (p *Policy) owned(of, cluster, name string) float64 {
	if p == nil {
		return math.NaN()
	}
	out := math.NaN()
	for i := range p.Owners {
		owner := &p.Owners[i]
		if of == "topic" && owner.HasTopic(cluster, name) || of == "group" && owner.HasGroup(cluster, name) {
			return 1
		}
		if owner.HasCluster(cluster) {
			out = 0
		}
	}
	return out
}
