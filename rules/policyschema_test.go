package rules

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policySchemaPath is the schema of policies that editors complete by.
const policySchemaPath = "../docs/policy.schema.json"

// TestPolicySchemaHasTheNamesOfTheLoader holds that each knows what the other knows, with words for it.
func TestPolicySchemaHasTheNamesOfTheLoader(t *testing.T) {
	text, err := os.ReadFile(policySchemaPath)
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties  map[string]struct{ Description string }
		Definitions map[string]json.RawMessage
	}
	var policy, tier, cluster, owner object
	err = json.Unmarshal(text, &policy)
	err = errors.Join(err, json.Unmarshal(policy.Definitions["tier"], &tier), json.Unmarshal(policy.Definitions["cluster"], &cluster), json.Unmarshal(policy.Definitions["owner"], &owner))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		schema object
		known  []string
	}{"a policy": {policy, slices.Sorted(slices.Values(policySections))}, "a tier": {tier, slices.Sorted(maps.Keys(Limits))}, "a cluster": {cluster, slices.Sorted(maps.Keys(Inventory))}, "an owner": {owner, slices.Sorted(slices.Values(ownerKeys))}} {
		if diff := cmp.Diff(c.known, slices.Sorted(maps.Keys(c.schema.Properties))); diff != "" {
			t.Errorf("%s has other names in %s (-loader +schema); add what each means to the schema:\n%s", name, policySchemaPath, diff)
		}
		for key, property := range c.schema.Properties {
			if property.Description == "" {
				t.Errorf("%s: %s of %s has no description", policySchemaPath, key, name)
			}
		}
	}
}

// TestPolicySchemaAgreesWithTheLoader on policies that are right, and on some with one fault each.
func TestPolicySchemaAgreesWithTheLoader(t *testing.T) {
	schema := compileSchema(t, policySchemaPath)
	for want, policies := range map[bool][]string{
		true: {rightPolicy, "", "# none\n", "sdk_min: {}\n", "sdk_min: {go: v1.2.0, java: 1.5, c: 2}\n", "tiers: {S1: {lag_age: 500ms, message_size: 1.5MB, error_rate: 0.01}, S2: {}}\n",
			"tiers: {\"\": {lag_age: 30m}}\n", "inventory: {clusters: {}}\n", "inventory: {clusters: {eu: {capacity_tps: 5000/s}}}\n",
			"owners: []\n", "owners: [{owner: pay, contact: \"#pay\", tier: S1, clusters: [eu*], topics: [pay-*, 7], groups: ['*']}]\n", "owners: [{owner: 7, clusters: [\"*\"]}]\n"},
		false: {"sdk_min: {go: latest}\n", "sdk_min: {java: [1]}\n", "sdk_min: [go]\n", "tier: {}\n", "tiers: {S1: 5m}\n", "tiers: {s1: {}}\n", "tiers: {S1: {lag_age: 60}}\n", "tiers: {S1: {lagg: 5}}\n",
			"tiers: {S1: {lag: 5s}}\n", "tiers: {S1: {message_size: much}}\n", "tiers: {S1: {paused: 10KiB}}\n", "inventory: {cluster: {}}\n", "inventory: {clusters: {eu: {nodes: twelve}}}\n",
			"inventory: {clusters: {eu: {nodes: 12/s}}}\n",
			"owners: {pay: {topics: [a]}}\n", "owners: [pay]\n", "owners: [{topics: [a]}]\n", "owners: [{owner: '', topics: [a]}]\n", "owners: [{owner: pay}]\n", "owners: [{owner: pay, topic: [a]}]\n",
			"owners: [{owner: pay, topics: a}]\n", "owners: [{owner: pay, topics: []}]\n", "owners: [{owner: pay, topics: ['']}]\n", "owners: [{owner: pay, topics: ['a?']}]\n", "owners: [{owner: pay, topics: [a], tier: S5}]\n",
			"owners: [{owner: pay, topics: [[a]]}]\n"},
	} {
		for _, policy := range policies {
			_, faults := ParsePolicy("policy.yaml", []byte(policy))
			err := validate(t, schema, []byte(policy))
			if (len(faults) == 0) != want || (err == nil) != want {
				t.Errorf("%q: the loader says %v, the schema says %v; want both to take it: %v", policy, faults, err, want)
			}
		}
	}
}
