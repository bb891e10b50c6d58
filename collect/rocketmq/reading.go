package rocketmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

const (
	// readTime bounds what a poll takes for how long messages wait. Not shorter: a broker looks them up on its disks; not longer: what the
	// rest of the poll found out would come late.
	readTime = 2 * time.Second

	// readsPerPoll bounds the groups and topics that a master is asked for it. Not fewer: a collector that began anew would know the ages
	// of a thousand groups only after minutes; not more: each is three look-ups for every queue of the topic.
	readsPerPoll = 200

	// readAgain is how long a group and topic is left alone of which that may not be asked. Not shorter: who gives no permission does so
	// on purpose; not longer: who gives it wants to see it.
	readAgain = 10 * time.Minute

	// unsaidAgain is how long a commit is left alone of whose message a master says nothing, while it stands. Not shorter: a queue of which it
	// never says anything would be asked for in each poll; not longer: of a message that was stored in this very moment it says nothing either.
	unsaidAgain = time.Minute

	// leastRead is how long a master must have had to answer for its silence to count. Not shorter: one that is slow answers the others late, too; not
	// longer: of what a poll asks last it would never count.
	leastRead = readTime / 2
)

// assessments are by group, topic and queue.
type assessments = map[string]map[string]map[remoting.Queue]lag.Assessment

// look is a group and a topic on one master of which an assessment asks for more.
type look struct {
	broker       *answers
	group, topic string
	since        time.Time // when somebody looked for one of its queues before
	asked        map[remoting.Queue]int64
	waits        map[remoting.Queue]remoting.Waits
	at           time.Time
	took         time.Duration
	err          error
}

// Without says why ages of what was written before the first poll are bounds: of some group and topic they may not be asked for. It is nil
// where all that was asked was answered.
func (p *Poller) Without() error { return p.without }

// readAsked asks masters for how long messages have been there, where polls do not tell it, and assesses again what was found. It returns
// what failed and was not refused.
func (p *Poller) readAsked(ctx context.Context, all []answers, now func() time.Time, known assessments) []error {
	if p.config.OffsetsOnly {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	looks := p.looks(all, now(), known)
	collect.AskEach(requestsAtOnce, len(looks), func(i int) {
		l := looks[i]
		l.at = now()
		l.waits, l.err = p.client.Broker(l.broker.node).Waits(ctx, l.group, l.topic)
		l.took = now().Sub(l.at)
	})
	var errs []error
	for _, l := range looks {
		refused := (*remoting.Error)(nil)
		switch {
		case l.err == nil:
			p.found(l, now(), known)
		case errors.As(l.err, &refused):
			p.leave(l)
		case ctx.Err() != nil && l.took < leastRead: // the next poll asks for it first
		default:
			p.unanswered(l, now())
			if ctx.Err() == nil && len(errs) < maxErrors {
				errs = append(errs, l.err)
			}
		}
	}
	p.without = p.refusal()
	return errs
}

// looks are what masters are asked for: of more than they are asked in a poll that which nobody has looked at for longest.
func (p *Poller) looks(all []answers, now time.Time, known assessments) []*look {
	masters := map[string]*answers{}
	for i := range all {
		if all[i].master() && all[i].answered {
			masters[all[i].set] = &all[i]
		}
	}
	type place struct{ set, group, topic string }
	places := map[place]*look{}
	for group, topics := range known {
		for topic, queues := range topics {
			for name, a := range queues {
				r := p.queues[name].groups[group]
				offset, asks := a.Ask()
				if !asks || masters[name.Broker] == nil || r.leftAlone(offset, now) {
					continue
				}
				where := place{name.Broker, group, topic}
				l := places[where]
				if l == nil {
					l = &look{broker: masters[name.Broker], group: group, topic: topic, since: r.looked, asked: map[remoting.Queue]int64{}}
					places[where] = l
				}
				l.asked[name] = offset
				if r.looked.Before(l.since) {
					l.since = r.looked
				}
			}
		}
	}
	return inOrder(places)
}

// inOrder are the looks of each master, so many of them that a poll asks it for.
func inOrder[K comparable](places map[K]*look) []*look {
	all := make([]*look, 0, len(places))
	for _, l := range places {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *look) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.group, b.group), strings.Compare(a.topic, b.topic), strings.Compare(a.broker.set, b.broker.set))
	})
	asked := map[string]int{}
	return slices.DeleteFunc(all, func(l *look) bool {
		asked[l.broker.set]++
		return asked[l.broker.set] > readsPerPoll
	})
}

// found takes in how long messages have been there. Of a message nothing is said that was consumed meanwhile, for the commit is past it, or that is kept
// no more, for the start will be; and of none in a queue that the topic takes no messages in, as while it is made smaller: the broker goes through those
// that are written. So a commit is left alone while it stands.
func (p *Poller) found(l *look, now time.Time, known assessments) {
	for name, offset := range l.asked {
		r := p.queues[name].groups[l.group]
		r.looked, r.refused, r.unreadable = now, nil, time.Time{}
		stored, said := l.stored(name, offset > r.commit)
		if !said {
			r.silent(offset, now)
			continue
		}
		r.Found(lag.Found{At: l.at, Asked: offset, Offset: offset, Stored: stored})
		known[l.group][l.topic][name] = r.At(now)
	}
}

// unanswered leaves commits alone while they stand of which a master gave no answer, so that those which it never answers take no other's turn.
func (p *Poller) unanswered(l *look, now time.Time) {
	for name, offset := range l.asked {
		r := p.queues[name].groups[l.group]
		r.looked, r.refused = now, nil
		r.silent(offset, now)
	}
}

// silent leaves the message at an offset alone for a while.
func (r *reader) silent(offset int64, now time.Time) {
	r.unsaid, r.unreadable = offset, now.Add(unsaidAgain)
}

// stored is when the next message of a queue was stored; said is false where the broker does not say. Of a commit below the queue's start that is the
// oldest one.
func (l *look) stored(name remoting.Queue, below bool) (at time.Time, said bool) {
	waits := l.waits[name]
	if below {
		return waits.Earliest()
	}
	waited, said := waits.Next()
	return l.at.Add(-waited), said
}

// leftAlone says that nobody asks for the age of the message at an offset.
func (r *reader) leftAlone(offset int64, now time.Time) bool {
	return now.Before(r.unreadable) && (r.refused != nil || r.unsaid == offset)
}

// leave leaves a group and topic alone for a while.
func (p *Poller) leave(l *look) {
	for name := range l.asked {
		r := p.queues[name].groups[l.group]
		r.looked, r.unreadable = l.at, l.at.Add(readAgain)
		r.refused = fmt.Errorf("ages of what was there before the first poll are not known: %w", l.err)
	}
}

// refusal is the first in the order of names of those that stand.
func (p *Poller) refusal() error {
	var first error
	var of string
	for name, q := range p.queues {
		for group, r := range q.groups {
			if key := group + "\x00" + partition(name); r.refused != nil && (first == nil || key < of) {
				first, of = r.refused, key
			}
		}
	}
	return first
}
