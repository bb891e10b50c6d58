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

// away are the brokers that are expected and that no name server lists. Of a set so many are away as fewer are listed than were at
// once: those that were listed last. The others are there under another address, or are no longer expected, and are forgotten.
func (r *replicas) away(at time.Time) []broker {
	lacks := map[string]int{}
	for set, l := range r.listed {
		lacks[set] = l.most() - l.now
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

// expected are those of the brokers that are away whom somebody waits for: all, until the inventory was lowered since it missed some, and
// misses nobody. So who takes a broker away for good, and out of the inventory, is not told of it for a day. An inventory that missed nobody
// says nothing: it may be older than the broker. Nor does one that was not lowered: another node is there more than before, as a name server.
func (p *Poller) expected(c *cluster, all, away []answers) []answers {
	if p.config.Inventory == nil {
		return away
	}
	wanted, known := p.config.Inventory()
	alive, counted := c.alive(all)
	if !known || !counted {
		return away
	}
	if float64(alive+c.nameServers) < wanted {
		p.missedOf = max(p.missedOf, wanted)
		return away
	}
	if wanted < p.missedOf {
		for i := range away {
			p.replicas.forget(&away[i].broker)
		}
		away = nil
	}
	if len(away) == 0 {
		p.missedOf = 0
	}
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
