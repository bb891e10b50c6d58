package pipeline

import (
	"slices"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// fault is what may happen to a process at each of its calls to the outside.
type fault int

const (
	noFault fault = iota
	failsBefore
	failsAfter // the call had its effect, and the caller does not know
	diesBefore
	diesAfter
	diesLate // its write is on the way, and arrives while others go on
	freezesBefore
	freezesAfter
	numFaults
)

// err is what the caller gets.
func (f fault) err() error {
	if f == failsBefore || f == failsAfter {
		return errSimulatedNetwork
	}
	return nil
}

var faultNames = [numFaults]string{"", "gets an error, nothing was done", "gets an error, it was done", "dies before", "dies after",
	"dies, it comes late", "freezes before", "freezes after"}

// oneFaultIn is how many calls go well for each that does not.
const oneFaultIn = 120

// processDied unwinds a process that is killed in the middle of its work.
type processDied struct{ m *simulatedMember }

// strike says what happens at a call of a member; the caller must say end after the call's effect.
func (s *simulation) strike(m *simulatedMember, what string) fault {
	if !s.troubled || m.gone || s.random.IntN(oneFaultIn) > 0 {
		return noFault
	}
	f := fault(1 + s.random.IntN(int(numFaults)-1))
	if s.depth > 0 && (f == freezesBefore || f == freezesAfter) {
		return noFault
	}
	s.say("%s %s: %s", m.name, what, faultNames[f])
	switch f {
	case diesBefore:
		panic(processDied{m})
	case freezesBefore:
		s.freeze(m)
		return noFault
	}
	return f
}

// end is after a call's effect.
func (s *simulation) end(m *simulatedMember, f fault) {
	switch f {
	case diesAfter, diesLate:
		panic(processDied{m})
	case freezesAfter:
		s.freeze(m)
	}
}

// longFreeze is for how many rounds, of a second each, a process stands still at most: alerts fire and resolve meanwhile.
const longFreeze = 150

// freeze stops a process for so long that its group takes it for dead: others go on with what it had, and it does
// not know when it wakes up.
func (s *simulation) freeze(m *simulatedMember) {
	s.depth++
	s.abandon(m, 0, sessionTimeout)
	rounds := 2 + s.random.IntN(8)
	if s.random.IntN(2) == 0 {
		rounds += s.random.IntN(longFreeze)
	}
	for at := time.Since(s.began); rounds > 0 && at < s.world.length && !s.world.silent(at); at = time.Since(s.began) {
		s.round()
		rounds--
	}
	s.depth--
	s.say("%s wakes up", m.name)
}

// guarded does something as a member, which may die of it.
func (s *simulation) guarded(m *simulatedMember, do func() error) {
	m.busy = true
	defer func() {
		m.busy = false
		if cause := recover(); cause != nil {
			if died, ok := cause.(processDied); !ok || died.m != m {
				panic(cause)
			}
			s.exit(m, false)
		}
	}()
	if err := do(); err != nil {
		s.say("%s fails: %v", m.name, err)
		m.stage.stop(true)
		s.exit(m, true)
	}
}

// exit is the end of a process that starts again soon.
func (s *simulation) exit(m *simulatedMember, inOrder bool) {
	within := sessionTimeout
	if inOrder {
		within = 0
	} else {
		m.stage.stop(false)
	}
	s.abandon(m, 0, within)
	m.gone = true
	s.members = slices.DeleteFunc(s.members, func(o *simulatedMember) bool { return o == m })
	s.restarts = append(s.restarts, restart{time.Now().Add(time.Duration(s.random.Int64N(int64(5 * time.Second)))), m.role})
}

// step lets a process notice what the group says, read from its partitions and do what its stage does.
func (s *simulation) step(m *simulatedMember) {
	s.guarded(m, func() error {
		if s.chance(1, 2) || !m.woke.IsZero() && time.Since(m.woke) >= heartbeatInterval {
			m.woke = time.Time{}
			for _, at := range m.owned() {
				if s.kafka.owners[m.role.group][at] != m {
					s.say("%s notices that it has lost %s/%d", m.name, at.topic, at.partition)
					delete(m.next, at)
					m.stage.revoked(at)
				}
			}
		}
		for _, at := range m.owned() {
			records := s.kafka.fetch(at, m.next[at], s.batch())
			if len(records) == 0 {
				continue
			}
			m.next[at] = records[len(records)-1].Offset + 1
			if err := m.stage.take(kgo.FetchTopicPartition{Topic: at.topic, FetchPartition: kgo.FetchPartition{Partition: at.partition,
				Records: records, HighWatermark: s.kafka.partition(at).next}}); err != nil {
				return err
			}
		}
		return m.stage.settle()
	})
	synctest.Wait() // notifiers send what they were told
}

// batch is how many records one fetch returns at most.
func (s *simulation) batch() int {
	if s.troubled {
		return 1 + s.random.IntN(40)
	}
	return 500
}

// disturb lets things happen that are nobody's call.
func (s *simulation) disturb() {
	if !s.troubled {
		s.calmDown()
		return
	}
	switch s.random.IntN(40) {
	case 0, 1, 2, 3, 4:
		s.rebalance()
	case 5:
		s.rewind()
	case 6, 7:
		s.reload(s.sets[s.random.IntN(len(s.sets))])
	case 8, 9, 10:
		partition := s.random.Int32N(s.world.groups)
		held := len(s.kafka.partition(topicPartition{telemetry.TopicAlerts, partition}).records)
		first := s.random.IntN(held + 1)
		s.say("%s/%d is compacted up to its record %d", telemetry.TopicAlerts, partition, first)
		s.kafka.compact(partition, first)
	case 11, 12, 13, 14:
		s.alertmanager.disturb()
	case 15, 16, 17:
		s.arrive()
	case 21, 22, 23, 24:
		s.desert()
	case 25:
		s.freezeNotifier()
	case 18, 19, 20:
		s.store.fails = 1 + s.random.IntN(4)
		s.say("the store fails %d times", s.store.fails)
	}
}

// calmDown ends what goes on.
func (s *simulation) calmDown() {
	for len(s.flying) > 0 {
		s.arrive()
	}
	s.store.fails = 0
	s.alertmanager.recover()
}

func (s *simulation) arrive() {
	if len(s.flying) == 0 {
		return
	}
	s.say("a write to %s of a process that is gone arrives", s.flying[0].Topic)
	s.kafka.append(s.flying[0], time.Now())
	s.flying = s.flying[1:]
}

func (s *simulation) reload(set *rules.Set) {
	s.say("%d rules are loaded", len(set.Rules))
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.set = set
	s.rules.version++
}
