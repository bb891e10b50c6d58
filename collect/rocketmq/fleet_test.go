package rocketmq

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
)

// fleet is a real cluster of two masters, one of which has a slave, with the poller that asks it.
type fleet struct {
	config      func(folder string) parties.Config
	nameServer  *parties.Server
	a, slave, b *parties.Server
	poller      *Poller
	cleanup     func(func()) // of what outlives a part of the test
}

// startFleet runs the cluster until the test ends. Topic orders has four queues on each master.
func startFleet(t *testing.T) *fleet {
	t.Helper()
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	printed := &child.Output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(printed)
		}
	})
	dir := t.TempDir()
	f := &fleet{cleanup: t.Cleanup, config: func(folder string) parties.Config {
		return parties.Config{JarDir: jars, DataDir: filepath.Join(dir, folder), LogWriter: printed}
	}}
	if f.nameServer, err = parties.StartNameServer(t.Context(), f.config("namesrv")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.nameServer.Kill)
	f.poller = Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test", Collector: "here"}, NameServers: []string{f.nameServer.Addr()}})
	t.Cleanup(f.poller.Close)
	var starts sync.WaitGroup
	for server, options := range map[**parties.Server]map[string]string{
		&f.a:     {"brokerName": "broker-a"},
		&f.slave: {"brokerName": "broker-a", "brokerId": "1", "brokerRole": "SLAVE"},
		&f.b:     {"brokerName": "broker-b"},
	} {
		starts.Go(func() {
			config := f.config(options["brokerName"] + "-" + options["brokerId"])
			config.Options = options
			if options["brokerRole"] == "" {
				if err := writeOffsets(config.DataDir); err != nil {
					t.Error(err)
					return
				}
			}
			broker, err := parties.StartBroker(t.Context(), config, f.nameServer.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			*server = broker
			t.Cleanup(broker.Kill)
		})
	}
	if starts.Wait(); t.Failed() {
		t.FailNow()
	}
	for _, broker := range []*parties.Server{f.a, f.b} {
		createTopic(t, f.poller, broker.Addr(), "orders", 4)
	}
	const askRoute = 105 // as clients do
	eventually(t, f.poller, func(seen, error) error {
		route, err := f.poller.client.Do(t.Context(), f.nameServer.Addr(), remoting.Request{Code: askRoute, Fields: map[string]string{"topic": "orders"}})
		if err == nil && !(bytes.Contains(route.Body, []byte("broker-a")) && bytes.Contains(route.Body, []byte("broker-b"))) {
			err = fmt.Errorf("topic orders is on %s", route.Body)
		}
		return err
	})
	return f
}

func (f *fleet) send(t *testing.T, addr, topic string, queue int) {
	t.Helper()
	store(t, f.poller, addr, topic, queue)
}

// store stores a message of 100 bytes in a queue.
func store(t *testing.T, p *Poller, addr, topic string, queue int) {
	t.Helper()
	const sendMessage = 10
	ask(t, p, addr, remoting.Request{Code: sendMessage, Fields: map[string]string{"producerGroup": "by-hand", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": fmt.Sprint(queue), "sysFlag": "0", "bornTimestamp": fmt.Sprint(time.Now().UnixMilli()), "flag": "0", "properties": "", "reconsumeTimes": "0"},
		Body: make([]byte, 100)})
}

// TestFleet starts one cluster for all that needs two masters, a slave or RocketMQ's own tool.
func TestFleet(t *testing.T) {
	f := startFleet(t)
	t.Run("lag is what RocketMQ's own tool says", f.lagEqualsTool)
	t.Run("clients are seen with their releases", f.clientsAreSeen)
	t.Run("retries and dead letters are reported", f.asideIsReported)
	t.Run("offsets that are too many for an answer are asked for group by group", f.longTablesAreDoneWithout)
	t.Run("members are asked what they subscribe to, and whether they are suspended", f.membersAreAsked)
	t.Run("slaves are followed, and a master is missed", f.replicasAreFollowed)
}
