package rules

import (
	"math"

	"github.com/weirmq/weir/rules/unit"
	"github.com/weirmq/weir/telemetry"
)

// PolicyFile is the file in a folder of rules that says what is allowed and what there should be. It has no rules.
const PolicyFile = "policy.yaml"

// Policy is what a fleet has agreed on, for rules to compare with. What it does not say is unknown, never 0.
type Policy struct {
	SDKMin   map[string]string             // the lowest version allowed, by sdk_lang
	Tiers    map[string]map[string]float64 // limits of Limits, by tier, in seconds, bytes or plain
	Clusters map[string]map[string]float64 // what there should be, of Inventory, by cluster
	Owners   []telemetry.Owner             // the first that has something counts
}

// Limits are those that a tier may have, with what they measure.
var Limits = map[string]unit.Dimension{
	"lag_age":      unit.Time,  // of the oldest message that is not committed
	"lag":          unit.Plain, // messages that are not committed
	"paused":       unit.Time,  // how long consumption may be paused
	"send_p99":     unit.Time,
	"consume_p99":  unit.Time,
	"message_size": unit.Bytes,
	"error_rate":   unit.Plain,
}

// Inventory is what may be said of a cluster, with what it measures.
var Inventory = map[string]unit.Dimension{
	"nodes":        unit.Plain,
	"brokers":      unit.Plain,
	"capacity_tps": unit.PerSecond, // as tested
}

// Sections of a policy, as policy.yaml and expressions name them.
const (
	policySDKMin    = "sdk_min"
	policyTiers     = "tiers"
	policyInventory = "inventory"
	policyClusters  = "clusters" // within the inventory of policy.yaml
	policyOwners    = "owners"
)

// policySections are all of them.
var policySections = []string{policySDKMin, policyTiers, policyInventory, policyOwners}

// policyNumbers are the names that a section has numbers for.
var policyNumbers = map[string]map[string]unit.Dimension{policyTiers: Limits, policyInventory: Inventory}

// number is a limit of a tier or a number of a cluster; NaN where the policy does not say it.
func (p *Policy) number(section, key, name string) float64 {
	if p == nil {
		return math.NaN()
	}
	in := p.Tiers
	if section == policyInventory {
		in = p.Clusters
	}
	if value, ok := in[key][name]; ok {
		return value
	}
	return math.NaN()
}

// version is the lowest one allowed of a language, "" where the policy does not say it.
func (p *Policy) version(language string) string {
	if p == nil {
		return ""
	}
	return p.SDKMin[language]
}
