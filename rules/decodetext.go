package rules

import (
	"slices"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// templateNode is a template with its key.
type templateNode struct{ key, value *yaml.Node }

// templates compiles a rule's labels or annotations, by their names. Where several mappings have one of a name, the last counts.
func (d *decoder) templates(mappings []*yaml.Node, what string, rule *Rule) map[string]*template.Template {
	given := map[string]templateNode{}
	for _, mapping := range mappings {
		for name, value := range d.mapping(mapping, "the "+what+"s", nil) {
			given[name] = templateNode{keyOf(mapping, value), value}
		}
	}
	out, names := map[string]*template.Template{}, namesFor(what, rule)
	for name, node := range given {
		source, ok := d.text(node.value, what+" "+name)
		switch {
		case !ok:
			continue
		case !alertName.MatchString(name):
			d.fault(node.key, "", "got %s name %q, want letters, digits and _", what, name)
			continue
		case what == "label" && (name == alertnameLabel || slices.Contains(rule.Grouping.By, name)):
			d.fault(node.key, "", "label %q is set by the rule's name or by, and cannot be set again", name)
			continue
		case what == "label" && name == severityLabel && rule.severity != "":
			d.fault(node.key, "leave it out", "label %q is set by warn and crit, and cannot be set again", name)
			continue
		}
		parsed, shown, faults := checkTemplate(source, names)
		for _, fault := range faults {
			d.expression(node.value, what+" "+name, fault)
		}
		out[name] = parsed
		for _, field := range shown {
			rule.reads.needs |= fieldNeeds[field]
			rule.reads.shown = append(rule.reads.shown, field)
			if named := names.lets[field]; named != nil {
				d.show(node.value, what+" "+name, named, rule)
			}
		}
	}
	return out
}
