package capture

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/rules"
)

// onlyRule takes the other rules out of a file. ok is false where what is left is not the rule.
func onlyRule(content []byte, alert string) (out []byte, ok bool) {
	documents := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		if documents.Decode(&document) != nil {
			return nil, false
		}
		if len(document.Content) == 0 || !keepRule(document.Content[0], alert) {
			continue
		}
		var text bytes.Buffer
		encoder := yaml.NewEncoder(&text)
		encoder.SetIndent(2)
		if encoder.Encode(&document) != nil || encoder.Close() != nil {
			return nil, false
		}
		parsed, faults := rules.Parse("rules.yaml", text.Bytes())
		return text.Bytes(), len(parsed) > 0 && len(faults) == 0
	}
}

// keepRule leaves one rule of a document, and says whether it has it.
func keepRule(document *yaml.Node, alert string) bool {
	groups := under(document, "groups")
	if groups == nil {
		return false
	}
	for _, group := range groups.Content {
		list := under(group, "rules")
		if list == nil {
			continue
		}
		for _, rule := range list.Content {
			if name := under(rule, "alert"); name != nil && name.Value == alert {
				groups.Content, list.Content = []*yaml.Node{group}, []*yaml.Node{rule}
				return true
			}
		}
	}
	return false
}

// under is what stands under a key of a mapping, nil where nothing does.
func under(node *yaml.Node, key string) *yaml.Node {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
