package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/collect/lag"
)

// lags follows what groups have left unread, from poll to poll.
type lags struct {
	logs   map[at]*followedLog // that some group reads
	groups map[string]map[at]*followed
	count  int // of partitions in groups
	// spacing is how far apart the commits are that states are found from.
	spacing time.Duration
}

type followedLog struct {
	lag.Log
	fed time.Time
}

type followed struct {
	*lag.Partition
	fed, looked time.Time // when it was told of in a poll, and when somebody looked at its first unread message
	unreadable  time.Time // until when nobody looks
}

const (
	// maxFollowed bounds the partitions of groups. Not smaller: large clusters have tens of thousands; not larger: with their logs they
	// take 190 MB.
	maxFollowed = 100_000
	// forgetAfter is how long a group is remembered that nobody could be asked about. Not shorter: a coordinator that starts again takes
	// minutes, and states would begin anew; not longer: nothing of it counts by then.
	forgetAfter = 10 * time.Minute
)

func newLags(spacing time.Duration) *lags {
	return &lags{logs: map[at]*followedLog{}, groups: map[string]map[at]*followed{}, spacing: spacing}
}

// behind is what a group has left unread of a partition.
type behind struct {
	at
	lag.Assessment
	of *followed // nil where a coordinator counts
}

// follow takes a group's commits in, and returns what it has left unread, in the order of topics and partitions. What it never committed
// is followed where a member has it: of an empty partition nothing is unread.
func (l *lags) follow(g *group, s *snapshot) (out []behind, beyond int) {
	if g.commits == nil {
		return nil, 0
	}
	places := maps.Clone(g.commits)
	for where := range g.owned {
		if _, committed := places[where]; !committed {
			places[where] = lag.NoOffset
		}
	}
	for where, offset := range places {
		if s.cluster.topics[where.topic] == nil {
			continue // deleted, or not for our eyes
		}
		p := l.partition(g.name, where)
		if p == nil {
			beyond++
			continue
		}
		l.feed(where, s)
		p.fed = s.at
		p.Poll(lag.Commit{At: g.read, Offset: offset, Owner: g.owner(where)})
		out = append(out, behind{where, p.At(s.now), p})
	}
	sortBehind(out)
	return out, beyond
}

func (g *group) owner(where at) lag.Owner {
	switch {
	case g.owned == nil:
		return lag.OwnerUnknown
	case g.owned[where]:
		return lag.Owned
	}
	return lag.Unowned
}

// shareLags are what a share group's coordinator says.
func (g *group) shareLags() []behind {
	var out []behind
	for where, messages := range g.behind {
		out = append(out, behind{at: where, Assessment: lag.Assessment{Messages: lag.Known(messages)}})
	}
	sortBehind(out)
	return out
}

func sortBehind(all []behind) {
	slices.SortFunc(all, func(a, b behind) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
}

// partition is a group's partition, nil where there are too many.
func (l *lags) partition(name string, where at) *followed {
	if p := l.groups[name][where]; p != nil {
		return p
	}
	if l.count >= maxFollowed {
		return nil
	}
	if l.groups[name] == nil {
		l.groups[name] = map[at]*followed{}
	}
	if l.logs[where] == nil {
		l.logs[where] = &followedLog{}
	}
	p := &followed{Partition: lag.Spaced(&l.logs[where].Log, l.spacing)}
	l.groups[name][where] = p
	l.count++
	return p
}

// feed tells a log once in a poll what was found out about it.
func (l *lags) feed(where at, s *snapshot) {
	log := l.logs[where]
	if log.fed.Equal(s.at) {
		return
	}
	log.fed = s.at
	end, ended := s.ends[where]
	start, started := s.starts[where]
	if !ended || !started {
		log.Poll(lag.Ends{At: s.now, Failed: lag.Unreachable})
		return
	}
	ends := lag.Ends{At: end.time, Start: start.value, End: end.value, Topic: s.cluster.topics[where.topic].id, Retention: s.settings[where.topic].retention}
	if stable, known := s.stable[where]; known {
		ends.Open = max(end.value-stable.value, 0)
	}
	log.Poll(ends)
}

// prune forgets groups that are gone, and logs that no group reads any more. Where not all coordinators said what they have, a group that
// was not heard of may only be out of reach.
func (l *lags) prune(s *snapshot) {
	read := map[at]bool{}
	for name, partitions := range l.groups {
		maps.DeleteFunc(partitions, func(_ at, p *followed) bool {
			gone := p.fed.Before(s.at) && (s.groupsKnown || s.at.Sub(p.fed) > forgetAfter)
			if gone {
				l.count--
			}
			return gone
		})
		if len(partitions) == 0 {
			delete(l.groups, name)
		}
		for where := range partitions {
			read[where] = true
		}
	}
	maps.DeleteFunc(l.logs, func(where at, _ *followedLog) bool { return !read[where] })
}

// tooMany says that partitions are not followed.
func tooMany(beyond int) error {
	if beyond == 0 {
		return nil
	}
	return fmt.Errorf("%d partitions of groups are not followed: a collector follows at most %d in a cluster", beyond, maxFollowed)
}
