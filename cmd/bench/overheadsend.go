package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/kafka"
)

// overheadSenders send at once. Not fewer: the library would wait for the broker more than it works; not more: they share one core.
const overheadSenders = 4

// pacedEach is how often messages are sent at a rate. Not more often: the timers would be a good part of the cost; not less: they would
// come as bursts.
const pacedEach = 2 * time.Millisecond

// overheadSender sends messages by their numbers, and waits until they are acknowledged.
type overheadSender struct {
	batch int // messages of a call
	rate  int // messages a second, 0 for as many as can be
	send  func(ctx context.Context, first, count int) error
	end   func()
	sent  int
}

func (s *overheadSide) sender(way string) (overheadWay, error) {
	switch {
	case way == wayUnified:
		return s.unifiedSender()
	case s.System == kafka.SystemName:
		return s.kafkaSender(way)
	}
	return s.rocketmqSender(way)
}

// unifiedSender sends by package weir.
func (s *overheadSide) unifiedSender() (overheadWay, error) {
	producer, err := s.unified.Producer(overheadResource)
	if err != nil {
		return nil, err
	}
	batch := rocketmqBatch
	if s.System == kafka.SystemName {
		batch = kafkaBatch
	}
	send := func(ctx context.Context, first, count int) error {
		messages, all := make([]weir.Message, count), make([]*weir.Message, count)
		for i := range messages {
			messages[i].Key, messages[i].Body = overheadMessage(first + i)
			all[i] = &messages[i]
		}
		return producer.Send(ctx, all...)
	}
	return &overheadSender{batch: batch, rate: s.Rate, send: send, end: func() {}}, nil
}

func (s *overheadSender) close() { s.end() }

// run sends a block.
func (s *overheadSender) run(ctx context.Context, messages int) (int, error) {
	first := s.sent
	s.sent += messages
	if s.rate > 0 {
		return messages, s.paced(ctx, first, messages)
	}
	var next atomic.Int64
	next.Store(int64(first))
	errs := make([]error, overheadSenders)
	var sending sync.WaitGroup
	for i := range errs {
		sending.Go(func() {
			for errs[i] == nil {
				from := int(next.Add(int64(s.batch))) - s.batch
				if from >= first+messages {
					return
				}
				errs[i] = s.send(ctx, from, min(s.batch, first+messages-from))
			}
		})
	}
	sending.Wait()
	return messages, errors.Join(errs...)
}

// paced sends a block at the rate.
func (s *overheadSender) paced(ctx context.Context, first, messages int) error {
	each := max(1, s.rate*int(pacedEach)/int(time.Second))
	began, errs := time.Now(), make([]error, (messages+each-1)/each)
	var sending sync.WaitGroup
	defer sending.Wait()
	for i := range errs {
		if err := sleepUntil(ctx, began.Add(time.Duration(i*each)*time.Second/time.Duration(s.rate))); err != nil {
			return err
		}
		sending.Go(func() { errs[i] = s.send(ctx, first+i*each, min(each, messages-i*each)) })
	}
	sending.Wait()
	return errors.Join(errs...)
}

// overheadKeys and overheadBodies are what messages are made of. Not fewer: a batch would be compressed to nothing; not more: they would
// not stay in the cache, as what an application has just made does.
const (
	overheadKeys   = 1024
	overheadBodies = 256
)

// overheadMessage is a message by its number: text of JSON with ids and numbers that are random, which is compressed to about a half.
func overheadMessage(number int) (key, body []byte) {
	return overheadTexts.keys[number%overheadKeys], overheadTexts.bodies[number%overheadBodies]
}

var overheadTexts = func() (out struct{ keys, bodies [][]byte }) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range overheadKeys {
		out.keys = append(out.keys, fmt.Appendf(nil, "customer-%07d", i*7919))
	}
	for range overheadBodies {
		var body []byte
		for len(body) < overheadBytes {
			body = fmt.Appendf(body, `{"order":"%016x","customer":%d,"amount":%.2f,"currency":"EUR","state":"created"},`, random.Uint64(), random.Uint32(), random.Float64()*1000)
		}
		out.bodies = append(out.bodies, body[:overheadBytes])
	}
	return out
}()
