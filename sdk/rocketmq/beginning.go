package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// Begin commits the end of each queue of which the group has committed nothing. That the library's own beginning does not do: whether a message is left is known by
// what is committed, and a young topic is begun with its oldest message, as brokers say 0 of what was never committed while they have all of it in memory.
func (r *receiver) Begin(ctx context.Context) error {
	masters, err := r.ask.masters(ctx, r.ask.topic)
	if err != nil {
		return err
	}
	group := inNamespace(&r.config.Route, r.config.Group)
	for _, m := range masters {
		if err := r.ask.introduce(ctx, m.addr, group); err != nil {
			return fmt.Errorf("have the group known: %w", err)
		}
	}
	return r.eachCommitted(ctx, func(ctx context.Context, q queue, offset int64) (bool, error) {
		if offset >= 0 {
			return true, nil
		}
		end, err := r.ask.offset(ctx, q.addr, codeMaxOffset, r.ask.topic, q.number)
		if err == nil {
			err = r.ask.commit(ctx, q, group, r.ask.topic, end)
		}
		return err == nil, err
	})
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
