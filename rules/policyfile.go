package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules/unit"
)

// ParsePolicy reads a policy; path is for messages only.
func ParsePolicy(path string, content []byte) (*Policy, Faults) {
	if faults := Undecoded(path, content); faults != nil {
		return nil, faults
	}
	d := &decoder{path: path, lines: lineBreak.Split(string(content), -1)}
	var document, further yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(content))
	err := documents.Decode(&document)
	if err == nil {
		if err = documents.Decode(&further); err == nil {
			d.fault(&further, "take away the line ---", "a policy is one document, and another begins here")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		d.syntax(string(content), err)
		return nil, d.faults
	}
	out := &Policy{SDKMin: map[string]string{}, Tiers: map[string]map[string]float64{}, Clusters: map[string]map[string]float64{}}
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return out, d.faults
	}
	sections := d.mapping(document.Content[0], "a policy", policySections)
	d.versions(sections[policySDKMin], out.SDKMin)
	if tiers := sections[policyTiers]; tiers != nil {
		d.numbersBy(d.byTierName(tiers), "the tiers", Limits, out.Tiers)
	}
	if inventory := sections[policyInventory]; inventory != nil {
		if clusters := d.mapping(inventory, "the inventory", []string{policyClusters})[policyClusters]; clusters != nil {
			d.numbersBy(d.named(clusters, "the clusters"), "the clusters", Inventory, out.Clusters)
		}
	}
	out.Owners = d.owners(sections[policyOwners])
	if len(d.faults) > 0 {
		return nil, d.faults
	}
	return out, nil
}

func (d *decoder) versions(node *yaml.Node, into map[string]string) {
	if node == nil {
		return
	}
	for language, value := range d.named(node, "the lowest versions") {
		text, ok := d.text(value, "the lowest version of "+language)
		if ok && !knownVersion(text) {
			d.fault(value, "", "got version %q of %s, want one that begins with a number, as in 1.2.0", text, language)
		}
		into[language] = text
	}
}

// named returns a mapping whose keys may be any.
func (d *decoder) named(node *yaml.Node, what string) map[string]*yaml.Node {
	if node.Kind != yaml.MappingNode {
		d.fault(node, "", "got %s, want %s by name", kindName(node), what)
		return nil
	}
	return d.mapping(node, what, nil)
}

// byTierName returns the values of a mapping by tier; "" is for those that report none.
func (d *decoder) byTierName(node *yaml.Node) map[string]*yaml.Node {
	entries := d.named(node, "the tiers")
	for key, value := range entries {
		if key != "" && !slices.Contains(Tiers, key) {
			d.fault(keyOf(node, value), didYouMean(key, Tiers), `unknown tier %q; known are %s, and "" for clients without one`, key, strings.Join(Tiers, ", "))
		}
	}
	return entries
}

// numbersBy reads numbers of known names, by key.
func (d *decoder) numbersBy(entries map[string]*yaml.Node, what string, known map[string]unit.Dimension, into map[string]map[string]float64) {
	for key, values := range entries {
		into[key] = map[string]float64{}
		for name, value := range d.mapping(values, what+": "+key, slices.Sorted(maps.Keys(known))) {
			if of, ok := known[name]; ok {
				into[key][name] = d.quantity(value, name, of)
			}
		}
	}
}

// quantity reads a number in a unit of some dimension. Counts and what is counted per second have none.
func (d *decoder) quantity(node *yaml.Node, what string, want unit.Dimension) float64 {
	text, ok := d.text(node, what)
	if !ok {
		return 0
	}
	example := map[unit.Dimension]string{unit.Time: "60s", unit.Bytes: "10KiB"}[want]
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case math.IsNaN(number) || math.IsInf(number, 0) || number < 0:
			d.fault(node, "", "got %s for %s, want a number from 0 on", text, what)
		case example != "":
			d.fault(node, "", "got %s for %s, want a number with a unit, as in %s", text, what, example)
		}
		return number
	}
	_, literals := unit.Scan(text)
	switch {
	case len(literals) != 1 || literals[0].Text != strings.TrimSpace(text):
		if example == "" {
			example = "100000"
		}
		d.fault(node, "", "got %q for %s, want a number, as in %s", text, what, example)
	case literals[0].Message != "":
		d.fault(node, literals[0].Hint, "%s: %s", what, literals[0].Message)
	case literals[0].Of != want:
		d.fault(node, "", "got %s for %s, which is %s", text, what, want.In())
	default:
		return literals[0].Value
	}
	return 0
}

// policyless are the faults of rules that read a policy where there is none.
func policyless(all []*Rule) Faults {
	var out Faults
	for _, rule := range all {
		if rule.reads.policy {
			out = append(out, Fault{File: rule.File, Line: rule.Line, Column: rule.column, Source: rule.source,
				Message: fmt.Sprintf("alert %s compares with the policy, and the folder has no %s", rule.Alert, PolicyFile),
				Hint:    "write one, or compare with numbers"})
		}
	}
	return out
}
