package kafka

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// maxClientsOfGroup is how many are reported of a group. Not fewer: large groups have hundreds; not more: one group must not take the room
// of all others.
const maxClientsOfGroup = 1_000

// client is a member of a group, as its coordinator knows it. The id of a member is made anew each time one joins, and says nothing.
type client struct {
	id, host   string
	partitions int // that it has
}

// clientOf is a client by what a coordinator says: it has a slash before addresses, and some have a port behind them, which is another one
// each time.
func clientOf(id, host string) client {
	host = strings.TrimPrefix(host, "/")
	if address, _, err := net.SplitHostPort(host); err == nil {
		host = address
	}
	return client{id: id, host: host}
}

// name is unique in the fleet where clients of one id are on hosts of their own.
func (c *client) name() string { return c.id + "@" + c.host }

// own notes which partitions of a topic the newest of the group's members has; i is its place among them.
func (g *group) own(i int, topic string, partitions []int32) {
	g.clients[i].partitions += len(partitions)
	for _, number := range partitions {
		if g.owned != nil {
			g.owned[at{topic, number}] = true
		}
	}
}

// The states of groups in which members are given partitions, or wait for them: of the classic protocol, and of KIP-848.
var rebalancing = map[string]bool{"PreparingRebalance": true, "CompletingRebalance": true, "Assigning": true, "Reconciling": true}

// stateGauge appends whether the group rebalances, where that is known.
func (g *group) stateGauge(gauges []telemetry.Gauge) []telemetry.Gauge {
	if g.state == "" {
		return gauges
	}
	value := 0.0
	if rebalancing[g.state] {
		value = 1
	}
	return append(gauges, collect.Gauge(telemetry.GaugeRebalancing, value))
}

// distinct are the clients in the order of their names, those with one name together.
func (g *group) distinct() []client {
	all := slices.Clone(g.clients)
	slices.SortFunc(all, func(a, b client) int { return cmp.Compare(a.name(), b.name()) })
	var out []client
	for _, c := range all {
		if n := len(out); n > 0 && out[n-1].name() == c.name() {
			out[n-1].partitions += c.partitions
			continue
		}
		out = append(out, c)
	}
	return out
}

// clients reports who is in groups, as brokers see it: without messages, since what they consume they report themselves, if at all. The error
// says how many are not reported.
func (r *reporter) clients(groups []*group) error {
	reported, beyond := 0, 0
	for _, g := range groups {
		all := g.distinct()
		most := min(len(all), maxClientsOfGroup, collect.MaxClients-reported)
		reported, beyond = reported+most, beyond+len(all)-most
		for i := range all[:most] {
			out := r.Add("broker")
			out.Labels.Group, out.Labels.Tier = g.name, r.config.Tiers.OfGroup(g.name)
			out.Labels.Client, out.Labels.Node = all[i].name(), all[i].host
			if g.owned != nil {
				out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeAssigned, float64(all[i].partitions)))
			}
		}
	}
	if beyond > 0 {
		return fmt.Errorf("%d clients are not reported: a collector reports at most %d of a group and %d in a cluster", beyond, maxClientsOfGroup, collect.MaxClients)
	}
	return nil
}
