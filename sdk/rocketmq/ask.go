package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk"
)

// Codes of questions for an offset of one queue: RequestCode of RocketMQ's sources. What tells of a whole topic at once leaves out queues that may be read and
// not be written any more.
const (
	codeMaxOffset = 30
	codeMinOffset = 31
)

const (
	// askTimeout bounds a question. Not shorter: a busy broker takes a second; not longer: who asks waits.
	askTimeout = 5 * time.Second
	// maxAnswerBytes bounds an answer. Not smaller: a route of many brokers has some KiB; not larger: it is kept in memory.
	maxAnswerBytes = 4 << 20
)

// errNotAsked says that the cluster is not asked: the library has no way to, and a token is nothing that questions are signed with.
var errNotAsked = errors.New("a cluster that asks for a security token is not asked")

// asker asks a cluster what the library does not tell: it has no question for a group's offsets. It has a connection to each broker and name server.
type asker struct {
	client *remoting.Client
	names  []string
	topic  string // as brokers know it
	closed bool
}

func newAsker(route *weir.Route, access Access) *asker {
	return &asker{
		client: remoting.NewClient(remoting.Config{AccessKey: access.Credentials.AccessKey, SecretKey: access.Credentials.SecretKey, AnswerBytes: maxAnswerBytes}),
		names:  route.Endpoints, topic: inNamespace(route, route.Topic), closed: access.Credentials.SecurityToken != "",
	}
}

// inNamespace is the name of a topic or group as brokers know it.
func inNamespace(route *weir.Route, name string) string {
	return remoting.InNamespace(route.Namespace, name)
}

// close ends the connections.
func (a *asker) close() { a.client.Close() }

// master is a broker that has queues of a topic.
type master struct {
	name   string // of its set of brokers
	addr   string
	queues int
}

// masters are the brokers that have a topic, as the first name server that answers knows them.
func (a *asker) masters(ctx context.Context, topic string) ([]master, error) {
	if a.closed {
		return nil, errNotAsked
	}
	var errs []error
	for _, name := range a.names {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		route, err := a.client.NameServer(name).TopicRoute(asking, topic)
		cancel()
		switch {
		case err == nil:
			return mastersOf(&route)
		case errors.Is(err, remoting.ErrNoTopic):
			return nil, fmt.Errorf("%w; create it", err)
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func mastersOf(route *remoting.TopicRoute) ([]master, error) {
	addrs := map[string]string{}
	for _, set := range route.Brokers {
		addrs[set.Name] = set.Addrs[remoting.MasterID]
	}
	var out []master
	for _, q := range route.Queues {
		if addrs[q.Broker] == "" {
			return nil, fmt.Errorf("read a route: broker %s has no master", q.Broker)
		}
		if q.Read < 0 || q.Read > remoting.MaxQueues {
			return nil, fmt.Errorf("read a route: broker %s has %d queues: 0 to %d are allowed", q.Broker, q.Read, remoting.MaxQueues)
		}
		out = append(out, master{q.Broker, addrs[q.Broker], q.Read})
	}
	return out, nil
}

// offset asks a broker for where a queue begins or ends.
func (a *asker) offset(ctx context.Context, broker string, code int32, topic string, queue int) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := a.client.Do(ctx, broker, remoting.Request{Code: code, Fields: map[string]string{"topic": topic, "queueId": strconv.Itoa(queue)}})
	if err != nil {
		return 0, err
	}
	offset, err := strconv.ParseInt(answer.Fields["offset"], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask %s for an offset of queue %d of %s: %w", broker, queue, topic, err)
	}
	return offset, nil
}

// committed asks a broker for the offset that a group has committed; -1 where it has committed none.
func (a *asker) committed(ctx context.Context, broker, group, topic string, queue int) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	offset, err := a.client.Broker(broker).QueryOffset(ctx, group, topic, queue)
	if errors.Is(err, remoting.ErrNeverCommitted) {
		return -1, nil
	}
	return offset, err
}

// progress is how far a group is with a topic.
type progress struct {
	handled bool  // all of it
	ends    int64 // where its queues end, summed up: it changes with each message that comes
}

// askedAtOnce is how many queues are asked about at a time. Not fewer: each takes up to three round trips, and all of a topic must answer within one look at a
// former place; not more: they share a connection to each broker.
const askedAtOnce = 16

// queue is one of a topic.
type queue struct {
	addr   string // of the broker that has it
	number int
}

// eachQueue calls do with each queue of a topic, with several at a time, until one of them fails or says that no more are asked for: what the others say
// then may be due to that, and is nothing.
func (a *asker) eachQueue(ctx context.Context, topic string, do func(ctx context.Context, q queue) (more bool, err error)) error {
	masters, err := a.masters(ctx, topic)
	if err != nil {
		return err
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var (
		asking sync.WaitGroup
		slots  = make(chan struct{}, askedAtOnce)
		mu     sync.Mutex
		over   bool
	)
	for _, m := range masters {
		for number := range m.queues {
			slots <- struct{}{}
			asking.Go(func() {
				defer func() { <-slots }()
				more, failed := do(ctx, queue{m.addr, number})
				mu.Lock()
				defer mu.Unlock()
				if over || more && failed == nil {
					return
				}
				over, err = true, failed
				enough()
			})
		}
	}
	asking.Wait()
	return err
}

// progress asks how far a group is with a topic, as far as brokers know by now: members tell them every few seconds. Where it is not through with a queue,
// it asks for no more.
func (a *asker) progress(ctx context.Context, group, topic string) (progress, error) {
	var (
		behind atomic.Bool
		ends   atomic.Int64
	)
	err := a.eachQueue(ctx, topic, func(ctx context.Context, q queue) (bool, error) {
		handled, end, err := a.queueProgress(ctx, q.addr, group, topic, q.number)
		if err == nil && !handled {
			behind.Store(true)
		}
		ends.Add(end)
		return handled, err
	})
	if err != nil || behind.Load() {
		return progress{}, err
	}
	return progress{handled: true, ends: ends.Load()}, nil
}

// queueProgress says whether a group is through with a queue, and where that ends.
func (a *asker) queueProgress(ctx context.Context, broker, group, topic string, queue int) (handled bool, end int64, err error) {
	if end, err = a.offset(ctx, broker, codeMaxOffset, topic, queue); err != nil {
		return false, 0, err
	}
	committed, err := a.committed(ctx, broker, group, topic, queue)
	if err != nil || committed >= end {
		return err == nil, end, err
	}
	start, err := a.offset(ctx, broker, codeMinOffset, topic, queue) // what is deleted nobody can handle
	return err == nil && start >= end, end, err
}
