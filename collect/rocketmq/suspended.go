package rocketmq

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// A consumer that was suspended says so to nobody: it stays connected, and goes round its queues once a second without asking its broker
// for anything. So it is told by what it says twice of a queue in which messages wait: that it went round just now, and in between was given none, holds
// none and consumed none. One that is slow holds some, and one that hangs does not go round. One whose broker refuses what it asks for looks the
// same; that a group is of two minds, the usual reason, is looked at.

// roundTime is how long ago a suspended client may have gone round a queue. Not shorter: it pauses a second between rounds, on a busy machine for longer;
// not longer: one that waits for messages at a broker that says nothing is not to be taken for one.
const roundTime = 4 * time.Second

// stuck are queues in which messages wait, and the commit did not move between two polls: what it is.
type stuck map[remoting.Queue]int64

// status is what a client says of a queue, and what its group had committed there.
type status struct {
	remoting.QueueStatus
	offset int64
}

// of are the queues of a client that are stuck.
func (s stuck) of(queues map[remoting.Queue]remoting.QueueStatus) map[remoting.Queue]status {
	out := map[remoting.Queue]status{}
	for queue, says := range queues {
		if offset, is := s[queue]; is {
			out[queue] = status{says, offset}
		}
	}
	return out
}

// suspension is what is known of a queue whose client asks for nothing.
type suspension struct {
	client      string
	offset      int64 // that the group has committed, and from which it reads on
	since, seen time.Time
}

// see takes in what a poll said of commits. What it did not ask for stays as it was.
func (q *inquiries) see(all []answers, queues map[remoting.Queue]*queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	behind, stuckNow := map[string]stuck{}, map[string]stuck{}
	note := func(group string, to map[string]stuck, queue remoting.Queue, offset int64) {
		if to[group] == nil {
			to[group] = stuck{}
		}
		to[group][queue] = offset
	}
	for i := range all {
		for name, g := range all[i].groups {
			if g.unasked {
				for queue, offset := range q.behind[name] {
					note(name, behind, queue, offset)
				}
				for queue, offset := range q.stuck[name] {
					note(name, stuckNow, queue, offset)
				}
			}
			for queue, commit := range g.commits {
				known := queues[queue]
				if known == nil || commit.Offset < 0 || commit.Offset >= known.ends.End {
					continue
				}
				note(name, behind, queue, commit.Offset)
				if before, was := q.behind[name][queue]; was && before == commit.Offset {
					note(name, stuckNow, queue, commit.Offset)
				}
			}
		}
	}
	q.behind, q.stuck = behind, stuckNow
	for name, of := range q.suspended {
		maps.DeleteFunc(of, func(queue remoting.Queue, s suspension) bool {
			offset, still := stuckNow[name][queue]
			return !still || offset != s.offset
		})
		if len(of) == 0 {
			delete(q.suspended, name)
		}
	}
}

// compare finds which of its queues a client that was asked twice asks nothing for.
func (q *inquiries) compare(who client, s *said, at time.Time) {
	elapsed := s.answered.Sub(s.beforeAt)
	for queue, now := range s.queues {
		before, twice := s.before[queue]
		if !twice {
			continue
		}
		round := time.Duration(now.PulledMillis-before.PulledMillis) * time.Millisecond
		suspended := elapsed > 2*roundTime && before.offset == now.offset && !before.Dropped && !now.Dropped && before.Cached == 0 && now.Cached == 0 &&
			before.ConsumedMillis == now.ConsumedMillis && round > 0 && (elapsed-round).Abs() < roundTime
		if !suspended {
			delete(q.suspended[who.group], queue)
			continue
		}
		if q.suspended[who.group] == nil {
			q.suspended[who.group] = map[remoting.Queue]suspension{}
		}
		since := at
		if known, was := q.suspended[who.group][queue]; was && known.client == who.id {
			since = known.since
		}
		q.suspended[who.group][queue] = suspension{who.id, now.offset, since, at}
	}
}

// suspensions are what is known now, by group, for a poll to read.
func (q *inquiries) suspensions(at time.Time) map[string]map[remoting.Queue]suspension {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := map[string]map[remoting.Queue]suspension{}
	for name, of := range q.suspended {
		out[name] = maps.Clone(of)
		maps.DeleteFunc(out[name], func(_ remoting.Queue, s suspension) bool { return at.Sub(s.seen) > saidCounts })
	}
	return out
}

// isPaused says that nobody is given anything of a queue because somebody wanted it so.
func (g *group) isPaused(queue remoting.Queue, offset int64) bool {
	return !g.enabled || g.isSuspended(queue, offset)
}

func (g *group) isSuspended(queue remoting.Queue, offset int64) bool {
	s, suspended := g.suspended[queue]
	return suspended && s.offset == offset && g.has(s.client)
}

func (g *group) has(id string) bool {
	return slices.ContainsFunc(g.consumers.Connections, func(c remoting.Connection) bool { return c.ClientID == id })
}

// disabled are groups that may not consume on any master that told of them, and since which poll.
type disabled map[string]time.Time

func (d disabled) take(all []answers, at time.Time) {
	enabled := map[string]bool{}
	for i := range all {
		for name, g := range all[i].groups {
			enabled[name] = enabled[name] || g.enabled
		}
	}
	for name, may := range enabled {
		if _, known := d[name]; may {
			delete(d, name)
		} else if !known {
			d[name] = at
		}
	}
	maps.DeleteFunc(d, func(name string, _ time.Time) bool { _, told := enabled[name]; return !told })
}

// paused reports who has paused, of each topic: all clients of a group that may not consume, or one where there is none, and of others those that
// are suspended.
func (r *reporter) paused(all []answers, lags map[string]map[string]map[remoting.Queue]lag.Assessment, off disabled) {
	type key struct{ group, topic string }
	clients, since := map[key]map[string]bool{}, map[key]time.Time{}
	note := func(k key, client string, at time.Time) {
		if clients[k] == nil {
			clients[k], since[k] = map[string]bool{}, at
		}
		clients[k][client] = true
		if at.Before(since[k]) {
			since[k] = at
		}
	}
	for i := range all {
		for name, g := range all[i].groups {
			for queue, s := range g.suspended {
				commit, read := g.commits[queue]
				if off[name].IsZero() && (read && g.isSuspended(queue, commit.Offset) || g.unasked && g.has(s.client)) {
					note(key{name, queue.Topic}, s.client, s.since)
				}
			}
			if off[name].IsZero() {
				continue
			}
			for topic := range lags[name] {
				for _, connection := range g.consumers.Connections {
					note(key{name, topic}, connection.ClientID, off[name])
				}
			}
		}
	}
	for name, at := range off {
		for topic := range lags[name] {
			if k := (key{name, topic}); clients[k] == nil {
				note(k, "", at)
			}
		}
	}
	order := func(a, b key) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.topic, b.topic)) }
	for _, k := range slices.SortedFunc(maps.Keys(clients), order) {
		r.addTo(k.group, k.topic, collect.Gauge(telemetry.GaugePaused, float64(len(clients[k]))),
			collect.Gauge(telemetry.GaugePausedSeconds, r.At.Sub(since[k]).Seconds()))
	}
}
