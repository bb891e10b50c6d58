package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk"
)

// Codes of what a member of a group says: RequestCode of RocketMQ's sources.
const (
	codeCommitOffset = 15
	codeLeave        = 35
)

var _ weir.Beginner = (*receiver)(nil)

// Knows says whether the group has committed anything of the topic.
func (r *receiver) Knows(ctx context.Context) (bool, error) {
	var known atomic.Bool
	err := r.eachCommitted(ctx, func(_ context.Context, _ queue, offset int64) (bool, error) {
		if offset >= 0 {
			known.Store(true)
		}
		return offset < 0, nil
	})
	return known.Load(), err
}

// Begin commits the end of each queue of which the group has committed nothing, that of the first one last: where that is committed, the group has begun, and queues of
// which it has committed nothing came since. What is in those is for it, and the library begins them. Members that begin at once leave none to the library meanwhile.
//
// The library's own beginning does not do: whether a message is left is known by what is committed, and a young topic is begun with its oldest message, as brokers say 0
// of what was never committed while they have all of it in memory.
func (r *receiver) Begin(ctx context.Context) error {
	masters, err := r.ask.masters(ctx, r.ask.topic)
	masters = slices.DeleteFunc(masters, func(m master) bool { return m.queues == 0 })
	if err != nil || len(masters) == 0 {
		return err
	}
	group := inNamespace(&r.config.Route, r.config.Group)
	first := firstQueue(masters)
	switch offset, err := r.ask.committed(ctx, first.addr, group, r.ask.topic, first.number); {
	case err != nil:
		return err
	case offset >= 0:
		return nil
	}
	for _, m := range masters {
		if err := r.ask.introduce(ctx, m.addr, group); err != nil {
			return fmt.Errorf("have the group known: %w", err)
		}
	}
	err = r.eachCommitted(ctx, func(ctx context.Context, q queue, offset int64) (bool, error) {
		if offset >= 0 || q == first {
			return true, nil
		}
		err := r.commitEnd(ctx, q)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	return r.commitEnd(ctx, first)
}

// firstQueue is the one that a topic had before others, as far as brokers get their names in that order.
func firstQueue(masters []master) queue {
	first := slices.MinFunc(masters, func(a, b master) int { return strings.Compare(a.name, b.name) })
	return queue{first.addr, 0}
}

// commitEnd has the group be behind what a queue has by now.
func (r *receiver) commitEnd(ctx context.Context, q queue) error {
	end, err := r.ask.offset(ctx, q.addr, codeMaxOffset, r.ask.topic, q.number)
	if err != nil {
		return err
	}
	return r.ask.commit(ctx, q, inNamespace(&r.config.Route, r.config.Group), r.ask.topic, end)
}

// beginAtEnd is Begin of a receiver that is about to run. Where it cannot ask, the library begins as it does.
func (r *receiver) beginAtEnd(ctx context.Context) error {
	err := r.Begin(ctx)
	switch {
	case err == nil, errors.Is(err, errNotAsked):
		return nil
	case !errors.Is(err, remoting.ErrNoPermission):
		err = fmt.Errorf("%w: %w", weir.ErrAway, err)
	}
	return fmt.Errorf("begin with the newest message: %w", err)
}

// eachCommitted calls do with what the group has committed of each queue, -1 where that is nothing. See eachQueue.
func (r *receiver) eachCommitted(ctx context.Context, do func(ctx context.Context, q queue, offset int64) (more bool, err error)) error {
	group := inNamespace(&r.config.Route, r.config.Group)
	return r.ask.eachQueue(ctx, r.ask.topic, func(ctx context.Context, q queue) (bool, error) {
		offset, err := r.ask.committed(ctx, q.addr, group, r.ask.topic, q.number)
		if err != nil {
			return false, err
		}
		return do(ctx, q, offset)
	})
}

// introduce has a broker know a group, as far as it makes groups by itself: from RocketMQ 5 on it takes no offset of one that it does not know. It makes one for who
// leaves it, too, and then nobody has been a member.
func (a *asker) introduce(ctx context.Context, broker, group string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err := a.client.Do(ctx, broker, remoting.Request{Code: codeLeave, Fields: map[string]string{"clientID": "weir-begins", "consumerGroup": group}})
	return err
}

// commit tells a broker how far a group is with a queue.
func (a *asker) commit(ctx context.Context, q queue, group, topic string, offset int64) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err := a.client.Do(ctx, q.addr, remoting.Request{Code: codeCommitOffset, Fields: map[string]string{"consumerGroup": group, "topic": topic,
		"queueId": strconv.Itoa(q.number), "commitOffset": strconv.FormatInt(offset, 10)}})
	return err
}
