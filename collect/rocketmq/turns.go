package rocketmq

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/weirmq/weir/remoting"
)

// What a master is asked for one by one, of its groups or topics, is asked by turns where there are many. Each bound is of one poll.
const (
	// groupsPerPoll is how many groups are asked for at least. Not smaller: a cluster of some hundred groups knows all its members in each
	// poll; not larger: ten thousand groups would take a broker a second of each poll.
	groupsPerPoll = 500
	// groupTurns is after how many polls, at most, a group has its turn again. Not smaller: see above; not larger: that a group lost its
	// last member is to be seen within a minute.
	groupTurns = 12
	// startsPerPoll is how many topics are asked for their starts at least. Not smaller: a small cluster knows them in each poll; not
	// larger: a topic's costs a broker as much as the ends of twenty.
	startsPerPoll = 100
	// startTurns is after how many polls, at most, a topic's start is asked for again. Not smaller: see above; not larger: what expired
	// counts as unread until then, and brokers let messages expire by the hour.
	startTurns = 60
	// topicsPerPoll and topicTurns are the bounds of topics whose ends too are asked for one by one. Not smaller, and not larger: as those
	// of groups, and a topic is answered sooner. Two minutes on, what was read does not count any more (lag.StaleAfter).
	topicsPerPoll = 1000
	topicTurns    = 12
	// firstsPerPoll is how many are asked for that never were. Not smaller: ten thousand topics would not be known for minutes; not
	// larger: far brokers answer so many in half a poll.
	firstsPerPoll = 2000
)

// memory is what one master said in earlier polls, of what it is not asked for in each.
type memory struct {
	poll     uint64 // number of this one
	members  map[string]*members
	starts   map[string]map[remoting.QueueID]int64 // of a topic, by queue; nil where they must be asked for
	oneByOne pause                                 // while all offsets cannot be asked for at once
	noEnds   pause                                 // while the ends of many topics cannot
	// passages are those found last of each delay level, and noEntries holds while they cannot be looked up.
	passages  map[int]passage
	noEntries pause
}

// members is who is in a group, as it was said when it was asked.
type members struct {
	known bool // whether it was said
	remoting.Consumers
}

func newMemory() *memory {
	return &memory{members: map[string]*members{}, starts: map[string]map[remoting.QueueID]int64{}, passages: map[int]passage{}}
}

// pause is for how long something is not asked again, and why.
type pause struct {
	until time.Time
	why   error
}

// askAgain is how long it is not asked for what was refused. Not shorter: an answer that is too long costs a connection; not longer: who
// was permitted meanwhile waits for it.
const askAgain = time.Minute

func (p *pause) begin(now time.Time, why error) { p.until, p.why = now.Add(askAgain), why }

func (p *pause) holds(now time.Time) bool { return now.Before(p.until) }

// turns says whose turn it is. A name's comes once in a number of polls: as many as are needed for not more than a number of names in each,
// but no more than most.
type turns struct{ poll, of uint64 }

func (m *memory) turns(names, perPoll, most int) turns {
	return turns{m.poll, uint64(min(max((names+perPoll-1)/perPoll, 1), most))}
}

func (t turns) has(name string) bool {
	if t.of == 1 {
		return true
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // never fails, by its documentation
	return hash.Sum64()%t.of == t.poll%t.of
}

// whose are the names whose turn it is, and of those that were never asked for so many as are asked first; later is how many of those are
// left to the next polls.
func (t turns) whose(names []string, asked func(string) bool) (turn []string, later int) {
	firsts := 0
	for _, name := range names {
		switch {
		case asked(name):
			if t.has(name) {
				turn = append(turn, name)
			}
		case firsts < firstsPerPoll:
			turn = append(turn, name)
			firsts++
		default:
			later++
		}
	}
	return turn, later
}

// leave says that some of what a master has, topics or groups, is not known yet.
func (q *question) leave(what string, later int) {
	if later > 0 {
		q.failed(fmt.Errorf("%d %s of broker %s are left to the next polls: %d in each are asked for that never were", later, what, q.answers.node, firstsPerPoll))
	}
}
