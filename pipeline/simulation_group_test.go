package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// settleGroups starts processes again that are due, and gives partitions that nobody has to some process.
func (s *simulation) settleGroups() {
	now := time.Now()
	for _, role := range s.roles {
		due := func(r restart) bool { return r.role == role && !r.at.After(now) }
		for range slices.Collect(filtered(s.restarts, due)) {
			newcomer := s.launch(role)
			for _, m := range s.live(role) {
				for _, at := range m.owned() {
					if m != newcomer && s.random.IntN(3) == 0 {
						s.move(at, m, newcomer)
					}
				}
			}
		}
		s.restarts = slices.DeleteFunc(s.restarts, due)
		orphans := s.orphans[role.group]
		for _, at := range slices.SortedFunc(maps.Keys(orphans), compareText) {
			if live := s.live(role); !orphans[at].After(now) && len(live) > 0 {
				delete(orphans, at)
				s.give(at, live[s.random.IntN(len(live))])
			}
		}
	}
}

func filtered[T any](from []T, keep func(T) bool) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for _, v := range from {
			if keep(v) && !yield(v) {
				return
			}
		}
	}
}

// live are the processes of a role that do not stand still.
func (s *simulation) live(role *simulatedRole) []*simulatedMember {
	return slices.Collect(filtered(s.members, func(m *simulatedMember) bool { return m.role == role && !m.busy && !m.gone }))
}

// move gives a partition to another process in order.
func (s *simulation) move(at topicPartition, from, to *simulatedMember) {
	owners := s.kafka.owners[from.role.group]
	if owners[at] != from || from.busy || to.gone {
		return
	}
	s.say("%s/%d moves from %s to %s", at.topic, at.partition, from.name, to.name)
	if !s.giveUp(from, at) {
		return
	}
	if to.gone || to.busy {
		s.orphans[from.role.group][at] = time.Now()
		return
	}
	s.give(at, to)
}

// giveUp lets a process give up a partition in order. Where it stands still or dies over it, the group takes it away.
func (s *simulation) giveUp(from *simulatedMember, at topicPartition) (inOrder bool) {
	s.guarded(from, func() error {
		from.stage.revoked(at)
		delete(from.next, at)
		return nil
	})
	owners := s.kafka.owners[from.role.group]
	if owners[at] != from {
		return false
	}
	delete(owners, at)
	return true
}

func (s *simulation) give(at topicPartition, to *simulatedMember) {
	if _, had := to.next[at]; had { // it stood still, and learns first that it had lost it
		s.guarded(to, func() error { to.stage.revoked(at); return nil })
		if to.gone {
			s.orphans[to.role.group][at] = time.Now()
			return
		}
	}
	s.kafka.owners[to.role.group][at] = to
	to.next[at] = s.first(to, at)
	s.say("%s has %s/%d from %d on", to.name, at.topic, at.partition, to.next[at])
	s.guarded(to, func() error { return to.stage.assigned(at) })
}

// leave ends a process that does not start again.
func (s *simulation) leave(m *simulatedMember, inOrder bool) {
	m.stage.stop(inOrder)
	s.abandon(m, 0, 0)
	m.gone = true
	s.members = slices.DeleteFunc(s.members, func(o *simulatedMember) bool { return o == m })
}

func (s *simulation) rebalance() {
	live := s.live(s.roles[s.random.IntN(len(s.roles))])
	if len(live) < 2 {
		return
	}
	from, to := live[0], live[1]
	if s.random.IntN(2) == 0 {
		from, to = to, from
	}
	for _, at := range from.owned() {
		if s.random.IntN(2) == 0 {
			s.move(at, from, to)
		}
	}
}

// desert leaves a source without a worker while the trouble lasts, which may be longer than rules wait for it.
func (s *simulation) desert() {
	for _, m := range s.live(s.roles[0]) {
		for _, at := range m.owned() {
			if s.kafka.owners[groupAggregate][at] == m && s.random.IntN(2) == 0 {
				s.say("nobody has %s/%d for a while", at.topic, at.partition)
				if s.giveUp(m, at) {
					s.orphans[groupAggregate][at] = time.Now().Add(trouble + calm - (time.Since(s.began)+s.shift)%(trouble+calm))
				}
				return
			}
		}
	}
}

// rewind stops the processes of a group, sets its offsets back to the start, and starts them again.
func (s *simulation) rewind() {
	role := s.roles[s.random.IntN(3)] // the notifier always reads from the start
	if len(s.live(role)) != 2 || s.depth > 0 {
		return
	}
	s.say("%s is rewound to the start", role.group)
	for _, m := range s.live(role) {
		s.guarded(m, func() error { s.leave(m, true); return nil })
	}
	s.kafka.committed[role.group] = map[topicPartition]int64{}
	for range s.processes() {
		s.launch(role)
	}
}

// recreateTelemetry deletes weir.telemetry when its time has come, with nothing unread in it and Weir stopped.
func (s *simulation) recreateTelemetry() {
	if s.recreated || s.world.recreate == 0 || time.Since(s.began) < s.world.recreate {
		return
	}
	s.recreated = true
	s.say("%s is deleted and created again", telemetry.TopicTelemetry)
	for _, m := range s.live(s.roles[0]) {
		s.leave(m, true)
	}
	s.kafka.createTelemetry(s.world, 2)
	for range s.processes() {
		s.launch(s.roles[0])
	}
}

// abandon gives up what the group gave a member, after some time without a word from it.
func (s *simulation) abandon(m *simulatedMember, after, within time.Duration) {
	owners := s.kafka.owners[m.role.group]
	for _, at := range m.owned() {
		if owners[at] == m {
			delete(owners, at)
			s.orphans[m.role.group][at] = time.Now().Add(after + time.Duration(s.random.Int64N(int64(within-after)+1)))
		}
	}
}

// first is where a member begins to read a partition that it was given.
func (s *simulation) first(m *simulatedMember, at topicPartition) int64 {
	if m.role.group == groupAlertmanager { // commits nothing
		return s.kafka.start(at)
	}
	return max(s.kafka.start(at), s.kafka.committed[m.role.group][at])
}

// launch starts a process of a role.
func (s *simulation) launch(role *simulatedRole) *simulatedMember {
	s.launched++
	m := &simulatedMember{name: fmt.Sprintf("%s-%d", role.name, s.launched), role: role, next: map[topicPartition]int64{},
		failed: map[topicPartition]time.Time{}}
	m.stage = role.open(s, m)
	s.members = append(s.members, m)
	s.say("%s starts", m.name)
	return m
}
