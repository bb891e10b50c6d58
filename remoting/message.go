package remoting

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The codes of requests for messages, and of answers to them.
const (
	codeSend        = 10
	codePull        = 11
	codeCreateTopic = 17

	codeSlaveTimeout = 12 // the master has the message, a slave not in time
	codeNoSlave      = 11 // the master has the message, and there is no slave to have it too
	codeNothingFound = 19
	codePullAgain    = 20
)

// SelfTestGroup is a consumer group that every broker has for tests of itself. Pulling with a group that a broker does not know would
// make it.
const SelfTestGroup = "SELF_TEST_C_GROUP"

// permBoth is the permission of a topic that can be read and written.
const permBoth = 6

// CreateTopic makes a topic of one queue on this broker alone, or sets the one that is there so.
func (b Broker) CreateTopic(ctx context.Context, topic string) error {
	_, err := b.target.client.do(ctx, b.target, "a topic "+topic, Request{Code: codeCreateTopic, Fields: map[string]string{
		"topic": topic, "defaultTopic": topic, "readQueueNums": "1", "writeQueueNums": "1", "perm": strconv.Itoa(permBoth),
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}})
	return err
}

// Send has the broker store a message in the first queue of a topic and returns its offset there. That slaves are late is no error. The
// error wraps ErrNoTopic where the broker does not have the topic; none is made.
func (b Broker) Send(ctx context.Context, topic, producers string, body []byte) (offset int64, err error) {
	got, err := b.target.client.do(ctx, b.target, "a message in topic "+topic, Request{Code: codeSend, Body: body, Fields: map[string]string{
		"producerGroup": producers, "topic": topic, "queueId": "0", "sysFlag": "0", "flag": "0", "reconsumeTimes": "0", "unitMode": "false", "batch": "false",
		"defaultTopic": topic, "defaultTopicQueueNums": "1", // of a topic that is there: one that is not would be made like it
		"bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10), "properties": ""}})
	fields := got.Fields
	if refused := (*Error)(nil); errors.As(err, &refused) && (refused.Code == codeSlaveTimeout || refused.Code == codeNoSlave) {
		fields, err = refused.fields, nil
	}
	if err != nil {
		return 0, err
	}
	if offset, err = strconv.ParseInt(fields["queueOffset"], 10, 64); err != nil {
		return 0, fmt.Errorf("ask %s for a message in topic %s: %w: %w", b.target.addr, topic, errAnswer, err)
	}
	return offset, nil
}

// Pull reads the first queue of a topic from an offset and waits for a message until ctx ends, at most for so long. What it returns are
// messages as the broker has them: the body of one is among the bytes as it was sent.
func (b Broker) Pull(ctx context.Context, topic string, offset int64, wait time.Duration) ([]byte, error) {
	const suspend, subscribed = 1 << 1, 1 << 2 // wait for a message; what is read is said here
	fields := map[string]string{"consumerGroup": SelfTestGroup, "topic": topic, "queueId": "0", "queueOffset": strconv.FormatInt(offset, 10), "maxMsgNums": "1",
		"sysFlag": strconv.Itoa(suspend | subscribed), "commitOffset": "0", "suspendTimeoutMillis": strconv.FormatInt(wait.Milliseconds(), 10),
		"subscription": "*", "subVersion": "0", "expressionType": "TAG"}
	for {
		got, err := b.target.client.do(ctx, b.target, "messages of topic "+topic, Request{Code: codePull, Fields: fields})
		if refused := (*Error)(nil); errors.As(err, &refused) && (refused.Code == codeNothingFound || refused.Code == codePullAgain) && ctx.Err() == nil {
			continue // it may say so when a message has just come
		}
		return got.Body, err
	}
}
