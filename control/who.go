package control

import (
	"slices"
	"strings"
)

// Who is a client and one thing that it touches, as labels of its reports. Topic, Group and Resource are empty where a question is about the whole client.
type Who struct {
	Env, Cluster, System, Client, Lane, Tier string
	Topic, Group, Resource                   string
	Partition                                int32 // AllPartitions where the question is about all of the topic
	SDKLang                                  string
}

// AllPartitions stands where a question is about a whole topic.
const AllPartitions int32 = -1

// Exempt says whether no command is for this, ever: Weir's own topics and groups.
func (w *Who) Exempt() bool {
	return strings.HasPrefix(w.Topic, ExemptTopicPrefix) || strings.HasPrefix(w.Group, ExemptGroupPrefix)
}

// Matches says whether what a client touches is in the scope: every given label has the same value there.
func (s *Scope) Matches(w *Who) bool {
	for _, label := range [...]struct{ want, got string }{{s.Env, w.Env}, {s.Cluster, w.Cluster}, {s.System, w.System}, {s.Topic, w.Topic}, {s.Group, w.Group},
		{s.Resource, w.Resource}, {s.Client, w.Client}, {s.Lane, w.Lane}, {s.Tier, w.Tier}} {
		if label.want != "" && label.want != label.got {
			return false
		}
	}
	if len(s.Partitions) == 0 {
		return true
	}
	for _, partition := range s.Partitions {
		if partition == w.Partition && partition >= 0 {
			return true
		}
	}
	return false
}

// Covers says whether all that is in another scope is in this one, too, as far as their labels tell.
func (s *Scope) Covers(other *Scope) bool {
	theirs := other.labels()
	for i, label := range s.labels() {
		if *label != "" && *label != *theirs[i] {
			return false
		}
	}
	for _, partition := range other.Partitions {
		if len(s.Partitions) > 0 && !slices.Contains(s.Partitions, partition) {
			return false
		}
	}
	return len(s.Partitions) == 0 || len(other.Partitions) > 0
}

// Touches says whether the command is for this client: it is in scope, among the percent, and its SDK is of the language that is asked.
func (c *Command) Touches(w *Who) bool {
	return !w.Exempt() && c.Scope.Matches(w) && c.picks(w.Client) && (c.MinSDKVersion == nil || c.MinSDKVersion.Lang == w.SDKLang)
}

// scopeNames are the names of a scope's labels, in the order of labels.
var scopeNames = []string{"env", "cluster", "system", "topic", "group", "resource", "client", "lane", "tier"}

// labels are a scope's labels but the partitions.
func (s *Scope) labels() []*string {
	return []*string{&s.Env, &s.Cluster, &s.System, &s.Topic, &s.Group, &s.Resource, &s.Client, &s.Lane, &s.Tier}
}

// narrowness says how narrow a scope is: of two the higher wins. The labels count in the order client, partitions, group, topic, resource, cluster, tier, lane,
// system, env: one that is given outweighs all behind it.
func (s *Scope) narrowness() uint {
	narrow := uint(0)
	for _, given := range [...]bool{s.Client != "", len(s.Partitions) > 0, s.Group != "", s.Topic != "", s.Resource != "", s.Cluster != "", s.Tier != "",
		s.Lane != "", s.System != "", s.Env != ""} {
		narrow <<= 1
		if given {
			narrow |= 1
		}
	}
	return narrow
}
