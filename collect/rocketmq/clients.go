package rocketmq

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// labelProducerGroup names the group of a producer, which is none of consumers.
const labelProducerGroup = "producer_group"

// innerProducers is the group that a consumer's client sends in what it gives back; it is in one of consumers, too.
const innerProducers = "CLIENT_INNER_PRODUCER"

// member is a client in a group, as masters see it.
type member struct {
	role, group string
	id, node    string // node is its address without the port: it has a connection to each broker
	language    string
	release     string // "" where it is not known
}

// The roles of members.
const (
	consumes = "consumer"
	produces = "producer"
)

// clients asks who produces. Brokers before 4.9 do not know, and of theirs consumers alone are reported.
func (q *question) clients() {
	producers, err := q.broker.Producers(q.ctx)
	if err != nil && !errors.Is(err, remoting.ErrUnsupported) {
		q.failed(err)
	}
	q.answers.producers = producers
}

// clientsOf are the clients that masters told of, in the order of their groups and names, each once for each group. The error says how many there are
// beyond those that are reported.
func clientsOf(all []answers) ([]member, error) {
	var out []member
	for i := range all {
		for name, g := range all[i].groups {
			for _, c := range g.consumers.Connections {
				out = append(out, memberOf(consumes, name, c))
			}
		}
		for name, clients := range all[i].producers {
			if name == innerProducers {
				continue
			}
			for _, c := range clients {
				out = append(out, memberOf(produces, name, c.Connection))
			}
		}
	}
	slices.SortFunc(out, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.group, b.group), cmp.Compare(a.id, b.id), cmp.Compare(a.node, b.node))
	})
	out = slices.CompactFunc(out, func(a, b member) bool { return a.role == b.role && a.group == b.group && a.id == b.id })
	if beyond := len(out) - collect.MaxClients; beyond > 0 {
		return out[:collect.MaxClients], fmt.Errorf("%d clients are not reported: a collector reports at most %d in a cluster", beyond, collect.MaxClients)
	}
	return out, nil
}

func memberOf(role, group string, c remoting.Connection) member {
	node := c.Addr
	if host, _, err := net.SplitHostPort(c.Addr); err == nil {
		node = host
	}
	release, _ := c.Release()
	return member{role: role, group: group, id: c.ClientID, node: node, language: strings.ToLower(c.Language), release: release}
}

// clients reports who is connected, without messages: what they send and consume they report themselves, if at all.
func (r *reporter) clients(members []member) {
	for i := range members {
		m := &members[i]
		l := &r.Add("broker").Labels
		l.Client, l.Node, l.SDKLang, l.SDKVersion = m.id, m.node, m.language, m.release
		if m.role == produces {
			l.Extra = []telemetry.Label{{Name: labelProducerGroup, Value: m.group}}
			continue
		}
		l.Group, l.Tier = m.group, r.config.Tiers.OfGroup(m.group)
	}
}
