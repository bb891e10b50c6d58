package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// The codes of a heartbeat, and of the question that a broker passes on to a client: how it is.
const (
	codeHeartbeat   = 34
	codeRunningInfo = 307
)

// membersOptions are those of a broker that misses nobody for an hour: a client would be forgotten two minutes after its last heartbeat, and its
// connection closed.
var membersOptions = map[string]string{"channelExpiredTimeout": "3600000", "serverChannelMaxIdleTimeSeconds": "3600"}

// rocketMQMembers are clients of many groups, on as few connections as a broker takes for it: in a group each client has one of its own.
type rocketMQMembers struct {
	connections []net.Conn
	answering   sync.WaitGroup
}

// joinRocketMQ has the members of all groups send a heartbeat, as a client does when it starts. They then answer what the broker asks them.
func (c *largeCommand) joinRocketMQ(ctx context.Context, addr string) (*rocketMQMembers, error) {
	joined := &rocketMQMembers{}
	for i := range c.Members {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			joined.leave()
			return nil, err
		}
		joined.connections = append(joined.connections, connection)
		answers := make(chan remotingHeader, 1)
		joined.answering.Go(func() {
			defer close(answers)
			c.answerBroker(connection, answers)
		})
		for group := range c.Groups {
			if c.members(group) <= i {
				continue
			}
			if err := c.heartbeat(connection, answers, group, i); err != nil {
				joined.leave()
				return nil, fmt.Errorf("join group %s: %w", c.group(group), err)
			}
		}
	}
	return joined, nil
}

// leave ends the connections, and returns when nobody answers on them any more.
func (m *rocketMQMembers) leave() {
	for _, connection := range m.connections {
		_ = connection.Close() // the broker is killed next
	}
	m.answering.Wait()
}

// subscriptions are what a group's members read: its topics, and what it is to consume again.
func (c *largeCommand) subscriptions(group int) []map[string]any {
	topics := []string{"%RETRY%" + c.group(group)}
	for i := range c.Each {
		topics = append(topics, c.topic(group*c.Each+i))
	}
	var out []map[string]any
	for _, topic := range topics {
		out = append(out, map[string]any{"classFilterMode": false, "topic": topic, "subString": "*", "tagsSet": []string{}, "codeSet": []int{}, "subVersion": 1, "expressionType": "TAG"})
	}
	return out
}

// heartbeat says that a client is there, and waits until the broker has taken it in.
func (c *largeCommand) heartbeat(connection net.Conn, answers <-chan remotingHeader, group, member int) error {
	body, err := json.Marshal(map[string]any{"clientID": fmt.Sprintf("192.0.2.%d@%05d", member+1, group), "producerDataSet": []any{}, "consumerDataSet": []any{map[string]any{
		"groupName": c.group(group), "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
		"subscriptionDataSet": c.subscriptions(group), "unitMode": false}}})
	if err != nil {
		return err
	}
	if err := writeRemoting(connection, remotingHeader{Code: codeHeartbeat, Opaque: 1}, body); err != nil {
		return err
	}
	answer, ok := <-answers
	if !ok {
		return errors.New("the broker closed the connection")
	}
	return answer.refusal()
}

// answerBroker answers what a broker asks of clients on a connection until it ends, and hands on what it answers itself. What it only tells, as
// that others joined, is passed over.
func (c *largeCommand) answerBroker(connection net.Conn, answers chan<- remotingHeader) {
	for {
		header, err := readRemoting(connection)
		if err != nil {
			return
		}
		switch {
		case header.Flag&1 != 0:
			answers <- header
		case header.Code == codeRunningInfo:
			var group int
			if _, err := fmt.Sscanf(header.Fields["consumerGroup"], "readers-%d", &group); err != nil {
				return
			}
			if err := writeRemoting(connection, remotingHeader{Opaque: header.Opaque, Flag: 1}, c.runningInfo(group)); err != nil {
				return
			}
		}
	}
}

// runningInfo is what a client says of itself, whose handler hangs on the first message of each of its queues. Queues are keys, as RocketMQ has it.
func (c *largeCommand) runningInfo(group int) []byte {
	subscriptions, _ := json.Marshal(c.subscriptions(group)) // has nothing that JSON cannot have
	var queues []string
	for i := range c.Each {
		queues = append(queues, fmt.Sprintf(`{"topic":%q,"brokerName":"broker-a","queueId":0}:{"commitOffset":0,"cachedMsgMinOffset":0,"cachedMsgMaxOffset":0,"cachedMsgCount":1,`+
			`"cachedMsgSizeInMiB":0,"locked":false,"dropped":false,"lastPullTimestamp":%d,"lastConsumeTimestamp":1}`, c.topic(group*c.Each+i), time.Now().UnixMilli()))
	}
	return fmt.Appendf(nil, `{"properties":{"PROP_CLIENT_VERSION":"V5_3_3","PROP_CONSUME_TYPE":"CONSUME_PASSIVELY"},"statusTable":{},"subscriptionSet":%s,"mqTable":{%s},"jstack":""}`,
		subscriptions, strings.Join(queues, ","))
}
