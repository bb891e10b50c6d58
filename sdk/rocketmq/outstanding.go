package rocketmq

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirmq/weir/remoting"
)

// mark is what was delayed when all that had come was handled. Brokers do not say which topic a delayed message is for: when they have delivered
// all that was delayed by then, and nothing came of it, nothing is left.
type mark struct {
	came    int64               // ends of the topic and of the group's retries, summed up
	delayed map[delayedBy]int64 // where each level ended
}

// delayedBy is one delay level of one set of brokers.
type delayedBy struct {
	broker string
	level  int
}

// Outstanding says whether messages may still come that were sent before: by programs that delayed them, or given back by this group.
func (r *receiver) Outstanding(ctx context.Context) (bool, error) {
	group := inNamespace(&r.config.Route, r.config.Group)
	topic, err := r.ask.progress(ctx, group, r.ask.topic)
	if err != nil {
		return false, err
	}
	retries, err := r.ask.progress(ctx, group, remoting.RetryTopicPrefix+group)
	if errors.Is(err, remoting.ErrNoTopic) { // the group gave nothing back
		retries, err = progress{handled: true}, nil
	}
	if err != nil {
		return false, err
	}
	if !topic.handled || !retries.handled {
		r.left = nil
		return true, nil
	}
	// What of these failed has been given back before it was committed, and is delayed by now.
	offsets, ends, err := r.ask.delays(ctx)
	if err != nil {
		return false, err
	}
	if came := topic.ends + retries.ends; r.left == nil || r.left.came != came {
		r.left = &mark{came, ends}
	}
	for at, end := range r.left.delayed {
		offset, known := offsets[at]
		if !known {
			return false, fmt.Errorf("ask broker %s how far it is with what is delayed: it does not tell of level %d", at.broker, at.level)
		}
		if offset < end {
			return true, nil
		}
	}
	return false, nil
}

// delays asks the brokers that have the topic how far they are with what is delayed: what is delivered next, and where each level ends.
func (a *asker) delays(ctx context.Context) (offsets, ends map[delayedBy]int64, err error) {
	masters, err := a.masters(ctx, a.topic)
	if err != nil {
		return nil, nil, err
	}
	offsets, ends = map[delayedBy]int64{}, map[delayedBy]int64{}
	for _, m := range masters {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		info, err := a.client.Broker(m.addr).RuntimeInfo(asking)
		cancel()
		if err != nil {
			return nil, nil, err
		}
		for _, l := range info.DelayLevels() {
			at := delayedBy{m.name, l.Level}
			offsets[at], ends[at] = l.Offset, l.End
		}
	}
	return offsets, ends, nil
}
