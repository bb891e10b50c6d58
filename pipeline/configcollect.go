package pipeline

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// CollectConfig says which clusters the role collect polls.
type CollectConfig struct {
	// Name of the collector in what it measures itself; empty: the host's.
	Name     string          `yaml:"name"`
	Clusters []ClusterConfig `yaml:"clusters"`
}

// ClusterConfig says which cluster is polled, how, and how often.
type ClusterConfig struct {
	Name    string     `yaml:"name"` // the label cluster of all reports
	Env     string     `yaml:"env"`  // the label env of all reports
	System  string     `yaml:"system"`
	Brokers []string   `yaml:"brokers"`
	TLS     TLSConfig  `yaml:"tls"`
	SASL    SASLConfig `yaml:"sasl"`
	// Interval from the begin of a poll to that of the next; 0: half a pane.
	Interval time.Duration `yaml:"interval"`
	// Tiers are the label tier of topics and groups: the first that names one counts.
	Tiers []TierConfig `yaml:"tiers"`
}

// TierConfig says which topics and groups have a tier, by names in which * stands for any text.
type TierConfig struct {
	Tier   string   `yaml:"tier"`
	Topics []string `yaml:"topics"`
	Groups []string `yaml:"groups"`
}

// systemKafka is the system of clusters that are polled by Kafka's protocol.
const systemKafka = "kafka"

// minInterval of polls. Not smaller: a poll of a large cluster takes some hundred milliseconds of its brokers.
const minInterval = 500 * time.Millisecond

// interval is how often a cluster is polled.
func (c *Config) interval(of *ClusterConfig) time.Duration {
	if of.Interval > 0 {
		return of.Interval
	}
	return c.Telemetry.Pane / 2
}

// cluster is the configuration of a cluster by its name, which may be left out where there is one.
func (c *Config) cluster(name string) (*ClusterConfig, error) {
	var names []string
	for i := range c.Collect.Clusters {
		found := &c.Collect.Clusters[i]
		if found.Name == name || name == "" && len(c.Collect.Clusters) == 1 {
			return found, nil
		}
		names = append(names, found.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("collect.clusters: got none, name the cluster to poll there")
	case name == "":
		return nil, fmt.Errorf("collect.clusters has %d clusters: choose one of %s", len(names), strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("collect.clusters has no cluster %q: there are %s", name, strings.Join(names, ", "))
}

// faults says what is out of bounds, beside the rest of a configuration.
func (c CollectConfig) faults(of *Config) []keyFault {
	var f []keyFault
	for i := range c.Clusters {
		cluster, key := &c.Clusters[i], fmt.Sprintf("collect.clusters.%d", i)
		if cluster.Name == "" {
			f = append(f, keyFault{key + ".name", errors.New("got none, give the name that the cluster has in the reports of clients")})
		}
		if slices.ContainsFunc(c.Clusters[:i], func(other ClusterConfig) bool { return other.Name == cluster.Name }) {
			f = append(f, keyFault{key + ".name", fmt.Errorf("got %q twice: poll a cluster once", cluster.Name)})
		}
		if cluster.System != systemKafka {
			f = append(f, keyFault{key + ".system", fmt.Errorf("got %q, allowed is %s", cluster.System, systemKafka)})
		}
		f = append(f, reachFaults(key, cluster.Brokers, cluster.TLS, cluster.SASL)...)
		if d, most := cluster.Interval, of.Telemetry.Pane; d != 0 && (d < minInterval || d > most) {
			f = append(f, keyFault{key + ".interval", fmt.Errorf("got %s, allowed are %s to %s (telemetry.pane), and 0s for half a pane", d, minInterval, most)})
		}
		for j := range cluster.Tiers {
			f = append(f, cluster.Tiers[j].faults(fmt.Sprintf("%s.tiers.%d", key, j))...)
		}
	}
	return f
}

func (c *TierConfig) faults(key string) []keyFault {
	var f []keyFault
	if c.Tier == "" {
		f = append(f, keyFault{key + ".tier", errors.New("got none, give one of policy.yaml, for example S1")})
	}
	for _, pattern := range slices.Concat(c.Topics, c.Groups) {
		if _, err := path.Match(pattern, ""); err != nil {
			f = append(f, keyFault{key, fmt.Errorf("got the pattern %q, want a name in which * stands for any text, for example orders-*", pattern)})
		}
	}
	return f
}
