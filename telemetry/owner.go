package telemetry

import (
	"slices"
	"strings"
)

// Owner is who answers for topics and groups, told by their names. In a pattern * stands for any text, all else for itself.
type Owner struct {
	Name    string
	Contact string // where to reach them
	Tier    string // of what is theirs, where no report has one

	Clusters       []string // patterns; none: any cluster
	Topics, Groups []string // patterns; none of either: all that the clusters have
}

// HasCluster says that an owner has something in a cluster.
func (o *Owner) HasCluster(cluster string) bool {
	return len(o.Clusters) == 0 || matchesAny(o.Clusters, cluster)
}

// HasTopic says that a topic is an owner's.
func (o *Owner) HasTopic(cluster, topic string) bool { return o.has(cluster, o.Topics, topic) }

// HasGroup says that a consumer group is an owner's.
func (o *Owner) HasGroup(cluster, group string) bool { return o.has(cluster, o.Groups, group) }

func (o *Owner) has(cluster string, patterns []string, name string) bool {
	whole := len(o.Topics)+len(o.Groups) == 0
	return o.HasCluster(cluster) && (whole || matchesAny(patterns, name))
}

func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, text) })
}

// matches takes the parts between asterisks one after the other, each where it comes first.
func matches(pattern, text string) bool {
	first, rest, some := strings.Cut(pattern, "*")
	if !some {
		return pattern == text
	}
	text, begins := strings.CutPrefix(text, first)
	parts := strings.Split(rest, "*")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return begins && strings.HasSuffix(text, parts[last])
}
