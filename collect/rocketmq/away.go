package rocketmq

import (
	"cmp"
	"slices"
	"time"
)

// home is which broker was at an address, and when a name server listed it there last.
type home struct {
	broker
	at time.Time
}

// away are the brokers that are expected and that no name server lists. Of a set so many are away as it has ids that are not listed: those
// that were listed last. The others are there under another address, or are no longer expected, and are forgotten. It is by ids and not by
// addresses that some are missed: a slave that became the master leaves its id to be missed, and not its address.
func (r *replicas) away(at time.Time) []broker {
	lacks := map[string]int{}
	for set, ids := range r.listed {
		for _, seen := range ids {
			if !seen.Equal(at) {
				lacks[set]++
			}
		}
	}
	var gone []home
	for _, h := range r.homes {
		if !h.at.Equal(at) {
			gone = append(gone, h)
		}
	}
	slices.SortFunc(gone, func(a, b home) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.node, b.node)) })
	var out []broker
	for _, h := range gone {
		if lacks[h.set] == 0 {
			delete(r.homes, h.node)
			continue
		}
		lacks[h.set]--
		out = append(out, h.broker)
	}
	return out
}

// expected are those of the brokers that are away whom somebody waits for: all, until the inventory says that nobody is missing who was. So
// who takes a broker away for good, and out of the inventory, is not told of it for a day. An inventory that missed nobody says nothing: it
// may be older than the broker.
func (p *Poller) expected(c *cluster, all, away []answers) []answers {
	if p.config.Inventory == nil {
		return away
	}
	wanted, known := p.config.Inventory()
	alive, counted := c.alive(all)
	if !known || !counted {
		return away
	}
	missed := float64(alive+c.nameServers) < wanted
	if p.missed && !missed {
		for i := range away {
			delete(p.replicas.homes, away[i].node)
		}
		away = nil
	}
	p.missed = missed
	return away
}

// alive is how many brokers answered, and whether the poll had time to ask them all.
func (c *cluster) alive(all []answers) (count int, counted bool) {
	counted = true
	for i := range all {
		if all[i].answered {
			count++
		}
		counted = counted && !all[i].outOfTime
	}
	return count, counted
}
