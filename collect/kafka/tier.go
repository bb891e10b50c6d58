package kafka

import "path"

// Tier gives topics and groups a tier by their names: the first that has a pattern for one counts. Patterns are those of path.Match,
// as in orders-*.
type Tier struct {
	Name           string
	Topics, Groups []string
}

func (c *Config) topicTier(topic string) string {
	return c.tier(topic, func(t *Tier) []string { return t.Topics })
}

// groupTier is the tier of all that is said of a group, whatever it reads: rules put its members and its topics together.
func (c *Config) groupTier(group string) string {
	return c.tier(group, func(t *Tier) []string { return t.Groups })
}

func (c *Config) tier(name string, patterns func(*Tier) []string) string {
	for i := range c.Tiers {
		for _, pattern := range patterns(&c.Tiers[i]) {
			if matches, err := path.Match(pattern, name); err == nil && matches {
				return c.Tiers[i].Name
			}
		}
	}
	return ""
}
