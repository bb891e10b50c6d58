package rocketmq

import (
	"maps"
	"strconv"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// RocketMQ replicates all queues of a set of brokers at once: a slave follows the log of its master. How far it is behind is what the master has
// written less what the slave has, by what each says in a poll. Brokers of all releases do, and say so to everybody who may ask for their state.

const (
	// brokerRemembered is how long a broker is missed that no name server lists any more: one that dies has left them within a second. Not
	// shorter: one that dies at night is to be missed in the morning; not longer: one that was taken away for good is none any more.
	brokerRemembered = 24 * time.Hour
	// mayFallBehind is how far behind its master a slave may be that is in sync, where the master does not say: the default of both settings
	// that say it. Brokers from 5 on call it haMaxGapNotInSync, those before haSlaveFallbehindMax.
	mayFallBehind = 256 << 20
)

// replicas are the brokers that are expected: those that a name server listed within brokerRemembered.
type replicas struct {
	listed map[string]*listing // by name of their set
	homes  map[string]home     // by address
	polls  collect.Minutes
}

// listing is how many brokers of a set name servers listed. It is not said by ids: a slave that its controller made the master registers as 0,
// and its own id is nobody's from then on.
type listing struct {
	now    int               // brokers, in the newest poll
	atOnce map[int]time.Time // by how many there were at once: when last, within brokerRemembered
	master bool              // whether one of them was
}

// most is how many brokers the set is to have: as many as were there at once.
func (l *listing) most() int {
	out := 0
	for count := range l.atOnce {
		out = max(out, count)
	}
	return out
}

// slaves is how many a set is to have.
func (r *replicas) slaves(set string) int {
	if l := r.listed[set]; l != nil {
		return max(0, l.most()-1)
	}
	return 0
}

// follower is a slave, by what it and its master say.
type follower struct {
	behind int64 // bytes
	known  bool
}

// followers are the slaves that answered, by address.
func followers(all []answers) map[string]follower {
	written := map[string]int64{}
	for i := range all {
		if end, known := all[i].info.Int(remoting.KeyLogMax); known && all[i].master() {
			written[all[i].set] = end
		}
	}
	out := map[string]follower{}
	for i := range all {
		a := &all[i]
		if !a.master() && a.answered {
			end, says := a.info.Int(remoting.KeyLogMax)
			master, known := written[a.set]
			out[a.node] = follower{max(0, master-end), says && known}
		}
	}
	return out
}

// replication is how a set of brokers is.
type replication struct {
	inSync, of int
	wants      int // how many must be in sync, or the master refuses what is sent
}

// inSync is how many brokers of each set hold all that was written, or nearly, and how many there should be. A set whose master does not
// answer, or a slave of which does not say how far it is, is not there.
func (r *replicas) inSync(all []answers) map[string]replication {
	following := followers(all)
	out := map[string]replication{}
	may := map[string]int64{}
	for i := range all {
		if a := &all[i]; a.master() && a.answered {
			out[a.set] = replication{1, 1 + r.slaves(a.set), a.demands.inSync}
			may[a.set] = a.demands.mayFallBehind
		}
	}
	for i := range all {
		a := &all[i]
		set, counted := out[a.set]
		if a.master() || !a.answered || !counted {
			continue
		}
		switch f := following[a.node]; {
		case !f.known:
			delete(out, a.set)
		case f.behind <= may[a.set]:
			set.inSync++
			out[a.set] = set
		}
	}
	return out
}

// take takes in which brokers there are.
func (r *replicas) take(c *cluster, at time.Time) {
	counted := map[broker]bool{}
	for _, l := range r.listed {
		l.now = 0
	}
	for _, b := range c.brokers {
		l := r.listed[b.set]
		if l == nil {
			l = &listing{atOnce: map[int]time.Time{}}
			r.listed[b.set] = l
		}
		if b.master() {
			l.master = true
		}
		if place := (broker{set: b.set, node: b.node}); !counted[place] {
			counted[place] = true // one name server may have a new master by the id that it had
			l.now++
		}
		r.homes[b.node] = home{b, at}
	}
	for set, l := range r.listed {
		if l.now > 0 {
			l.atOnce[l.now] = at
		}
		maps.DeleteFunc(l.atOnce, func(_ int, seen time.Time) bool { return at.Sub(seen) > brokerRemembered })
		if len(l.atOnce) == 0 {
			delete(r.listed, set)
		}
	}
}

// forget has a broker that is away no longer expected, nor more of its set than are there.
func (r *replicas) forget(b *broker) {
	delete(r.homes, b.node)
	l := r.listed[b.set]
	if l == nil {
		return
	}
	maps.DeleteFunc(l.atOnce, func(count int, _ time.Time) bool { return count > l.now })
	if l.now == 0 {
		delete(r.listed, b.set)
	}
}

// demands are what a master wants of its slaves.
type demands struct {
	mayFallBehind int64 // bytes that one may be behind and is in sync
	inSync        int   // how many brokers are to be in sync, itself too, or it refuses what is sent
}

// demandsOf reads the settings of a master. Only one that waits for its slaves refuses, and what it wants at least depends on whether it
// makes do with fewer.
func demandsOf(settings map[string]string) demands {
	number := func(otherwise int64, keys ...string) int64 {
		for _, key := range keys {
			if n, err := strconv.ParseInt(settings[key], 10, 64); err == nil && n > 0 {
				return n
			}
		}
		return otherwise
	}
	out := demands{number(mayFallBehind, remoting.SettingMaxGap, remoting.SettingMaxGapOld), 1}
	if settings[remoting.SettingRole] == remoting.RoleWaits {
		key := remoting.SettingInSync
		if settings[remoting.SettingAutoInSync] == "true" {
			key = remoting.SettingMinInSync
		}
		out.inSync = int(number(1, key))
	}
	return out
}

// masterless is how many queues have no broker that takes messages, and whether that is known: of a set that has no master, and whose queues nobody
// has told, or too long ago, it is not. A set of which no broker lives is not listed at all.
func (p *Poller) masterless(c *cluster) (queues int, known bool) {
	without := map[string]int{}
	for _, set := range c.masterless {
		without[set] = 0
	}
	for set, l := range p.replicas.listed {
		if l.master {
			without[set] = 0
		}
	}
	for _, b := range c.brokers {
		if b.master() {
			delete(without, b.set)
		}
	}
	for name := range p.queues {
		if _, lacks := without[name.Broker]; lacks {
			without[name.Broker]++
			queues++
		}
	}
	for _, count := range without {
		if count == 0 {
			return 0, false
		}
	}
	return queues, true
}

// health is how the queues of the cluster are: how many have no master, how many lack a slave that is in sync, and how many lack so many that
// their master refuses what is sent. What is not known of all sets
// is left out; that of a set without a master is said by the first.
func (p *Poller) health(c *cluster, all []answers, at time.Time) []telemetry.Gauge {
	var out []telemetry.Gauge
	if masterless, known := p.masterless(c); known {
		out = append(out, collect.Gauge(telemetry.GaugeLeaderless, float64(masterless)))
	}
	p.sets = p.replicas.inSync(all)
	under, refusing := 0, 0
	for i := range all {
		if _, known := p.sets[all[i].set]; all[i].master() && !known {
			return out
		}
	}
	for name := range p.queues {
		set := p.sets[name.Broker]
		if set.inSync < set.of {
			under++
		}
		if set.inSync < set.wants {
			refusing++
		}
	}
	out = append(out, collect.Gauge(telemetry.GaugeUnderReplicated, float64(under)), collect.Gauge(telemetry.GaugeUnderMinISR, float64(refusing)))
	if share, known := p.replicas.polls.Add(at, under > 0); known {
		out = append(out, collect.Gauge(telemetry.GaugeUnderReplicatedR, share))
	}
	return out
}
