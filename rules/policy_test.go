package rules

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

const rightPolicy = `sdk_min: {go: 1.2.0, java: "2.0"}
tiers:
  S1: {lag_age: 1m30s, lag: 5000, message_size: 10KiB, error_rate: 1%}
  S2: {lag_age: 5m}
inventory:
  clusters:
    eu: {nodes: 12, brokers: 3, capacity_tps: 100000}
`

func TestPolicyIsRead(t *testing.T) {
	policy, faults := ParsePolicy("policy.yaml", []byte(rightPolicy))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, c := range []struct {
		section, key, name string
		want               float64
	}{{"tiers", "S1", "lag_age", 90}, {"tiers", "S1", "message_size", 10240}, {"tiers", "S1", "error_rate", 0.01}, {"tiers", "S1", "lag", 5000},
		{"tiers", "S2", "lag_age", 300}, {"inventory", "eu", "capacity_tps", 100_000}} {
		if got := policy.number(c.section, c.key, c.name); got != c.want {
			t.Errorf("%s of %s is %g, want %g", c.name, c.key, got, c.want)
		}
	}
	for _, c := range [][3]string{{"tiers", "S2", "lag"}, {"tiers", "", "lag"}, {"inventory", "us", "nodes"}} {
		if got := policy.number(c[0], c[1], c[2]); got == got {
			t.Errorf("the policy says nothing of %v, got %g", c, got)
		}
	}
	if got := policy.version("java") + " " + policy.version("python"); got != "2.0 " {
		t.Errorf("the lowest versions of java and python are %q", got)
	}
}

const rightOwners = `owners:
  - {owner: payments, contact: "#pay", tier: S1, clusters: [eu*], topics: [pay-*, ledger], groups: [billing*]}
  - {owner: platform, clusters: [eu-2]}
  - {owner: audit, clusters: [us], groups: [audit]}
`

func TestOwnersAreRead(t *testing.T) {
	policy, faults := ParsePolicy("policy.yaml", []byte(rightOwners))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, c := range []struct {
		of, cluster, name string
		want              float64
	}{{"topic", "eu", "pay-in", 1}, {"topic", "eu", "orders", 0}, {"topic", "eu-2", "orders", 1}, {"group", "eu", "billing-2", 1}, {"group", "eu", "pay-in", 0},
		{"group", "us", "audit", 1}, {"topic", "us", "audit", 0}, {"topic", "ap", "pay-in", math.NaN()}, {"topic", "", "pay-in", math.NaN()}} {
		if got := policy.owned(c.of, c.cluster, c.name); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s %s of %s has %g owners, want %g", c.of, c.name, c.cluster, got, c.want)
		}
	}
	want := telemetry.Owner{Name: "payments", Contact: "#pay", Tier: "S1", Clusters: []string{"eu*"}, Topics: []string{"pay-*", "ledger"}, Groups: []string{"billing*"}}
	if diff := cmp.Diff(want, policy.Owners[0]); diff != "" {
		t.Errorf("the first owner (-want +got):\n%s", diff)
	}
	var none *Policy
	if got := none.owned("topic", "eu", "a"); !math.IsNaN(got) {
		t.Errorf("without a policy a topic has %g owners", got)
	}
}

func TestOwnersFaults(t *testing.T) {
	_, faults := ParsePolicy("policy.yaml", []byte(`owners:
  - {topics: [a]}
  - {owner: pay}
  - {owner: pay, topic: [a]}
  - {owner: pay, topics: a*, groups: [], clusters: ["a?"]}
  - {owner: " ", topics: ["", [a]], tier: s1}
  - pay
`))
	want := `policy.yaml:2:5: an owner has no name; add owner: the name of a team
      - {topics: [a]}
        ^
policy.yaml:3:5: an owner of nothing: neither clusters nor topics nor groups are named; add clusters, topics or groups
      - {owner: pay}
        ^
policy.yaml:4:5: an owner of nothing: neither clusters nor topics nor groups are named; add clusters, topics or groups
      - {owner: pay, topic: [a]}
        ^
policy.yaml:4:18: unknown field "topic" in an owner; known are owner, contact, tier, clusters, topics, groups; did you mean "topics"?
      - {owner: pay, topic: [a]}
                     ^
policy.yaml:5:26: got "a*", want a list of topics
      - {owner: pay, topics: a*, groups: [], clusters: ["a?"]}
                             ^
policy.yaml:5:38: got an empty list of groups; leave it out, or name some
      - {owner: pay, topics: a*, groups: [], clusters: ["a?"]}
                                         ^
policy.yaml:5:53: got "a?" among clusters, want a name without ?, [ and ]; * stands for any text, all else for itself
      - {owner: pay, topics: a*, groups: [], clusters: ["a?"]}
                                                        ^
policy.yaml:6:5: an owner has no name; add owner: the name of a team
      - {owner: " ", topics: ["", [a]], tier: s1}
        ^
policy.yaml:6:27: got "" among topics, want a name; * stands for any text, all else for itself
      - {owner: " ", topics: ["", [a]], tier: s1}
                              ^
policy.yaml:6:31: got a list, want text for a name of topics
      - {owner: " ", topics: ["", [a]], tier: s1}
                                  ^
policy.yaml:6:43: unknown tier "s1"; known are S1, S2, S3, S4; did you mean "S1"?
      - {owner: " ", topics: ["", [a]], tier: s1}
                                              ^
policy.yaml:7:5: got "pay", want an owner with keys owner, contact, tier, clusters, topics, groups
      - pay
        ^`
	if diff := cmp.Diff(want, faults.sorted().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPolicyFaults(t *testing.T) {
	_, faults := ParsePolicy("policy.yaml", []byte(`sdk_min: {go: latest, java: [1]}
tier: {}
tiers:
  S1: {lag_age: 60, lagg: 5, lag: 5s, message_size: much}
  S2: 5m
  s3: {}
inventory:
  cluster: {}
  clusters:
    eu: {nodes: twelve}
---
tiers: {S1: {lag_age: 5m}}
`))
	want := `policy.yaml:1:15: got version "latest" of go, want one that begins with a number, as in 1.2.0
    sdk_min: {go: latest, java: [1]}
                  ^
policy.yaml:1:29: got a list, want text for the lowest version of java
    sdk_min: {go: latest, java: [1]}
                                ^
policy.yaml:2:1: unknown field "tier" in a policy; known are sdk_min, tiers, inventory, owners; did you mean "tiers"?
    tier: {}
    ^
policy.yaml:4:17: got 60 for lag_age, want a number with a unit, as in 60s
      S1: {lag_age: 60, lagg: 5, lag: 5s, message_size: much}
                    ^
policy.yaml:4:21: unknown field "lagg" in the tiers: S1; known are consume_p99, error_rate, lag, lag_age, message_size, paused, send_p99; did you mean "lag"?
      S1: {lag_age: 60, lagg: 5, lag: 5s, message_size: much}
                        ^
policy.yaml:4:35: got 5s for lag, which is a plain number
      S1: {lag_age: 60, lagg: 5, lag: 5s, message_size: much}
                                      ^
policy.yaml:4:53: got "much" for message_size, want a number, as in 10KiB
      S1: {lag_age: 60, lagg: 5, lag: 5s, message_size: much}
                                                        ^
policy.yaml:5:7: got "5m", want the tiers: S2 with keys consume_p99, error_rate, lag, lag_age, message_size, paused, send_p99
      S2: 5m
          ^
policy.yaml:6:3: unknown tier "s3"; known are S1, S2, S3, S4, and "" for clients without one; did you mean "S3"?
      s3: {}
      ^
policy.yaml:8:3: unknown field "cluster" in the inventory; known are clusters; did you mean "clusters"?
      cluster: {}
      ^
policy.yaml:10:17: got "twelve" for nodes, want a number, as in 100000
        eu: {nodes: twelve}
                    ^
policy.yaml:11:1: a policy is one document, and another begins here; take away the line ---
    ---
    ^`
	if diff := cmp.Diff(want, faults.sorted().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPolicyInExpressions holds what is said of expressions that read a policy otherwise than they can.
func TestPolicyInExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`lag_seconds > policy.tiers[tier].lag_age`:                                "",
		`lag_seconds > 2 * policy.tiers["S1"].lag_age and lag > 5`:                "",
		`tps > 50% * policy.inventory[cluster].capacity_tps`:                      "",
		`outdated(policy.sdk_min[sdk_lang]) > 0`:                                  "",
		`lag_seconds > policy.tiers[tier].lag_agee`:                               "policy.tiers has no lag_agee; known are consume_p99, error_rate, lag, lag_age, message_size, paused, send_p99",
		`lag_seconds > policy.tiers[tier]`:                                        "a policy is read by section, key and name",
		`lag_seconds > policy.tier[tier].lag_age`:                                 "a policy has no tier; known are sdk_min, tiers, inventory, owners",
		`lag > policy.tiers[tier].lag_age`:                                        "?",
		`tps > policy.inventory[client].capacity_tps`:                             "label client is not one the rule groups by",
		`policy.tiers[tier].lag_age > 60`:                                         "?",
		`nodes_alive < policy.inventory[cluster].nodes and policy.x == 5`:         "a policy has no x; known are sdk_min, tiers, inventory, owners",
		`nodes_alive < policy.clusters[cluster].nodes`:                            "a policy has no clusters; known are sdk_min, tiers, inventory, owners",
		`nodes_alive < policy.inventory.clusters[cluster].nodes`:                  "clusters stands in policy.yaml alone",
		`any(["S1"], lag > policy.tiers[#].lag)`:                                  "policy.tiers is read by a label that the rule groups by, or by a text, and # is another thing each time",
		`lag_seconds > policy.tiers[tier][tier]`:                                  "the name behind a tier or a cluster is a constant",
		`lag_seconds > policy.tiers[5].lag_age`:                                   "between the brackets of a policy stands a text, and this is a number",
		`outdated(policy.inventory[cluster].nodes) > 0 and tps > 0`:               "outdated takes a text, and this is a number",
		`policy.owners[topic] == 0 and messages > 0 or policy.owners[group] == 0`: "",
		`policy.owners[tier] == 0`:                                                "owners are those of a topic or of a group",
		`policy.owners["orders"] == 0`:                                            "owners are those of a topic or of a group",
		`policy.owners == 0`:                                                      "a policy is read by section, key and name",
		`policy.owner[topic] == 0`:                                                "a policy has no owner; known are sdk_min, tiers, inventory, owners",
		`policy.owners[topic].contact == "a"`:                                     "?",
		`policy.owners[partition] == 0`:                                           "?",
		`policy.sdk_min[sdk_lang] > 5 and lag_seconds > 60s and members > 0`:      "invalid operation: > (mismatched types a text and a number)",
	} {
		_, err := compileExpr(text, []string{"tier", "cluster", "sdk_lang", "topic", "group"}, LaneRealtime)
		switch {
		case want == "?" && err == nil:
			t.Errorf("%s is accepted", text)
		case want == "?":
		case err == nil && want != "" || err != nil && err.Error() != want:
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestOwnersAreToldByLabels, with the cluster: what is there is there, whatever else is not.
func TestOwnersAreToldByLabels(t *testing.T) {
	got, err := compileExpr("policy.owners[topic] == 0", []string{"topic", "cluster"}, LaneInspection)
	if err != nil || !got.reads.presence || !got.reads.policy {
		t.Errorf("got %+v, %v", got.reads, err)
	}
	if _, err = compileExpr("policy.owners[topic] == 0", []string{"topic"}, LaneInspection); err == nil || err.Error() != "label cluster is not one the rule groups by" {
		t.Errorf("without the cluster: %v", err)
	}
}

func TestRulesThatNeedAPolicy(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rules.yaml", "groups:\n  - name: g\n    rules:\n      - {alert: Old, by: [tier], expr: 'lag_seconds > policy.tiers[tier].lag_age'}\n")
	_, err := Load(dir)
	want := filepath.Join(dir, "rules.yaml") + `:4:17: alert Old compares with the policy, and the folder has no policy.yaml; write one, or compare with numbers
          - {alert: Old, by: [tier], expr: 'lag_seconds > policy.tiers[tier].lag_age'}
                    ^`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	write("policy.yaml", rightPolicy)
	set, err := Load(dir)
	if err != nil || len(set.Rules) != 1 || set.Policy.SDKMin["go"] != "1.2.0" {
		t.Errorf("got %+v, %v", set, err)
	}
	write("policy.yaml", "tiers: [\n")
	if _, err := Load(dir); err == nil {
		t.Error("a policy that is no YAML is accepted")
	}
}

// TestPolicyIsReadAgainWithTheRules holds that an alert keeps its state where a limit changes, and is asked by the new one.
func TestPolicyIsReadAgainWithTheRules(t *testing.T) {
	parsed, faults := Parse("rules.yaml", []byte("groups:\n  - name: g\n    rules:\n      - {alert: Behind, by: [tier], window: 1s, expr: 'lag_seconds > policy.tiers[tier].lag_age'}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	with := func(limit float64) *Set {
		return &Set{Rules: parsed, Policy: &Policy{Tiers: map[string]map[string]float64{"S1": {"lag_age": limit}}}}
	}
	e, began := NewEvaluator(with(60), Config{Pane: time.Second}), time.Unix(1_800_000_000, 0).UTC()
	var states []telemetry.AlertState
	come := func(second int) {
		at := began.Add(time.Duration(second) * time.Second)
		totals := telemetry.Totals{Reports: 1, Gauges: []telemetry.GaugeValue{{Name: telemetry.GaugeLagSeconds, TimeUnixMillis: at.UnixMilli(), Max: 100, Series: 1}}}
		e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: parsed[0].Grouping.ID, Values: []string{"S1"},
			Partials: []telemetry.GroupPartial{{Pane: at, Totals: totals}}}}})
		e.ApplyWatermark(telemetry.Watermark{EventTime: at.Add(time.Second), At: at, Sources: 1})
		for _, alert := range e.Advance() {
			if alert.Transition {
				states = append(states, alert.State)
			}
		}
	}
	e.ApplyWatermark(telemetry.Watermark{EventTime: began, At: began, Sources: 1})
	come(0)
	e.Swap(with(90))
	come(1)
	e.Swap(&Set{Rules: parsed}) // unknown
	come(2)
	e.Swap(with(120))
	come(3)
	if want := []telemetry.AlertState{telemetry.AlertFiring, telemetry.AlertResolved}; !slices.Equal(states, want) {
		t.Errorf("the alert became %v, want %v", states, want)
	}
}
