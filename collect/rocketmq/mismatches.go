package rocketmq

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// subscription is what a client reads of a topic, written in one way only.
type subscription string

// subscriptionsOf are those of a client by topic, without the topic of its group's retries, which each has.
func subscriptionsOf(all []remoting.ClientSubscription) map[string]subscription {
	out := make(map[string]subscription, len(all))
	for _, s := range all {
		if remoting.IsRetryTopic(s.Topic) {
			continue
		}
		expression := s.Expression
		if len(s.Tags) > 0 { // a || b is b || a
			expression = strings.Join(slices.Sorted(slices.Values(s.Tags)), "||")
		}
		out[s.Topic] = subscription(s.Type + " " + expression)
	}
	return out
}

// differing says how many members of a group subscribe to something else than most of them, or than as many others do.
type differing struct {
	atLeast int  // of those that have said what they subscribe to
	all     bool // whether all have
}

// differing compares the members of a group by what they said last.
func (q *inquiries) differing(group string, members map[string]string, at time.Time) differing {
	if len(members) < 2 {
		return differing{all: true}
	}
	var alike []int // how many members have each of the subscriptions
	var of []map[string]subscription
	known := 0
	for id := range members {
		s := q.said[client{group, id}]
		if s == nil || !s.known || at.Sub(s.asked) > saidCounts {
			continue
		}
		known++
		i := slices.IndexFunc(of, func(other map[string]subscription) bool { return maps.Equal(other, s.reads) })
		if i < 0 {
			i, of, alike = len(of), append(of, s.reads), append(alike, 0)
		}
		alike[i]++
	}
	if known == 0 {
		return differing{}
	}
	return differing{known - slices.Max(alike), known == len(members)}
}

// mismatches reports how many members of each group differ from the others. Where some have not said what they subscribe to, that is at least as many as
// are known to; where none of those that have differs, nothing is known.
func (r *reporter) mismatches(all []answers, q *inquiries, at time.Time) {
	counted := membersOf(all)
	connections := connectionsOf(all)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, group := range slices.Sorted(maps.Keys(counted)) {
		if of := q.differing(group, connections[group], at); of.all || of.atLeast > 0 {
			r.addTo(group, "", collect.Gauge(telemetry.GaugeMismatches, float64(of.atLeast)))
		}
	}
}
