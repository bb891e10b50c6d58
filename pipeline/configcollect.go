package pipeline

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
)

// CollectConfig says which clusters the role collect polls.
type CollectConfig struct {
	// Name of the collector in what it measures itself; empty: the host's.
	Name     string          `yaml:"name"`
	Clusters []ClusterConfig `yaml:"clusters"`
}

// ClusterConfig says which cluster is polled, how, and how often.
type ClusterConfig struct {
	Name        string     `yaml:"name"`         // the label cluster of all reports
	Env         string     `yaml:"env"`          // the label env of all reports
	System      string     `yaml:"system"`       // kafka or rocketmq
	Brokers     []string   `yaml:"brokers"`      // of kafka: host:port of seeds
	NameServers []string   `yaml:"name_servers"` // of rocketmq: host:port; all are asked
	TLS         TLSConfig  `yaml:"tls"`
	SASL        SASLConfig `yaml:"sasl"` // of kafka
	ACL         ACLConfig  `yaml:"acl"`  // of rocketmq
	// Interval from the begin of a poll to that of the next; 0: half a pane.
	Interval time.Duration `yaml:"interval"`
	// StateSpacing is how far apart the commits are that states of groups are found from, ten at a time; 0: lag.DefaultSpacing.
	StateSpacing time.Duration `yaml:"state_spacing"`
	// OffsetsOnly looks at no message, also where that is permitted: ages of what was written before the first poll are not known.
	OffsetsOnly bool `yaml:"offsets_only"`
	// Tiers are the label tier of topics and groups: the first that names one counts.
	Tiers []TierConfig `yaml:"tiers"`
	// Canary says whether heartbeats are messages, which are written.
	Canary CanaryConfig `yaml:"canary"`
}

// CanaryConfig says which canaries are sent to a cluster's brokers, and how often.
type CanaryConfig struct {
	Enabled bool `yaml:"enabled"`
	// Topic begins the names of their topics, of which nothing else is reported; empty: weir-canary-.
	Topic string `yaml:"topic"`
	// Interval from one canary to the next of the same broker; 0: 10 s.
	Interval time.Duration `yaml:"interval"`
}

// ACLConfig signs what RocketMQ is asked. AccessKey is empty where its brokers check nobody.
type ACLConfig struct {
	AccessKey     string `yaml:"access_key"`
	SecretKey     string `yaml:"secret_key" secret:"true"`
	SecretKeyFile string `yaml:"secret_key_file"` // wins over SecretKey
}

// TierConfig says which topics and groups have a tier, by names in which * stands for any text.
type TierConfig struct {
	Tier   string   `yaml:"tier"`
	Topics []string `yaml:"topics"`
	Groups []string `yaml:"groups"`
}

// The systems of clusters, by whose protocols they are polled.
const (
	systemKafka    = "kafka"
	systemRocketMQ = "rocketmq"
)

// minInterval of polls. Not smaller: a poll of a large cluster takes some hundred milliseconds of its brokers.
const minInterval = 500 * time.Millisecond

// How often a broker is sent a canary. Ten seconds are as often as a pane of usual length wants one. Not smaller than one: each is a
// write and a read; not larger than a minute: rules on heartbeats look at the last one.
const (
	defaultCanaryInterval = 10 * time.Second
	minCanaryInterval     = time.Second
	maxCanaryInterval     = time.Minute
)

// canaries are those of a cluster.
func (c *CanaryConfig) canaries() collect.Canary {
	return collect.Canary{Enabled: c.Enabled, Prefix: c.Topic}
}

func (c *CanaryConfig) interval() time.Duration {
	if c.Interval == 0 {
		return defaultCanaryInterval
	}
	return c.Interval
}

// canaryTopic is a prefix that both systems take. The word keeps canaries out of topics that are there for something else.
var canaryTopic = regexp.MustCompile(`^[a-zA-Z0-9_-]*canary[a-zA-Z0-9_-]*$`)

func (c *CanaryConfig) faults(key string) []keyFault {
	var f []keyFault
	if c.Topic != "" && !canaryTopic.MatchString(c.Topic) {
		f = append(f, keyFault{key + ".topic", fmt.Errorf("got %q, want letters, digits, - and _ with the word canary among them: what begins so is written to, and nothing else may be", c.Topic)})
	}
	if d := c.Interval; d != 0 && (d < minCanaryInterval || d > maxCanaryInterval) {
		f = append(f, keyFault{key + ".interval", fmt.Errorf("got %s, allowed are %s to %s, and 0s for %s", d, minCanaryInterval, maxCanaryInterval, defaultCanaryInterval)})
	}
	return f
}

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
		f = append(f, cluster.reachFaults(key)...)
		if d, most := cluster.Interval, of.Telemetry.Pane; d != 0 && (d < minInterval || d > most) {
			f = append(f, keyFault{key + ".interval", fmt.Errorf("got %s, allowed are %s to %s (telemetry.pane), and 0s for half a pane", d, minInterval, most)})
		}
		if d := cluster.StateSpacing; d != 0 && (d < lag.MinSpacing || d > lag.MaxSpacing) {
			f = append(f, keyFault{key + ".state_spacing", fmt.Errorf("got %s, allowed are %s to %s, and 0s for %s", d, lag.MinSpacing, lag.MaxSpacing, lag.DefaultSpacing)})
		}
		f = append(f, cluster.Canary.faults(key+".canary")...)
		for j := range cluster.Tiers {
			f = append(f, cluster.Tiers[j].faults(fmt.Sprintf("%s.tiers.%d", key, j))...)
		}
	}
	return f
}

// reachFaults says what is wrong with how a cluster is reached, and which keys are another system's.
func (c *ClusterConfig) reachFaults(key string) []keyFault {
	switch c.System {
	case systemKafka:
		f := reachFaults(key, c.Brokers, c.TLS, c.SASL)
		if len(c.NameServers) > 0 {
			f = append(f, keyFault{key + ".name_servers", errors.New("got some for a cluster of kafka: give brokers in their place")})
		}
		if c.ACL != (ACLConfig{}) {
			f = append(f, keyFault{key + ".acl", errors.New("got keys for a cluster of kafka: give sasl in their place")})
		}
		return f
	case systemRocketMQ:
		f := slices.Concat(addressFaults(key+".name_servers", c.NameServers), c.TLS.faults(key), c.ACL.faults(key))
		if len(c.Brokers) > 0 {
			f = append(f, keyFault{key + ".brokers", errors.New("got some for a cluster of rocketmq: give name_servers in their place, which know the brokers")})
		}
		if c.SASL != (SASLConfig{}) {
			f = append(f, keyFault{key + ".sasl", errors.New("got a login for a cluster of rocketmq: give acl in its place")})
		}
		return f
	}
	return []keyFault{{key + ".system", fmt.Errorf("got %q, allowed are %s and %s", c.System, systemKafka, systemRocketMQ)}}
}

func (c ACLConfig) faults(key string) []keyFault {
	if secret := c.SecretKey + c.SecretKeyFile; (c.AccessKey == "") != (secret == "") {
		return []keyFault{{key + ".acl." + given(secret, "secret_key", "access_key"), errors.New("access_key and secret_key, or secret_key_file, go together: give both or none")}}
	}
	return nil
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
