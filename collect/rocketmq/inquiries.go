package rocketmq

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
)

// Inquiries ask consumers themselves, through a broker that relays the question: what a single client subscribes to, and how it gets on with
// its queues, no broker knows. Who is asked has to work for it, and one that hangs takes the broker 10 s. So few are asked in a poll, none of them
// often, and no poll waits for their answers: the next one has them.
const (
	// inquiriesPerPoll is how many clients are asked after a poll. Not fewer: of a thousand each is to be asked within the ten minutes of
	// inquireAgain; not more: an answer may have tens of kilobytes, which the client and the broker copy.
	inquiriesPerPoll = 8
	// inquiriesAtOnce is how many are asked at the same time. Not fewer: a few that hang must not hold up the others; not more: a broker has
	// a handful of threads for this, and each waits for its client.
	inquiriesAtOnce = 4
	// inquiryTime bounds the wait for an answer. Not shorter: a broker waits 10 s for a client; not longer: the next are to be asked.
	inquiryTime = 12 * time.Second
	// inquireAgain is when a client is asked again of which nothing new is expected. Not shorter: thousands are asked a hundred in a minute;
	// not longer: one that changes its subscription is to be seen the same hour.
	inquireAgain = 10 * time.Minute
	// inquireDiffering is when one is asked again whose group is of two minds. Not shorter: a deployment takes minutes; not longer: the
	// alert is to go soon after its reason.
	inquireDiffering = time.Minute
	// inquireStuck is when one is asked again that commits nothing though messages wait. Not shorter: two answers must be seconds apart to tell
	// one that asks for nothing from one that is slow; not longer: a group that is suspended is to be known as that within a minute.
	inquireStuck = 15 * time.Second
	// saidCounts is how long an answer counts. Not shorter than inquireAgain; not longer: the client may have changed its mind.
	saidCounts = 15 * time.Minute
)

// inquiries are what clients said.
type inquiries struct {
	alive context.Context // ends with the poller
	end   context.CancelFunc
	asked sync.WaitGroup // the goroutine that asks

	mu        sync.Mutex
	busy      bool             // it runs
	said      map[client]*said // of clients that were asked
	behind    map[string]stuck // by group: queues of which something was unread at the poll before
	stuck     map[string]stuck // by group
	suspended map[string]map[remoting.Queue]suspension
}

// client is one of a group.
type client struct{ group, id string }

// said is what a client answered.
type said struct {
	asked, answered time.Time // answered is by this process's own clock
	known           bool      // whether it said; the rest holds only then
	reads           map[string]subscription
	// queues are those that it reads and that were stuck when it was asked, and before is what it said the time before.
	queues, before map[remoting.Queue]status
	beforeAt       time.Time
}

func newInquiries() *inquiries {
	q := &inquiries{said: map[client]*said{}, suspended: map[string]map[remoting.Queue]suspension{}}
	q.alive, q.end = context.WithCancel(context.Background())
	return q
}

// inquiry is a question to a client.
type inquiry struct {
	client
	through string // address of the broker
	stuck   stuck  // of its group
	differs bool   // whether its group is of two minds
}

// begin asks some clients, and does not wait. While those of the poll before are still asked, it does nothing.
func (q *inquiries) begin(c *remoting.Client, all []answers, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	turn := q.turn(all, at)
	if q.busy || len(turn) == 0 || q.alive.Err() != nil {
		return
	}
	q.busy = true
	q.asked.Go(func() {
		collect.AskEach(inquiriesAtOnce, len(turn), func(i int) { q.ask(c, turn[i], at) })
		q.mu.Lock()
		defer q.mu.Unlock()
		q.busy = false
	})
}

// turn is who is asked next, those first that were due first, and forgets who has left.
func (q *inquiries) turn(all []answers, at time.Time) []inquiry {
	type due struct {
		inquiry
		since time.Time
	}
	var turn []due
	connected := map[client]bool{}
	for group, members := range connectionsOf(all) {
		differs := q.differing(group, members, at).atLeast > 0
		for id, through := range members {
			who := client{group, id}
			connected[who] = true
			if len(members) < 2 && q.stuck[group] == nil {
				continue // it cannot differ from anybody
			}
			when := time.Time{}
			if s := q.said[who]; s != nil {
				when = s.asked.Add(q.pause(s, group, differs))
			}
			if !when.After(at) {
				turn = append(turn, due{inquiry{who, through, q.stuck[group], differs}, when})
			}
		}
	}
	for who, s := range q.said {
		if !connected[who] && at.Sub(s.asked) > saidCounts {
			delete(q.said, who)
		}
	}
	slices.SortFunc(turn, func(a, b due) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.group, b.group), cmp.Compare(a.id, b.id))
	})
	out := make([]inquiry, 0, inquiriesPerPoll)
	for i := range turn[:min(len(turn), inquiriesPerPoll)] {
		out = append(out, turn[i].inquiry)
	}
	return out
}

// pause is how long a client is left alone after it was asked.
func (q *inquiries) pause(s *said, group string, differs bool) time.Duration {
	switch {
	case q.stuck[group] != nil && s.known:
		return inquireStuck
	case differs:
		return inquireDiffering
	}
	return inquireAgain
}

// connectionsOf are the clients of each group, and a broker that each is connected to.
func connectionsOf(all []answers) map[string]map[string]string {
	out := map[string]map[string]string{}
	for i := range all {
		for name, g := range all[i].groups {
			if out[name] == nil {
				out[name] = map[string]string{}
			}
			for _, connection := range g.consumers.Connections {
				if len(connection.ClientID) <= maxClientID {
					out[name][connection.ClientID] = all[i].node
				}
			}
		}
	}
	return out
}

// maxClientID is how long the id of a client may be that is asked: labels have no more.
const maxClientID = 256

// ask asks a client. One that does not say has said nothing, which is neither yes nor no.
func (q *inquiries) ask(c *remoting.Client, who inquiry, at time.Time) {
	ctx, cancel := context.WithTimeout(q.alive, inquiryTime)
	defer cancel()
	info, err := c.Broker(who.through).RunningInfo(ctx, who.group, who.id)
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &said{asked: at, answered: time.Now(), known: err == nil && len(info.Subscriptions) > 0}
	if s.known {
		s.reads, s.queues = subscriptionsOf(info.Subscriptions), who.stuck.of(info.Queues)
		if before := q.said[who.client]; before != nil && before.known {
			s.before, s.beforeAt = before.queues, before.answered
		}
	}
	q.said[who.client] = s
	if !who.differs {
		q.compare(who.client, s, at)
	}
}
