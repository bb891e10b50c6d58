package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/pipeline"
)

// rocketMQ runs a name server and a broker whose topics, groups and offsets lie in its folder before it starts: it reads them there. A
// message is then sent to the first queue of each topic, and the members of groups join.
func (c *largeCommand) rocketMQ(ctx context.Context, dir string) (*largeCluster, error) {
	jars, err := parts.RocketMQ()
	if err != nil {
		return nil, err
	}
	if err := c.writeStore(filepath.Join(dir, "broker")); err != nil {
		return nil, fmt.Errorf("write the broker's store: %w", err)
	}
	nameServer, err := rocketmq.StartNameServer(ctx, rocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv"), JVM: []string{"-Xmx" + c.Heap}})
	if err != nil {
		return nil, err
	}
	options := map[string]string{"mappedFileSizeConsumeQueue": "20000", "waitTimeMillsInSendQueue": "30000", "osPageCacheBusyTimeOutMills": "30000"}
	maps.Copy(options, membersOptions)
	// A file of a queue holds 1000 messages in place of 300,000, as there are so many of them; and while they are made, sends may wait.
	broker, err := rocketmq.StartBroker(ctx, rocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"), JVM: []string{"-Xmx" + c.Heap},
		Options: options}, nameServer.Addr())
	if err != nil {
		nameServer.Kill()
		return nil, err
	}
	stop := func() {
		broker.Kill()
		nameServer.Kill()
	}
	if err := c.fill(ctx, broker.Addr()); err != nil {
		stop()
		return nil, err
	}
	joined, err := c.joinRocketMQ(ctx, broker.Addr())
	if err != nil {
		stop()
		return nil, err
	}
	stopAll := func() {
		joined.leave()
		stop()
	}
	poller, err := pollerOf(pipeline.ClusterConfig{System: "rocketmq", NameServers: []string{nameServer.Addr()}})
	if err != nil {
		stopAll()
		return nil, err
	}
	return &largeCluster{poller, broker.PID(), stopAll}, nil
}

func (c *largeCommand) topic(i int) string { return fmt.Sprintf("orders-%05d", i%c.Topics) }

func (c *largeCommand) group(i int) string { return fmt.Sprintf("readers-%05d", i) }

// writeStore writes what the broker keeps of topics, groups and offsets.
func (c *largeCommand) writeStore(dir string) error {
	topics, groups, offsets := map[string]any{}, map[string]any{}, map[string]any{}
	topic := func(name string, queues int) {
		topics[name] = map[string]any{"topicName": name, "readQueueNums": queues, "writeQueueNums": queues, "perm": 6, "topicFilterType": "SINGLE_TAG"}
	}
	for i := range c.Topics {
		topic(c.topic(i), c.Queues)
	}
	for i := range c.Groups {
		name := c.group(i)
		topic("%RETRY%"+name, 1)
		groups[name] = map[string]any{"groupName": name, "consumeEnable": true, "consumeBroadcastEnable": true, "retryQueueNums": 1, "retryMaxTimes": 16}
		for j := range c.Each {
			offsets[c.topic(i*c.Each+j)+"@"+name] = map[string]any{"0": 0}
		}
		offsets["%RETRY%"+name+"@"+name] = map[string]any{"0": 0}
	}
	version := map[string]any{"counter": 1, "stateVersion": 0, "timestamp": 1}
	folder := filepath.Join(dir, "store", "config")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for name, content := range map[string]any{
		"topics.json":            map[string]any{"dataVersion": version, "topicConfigTable": topics},
		"subscriptionGroup.json": map[string]any{"dataVersion": version, "subscriptionGroupTable": groups},
		"consumerOffset.json":    map[string]any{"dataVersion": version, "offsetTable": offsets},
	} {
		text, err := json.Marshal(content)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sendersAtOnce is how many messages are sent, or groups commit, at the same time.
const sendersAtOnce = 16

// fill sends a message to the first queue of each topic.
func (c *largeCommand) fill(ctx context.Context, addr string) error {
	errs := make([]error, sendersAtOnce)
	var senders sync.WaitGroup
	for s := range sendersAtOnce {
		senders.Go(func() { errs[s] = c.send(ctx, addr, s) })
	}
	senders.Wait()
	return errors.Join(errs...)
}

// send sends the messages of one sender over a connection of its own.
func (c *largeCommand) send(ctx context.Context, addr string, sender int) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer connection.Close()
	for i := sender; i < c.Topics; i += sendersAtOnce {
		if err := sendMessage(connection, c.topic(i)); err != nil {
			return fmt.Errorf("send to topic %s: %w", c.topic(i), err)
		}
	}
	return nil
}

// sendMessage sends a message to the first queue of a topic.
func sendMessage(connection net.Conn, topic string) error {
	const code = 10
	err := writeRemoting(connection, remotingHeader{Code: code, Opaque: 1, Fields: map[string]string{
		"producerGroup": "writers", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0",
		"bornTimestamp": fmt.Sprint(time.Now().UnixMilli()), "flag": "0", "properties": "", "reconsumeTimes": "0"}}, []byte("a message"))
	if err != nil {
		return err
	}
	answer, err := readRemoting(connection)
	if err != nil {
		return err
	}
	return answer.refusal()
}
