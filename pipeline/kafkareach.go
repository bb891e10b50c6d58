package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// brokersKey is the key of the brokers that hold Weir's topics.
const brokersKey = "kafka.brokers"

// reachPatience bounds the wait for the first answer of a broker, for somebody who waits. Not smaller: a broker behind an address that drops
// what it is sent takes ten seconds to be given up, and the next may answer; not larger: people wait for it.
const reachPatience = 20 * time.Second

// reachKafka asks the brokers of the configuration whether one of them is there. The error says which were asked, what names them, and what to
// do. Commands ask before they read, as a client itself tries again without a word.
func reachKafka(ctx context.Context, config *Config, client *kgo.Client) error {
	bounded, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	err := client.Ping(bounded)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("no broker answers at %s, as %s%s says: %w; %s", strings.Join(config.Kafka.Brokers, ", "), brokersKey, config.origin.of(brokersKey), err,
		reachRemedy(err))
}

// reachRemedy says what to do where no broker of Weir's topics answers.
func reachRemedy(err error) string {
	if dialled(err) == nil {
		return "look at kafka.tls and kafka.sasl, and at the broker's log"
	}
	return "start Kafka there, or give another address in the file of --config, or by " + variableOf(brokersKey)
}

// dialled is the failure to connect that an error is of, nil where it is of none.
func dialled(err error) *net.OpError {
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "dial" {
		return refused
	}
	return nil
}

// clusterAway adds to the error of a poll which key of the configuration names the address where nobody listens.
func (c *Config) clusterAway(cluster *ClusterConfig, err error) error {
	refused := dialled(err)
	if refused == nil {
		return err
	}
	name, addrs := "brokers", cluster.Brokers
	if cluster.System == systemRocketMQ {
		name, addrs = "name_servers", cluster.NameServers
	}
	at := slices.IndexFunc(c.Collect.Clusters, func(of ClusterConfig) bool { return of.Name == cluster.Name })
	key := fmt.Sprintf("collect.clusters.%d.%s", at, name)
	said := fmt.Sprintf("collect.clusters (%s).%s%s", cluster.Name, name, c.origin.of(key))
	if refused.Addr != nil && !slices.Contains(addrs, refused.Addr.String()) && net.ParseIP(hostOf(addrs[0])) != nil {
		return fmt.Errorf("%w; %s names %s, and brokers say by themselves where others are: look at the addresses that they advertise", err, said, strings.Join(addrs, ", "))
	}
	return fmt.Errorf("%w; start the cluster there, or name others in %s", err, said)
}

// hostOf is the host of host:port.
func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}
