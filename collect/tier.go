package collect

import "path"

// Tier gives topics and groups a tier by their names. Patterns are those of path.Match, as in orders-*.
type Tier struct {
	Name           string
	Topics, Groups []string
}

// Tiers are those of a cluster: the first that has a pattern for a name counts.
type Tiers []Tier

// OfTopic is the tier of a topic; empty: none.
func (t Tiers) OfTopic(topic string) string {
	return t.of(topic, func(t *Tier) []string { return t.Topics })
}

// OfGroup is the tier of all that is said of a group, whatever it reads: rules put its members and its topics together. Empty: none.
func (t Tiers) OfGroup(group string) string {
	return t.of(group, func(t *Tier) []string { return t.Groups })
}

func (t Tiers) of(name string, patterns func(*Tier) []string) string {
	for i := range t {
		for _, pattern := range patterns(&t[i]) {
			if matches, err := path.Match(pattern, name); err == nil && matches {
				return t[i].Name
			}
		}
	}
	return ""
}
