package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// patience bounds every wait for RocketMQ. Below 10 s a busy machine is taken for a fault; above a minute a broken broker is waited
// for in vain.
const patience = 45 * time.Second

// real is a real cluster, of a name server and a broker, with a producer and a consumer.
type real struct {
	config             func(folder string) parties.Config
	nameServer, broker *parties.Server
	traffic            *child.Child
}

// startReal runs a cluster until the test ends. Its consumer has read all 40 messages of topic orders.
func startReal(t *testing.T) real { return startRealOf(t, setup{find: parts.RocketMQ}) }

// setup is what a real cluster is made of.
type setup struct {
	find                 func() (string, error) // the part with its jars, which decides the release
	options              map[string]string      // of the broker
	acl                  string                 // its conf/plain_acl.yml; empty: none
	accessKey, secretKey string                 // that clients sign with; empty: they do not
}

// startRealOf is startReal of another release, or with a broker that asks who somebody is.
func startRealOf(t *testing.T, of setup) real {
	t.Helper()
	jars, err := of.find()
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
	config := func(folder string) parties.Config {
		return parties.Config{JarDir: jars, DataDir: filepath.Join(dir, folder), LogWriter: printed}
	}
	r := real{config: config}
	if r.nameServer, err = parties.StartNameServer(t.Context(), config("namesrv")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.nameServer.Kill)
	writeStore(t, filepath.Join(dir, "broker"))
	brokerConfig := config("broker")
	brokerConfig.Options = of.options
	if of.acl != "" {
		conf := filepath.Join(brokerConfig.DataDir, "conf")
		if err := errors.Join(os.MkdirAll(conf, 0o750), os.WriteFile(filepath.Join(conf, "plain_acl.yml"), []byte(of.acl), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if r.broker, err = parties.StartBroker(t.Context(), brokerConfig, r.nameServer.Addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.broker.Kill)
	if r.traffic, err = parties.StartTraffic(t.Context(), config("traffic"), parties.Traffic{NameServer: r.nameServer.Addr(), Broker: r.broker.Addr(),
		Topic: "orders", Producers: "writers", Consumers: "readers", Messages: 40, AccessKey: of.accessKey, SecretKey: of.secretKey}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.traffic.Kill)
	return r
}

// seen are reports by what they are of: "op node group topic partition", "-" where there is none.
type seen map[string]map[string]float64

func seenIn(reports []telemetry.Report) seen {
	out := seen{}
	for i := range reports {
		r := &reports[i]
		var key []string
		for _, label := range []string{r.Labels.Op, r.Labels.Node, r.Labels.Group, r.Labels.Topic, r.Labels.Partition} {
			if label == "" {
				label = "-"
			}
			key = append(key, label)
		}
		values := map[string]float64{}
		for _, gauge := range r.Gauges {
			values[gauge.Name] = gauge.Value
		}
		if r.HeartbeatMicros.Count() > 0 {
			values["heartbeats"] = float64(r.HeartbeatMicros.Count())
		}
		out[strings.Join(key, " ")] = values
	}
	return out
}

// has says what of the values wanted is not so.
func (s seen) has(key string, want map[string]float64) error {
	for name, value := range want {
		if got, ok := s[key][name]; !ok || got != value {
			return fmt.Errorf("%s has %v, want %s %v", key, s[key], name, value)
		}
	}
	return nil
}

func poll(t *testing.T, p *Poller) (seen, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reports, err := p.Poll(ctx, time.Now())
	for i := range reports {
		if l := reports[i].Labels; l.Cluster != "shop" || l.System != "rocketmq" || l.Env != "test" || reports[i].Schema != telemetry.Schema {
			t.Errorf("got labels %+v", l)
		}
		if _, err := telemetry.MarshalReport(&reports[i]); err != nil {
			t.Errorf("a report cannot be sent: %v", err)
		}
	}
	return seenIn(reports), err
}

// eventually polls until what is checked holds.
func eventually(t *testing.T, p *Poller, check func(seen, error) error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(poll(t, p))
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("after %v: %v", patience, err)
		case <-ticker.C:
		}
	}
}

// ask sends a request that package remoting has no call of its own for.
func ask(t *testing.T, p *Poller, addr string, request remoting.Request) {
	t.Helper()
	if _, err := p.client.Do(t.Context(), addr, request); err != nil {
		t.Fatal(err)
	}
}

// commit has a group that nobody is in commit an offset, which makes the group known.
func commit(t *testing.T, p *Poller, addr, group string, queue, offset int) {
	t.Helper()
	commitOf(t, p, addr, group, remoting.Queue{Topic: "orders", ID: queue}, offset)
}

func commitOf(t *testing.T, p *Poller, addr, group string, of remoting.Queue, offset int) {
	t.Helper()
	const updateConsumerOffset = 15
	ask(t, p, addr, remoting.Request{Code: updateConsumerOffset, Fields: map[string]string{
		"consumerGroup": group, "topic": of.Topic, "queueId": fmt.Sprint(of.ID), "commitOffset": fmt.Sprint(offset)}})
}

// create makes a group.
func create(t *testing.T, p *Poller, addr, group string) {
	t.Helper()
	const updateGroup = 200
	ask(t, p, addr, remoting.Request{Code: updateGroup, Body: fmt.Appendf(nil, `{"groupName":%q,"consumeEnable":true,"retryQueueNums":1,"retryMaxTimes":16}`, group)})
}

// createTopic makes a topic on a broker, which tells its name server at once.
func createTopic(t *testing.T, p *Poller, addr, topic string, queues int) {
	t.Helper()
	const updateTopic = 17
	ask(t, p, addr, remoting.Request{Code: updateTopic, Fields: map[string]string{"topic": topic, "defaultTopic": "TBW102", "readQueueNums": fmt.Sprint(queues),
		"writeQueueNums": fmt.Sprint(queues), "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}})
}

// TestRealCluster polls a cluster that is well, whose clients end, of which a broker hangs and whose name server goes.
func TestRealCluster(t *testing.T) {
	started := time.Now()
	r := startReal(t)
	ready := time.Now()
	p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test", Collector: "here"}, NameServers: []string{r.nameServer.Addr()}})
	t.Cleanup(p.Close)
	addr := r.broker.Addr()
	create(t, p, addr, "idle")
	commit(t, p, addr, "idle", 0, 3)

	messages := beginDated(t, p, addr)
	messages.send(t)
	node := "- - -"
	eventually(t, p, func(s seen, err error) error {
		if err != nil {
			return err
		}
		for key, want := range map[string]map[string]float64{
			"broker - " + node:                  {"brokers_alive": 1, "nodes_alive": 2, "leaderless_partitions": 0},
			"broker " + addr + " " + node:       {"send_queue_wait_seconds": 0, "page_cache_lock_seconds": 0},
			"probe " + addr + " " + node:        {"heartbeat_failures_in_a_row": 0, "heartbeats": 1},
			"broker - - orders broker-a:3":      {"partition_messages_per_second": 0},
			"group - readers - -":               {"members": 1},
			"group - readers orders -":          {"lag_median_messages": 0},
			"group - readers orders broker-a:0": {"lag_messages": 0, "lag_seconds": 0, "retention_left_seconds": 72 * 3600, "stalled_partitions": 0},
			"group - idle - -":                  {"members": 0},
			"group - idle orders -":             {"lag_median_messages": 7},
			"group - idle orders broker-a:0":    {"lag_messages": 7},
		} {
			if err := s.has(key, want); err != nil {
				return err
			}
		}
		// What was never committed has no lag, and RocketMQ's own has no report.
		for key := range s {
			if strings.HasPrefix(key, "group - idle orders broker-a:") && key != "group - idle orders broker-a:0" || strings.Contains(key, "SYS") || strings.Contains(key, "TBW102") {
				t.Fatalf("got a report of %s: %v", key, s[key])
			}
		}
		if used := s["broker "+addr+" "+node]["disk_used_ratio"]; used <= 0 || used > 1 {
			t.Fatalf("the disk is %v full", used)
		}
		return nil
	})

	messages.send(t)
	agesOfARealBroker(t, r.nameServer.Addr(), started, ready)
	messages.send(t)
	checkAtOnce(t, p)
	messages.send(t)
	canariesOfARealBroker(t, r.nameServer.Addr(), addr)
	messages.agesAreRight(t, r.nameServer.Addr())

	r.traffic.Kill()
	eventually(t, p, func(s seen, _ error) error { return s.has("group - readers - -", map[string]float64{"members": 0}) })

	hung := hangs(t, p, r.nameServer.Addr())
	for failed := range collect.FailuresKnown {
		s, err := poll(t, p)
		want := "poll cluster shop: ask " + hung + " for its state: context deadline exceeded"
		if err == nil || err.Error() != want {
			t.Errorf("got %v of a broker that hangs, want %s", err, want)
		}
		for key, want := range map[string]map[string]float64{
			"probe " + addr + " " + node:        {"heartbeat_failures_in_a_row": 0, "heartbeats": 1},
			"broker - " + node:                  {"brokers_alive": 1, "nodes_alive": 2, "leaderless_partitions": 0},
			"group - readers orders broker-a:0": {"lag_messages": 0},
		} {
			if err := s.has(key, want); err != nil {
				t.Error(err)
			}
		}
		got, known := s["probe "+hung+" "+node]["heartbeat_failures_in_a_row"]
		if enough := failed+1 == collect.FailuresKnown; known != enough || enough && got != collect.FailuresKnown {
			t.Errorf("got %v, %v failures in poll %d of a broker that never answered, want them when there are %d", got, known, failed, collect.FailuresKnown)
		}
		if members, ok := s["group - readers - -"]; ok {
			t.Errorf("%v where a broker does not say who is connected, want nothing", members)
		}
	}

	both := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{hung, r.nameServer.Addr()}})
	t.Cleanup(both.Close)
	s, err := poll(t, both)
	if want := "poll cluster shop: ask " + hung + " for the brokers: context deadline exceeded\n"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v of a name server that hangs, want %s", err, want)
	}
	if err := s.has("broker - "+node, map[string]float64{"brokers_alive": 1, "nodes_alive": 2}); err != nil {
		t.Error(err)
	}

	eventually(t, p, func(s seen, _ error) error { // it tells name servers of itself again each 30 s
		unregister(t, p, r.nameServer.Addr(), addr)
		if err := s.has("broker - "+node, map[string]float64{"brokers_alive": 0}); err != nil {
			return err
		}
		return s.has("probe "+addr+" "+node, map[string]float64{"heartbeat_failures_in_a_row": 0, "heartbeats": 1})
	})

	r.nameServer.Kill()
	s, err = poll(t, p)
	if want := "poll cluster shop: ask " + r.nameServer.Addr() + " for the brokers: "; err == nil || !strings.HasPrefix(err.Error(), want) || len(s) > 0 {
		t.Errorf("got %v and %d reports without a name server, want %s", err, len(s), want)
	}
}

// hangs is a broker that takes connections and says nothing. The name server lists it as long as the poller's connection to it lives.
func hangs(t *testing.T, p *Poller, nameServer string) string {
	t.Helper()
	addr := listens(t).Addr().String()
	const registerBroker = 103
	_, err := p.client.Do(t.Context(), nameServer, remoting.Request{Code: registerBroker,
		Fields: map[string]string{"brokerName": "broker-b", "brokerAddr": addr, "clusterName": "DemoCluster", "haServerAddr": addr, "brokerId": "0"},
		Body:   []byte(`{"topicConfigSerializeWrapper":{"topicConfigTable":{},"dataVersion":{"timestamp":1,"counter":1}},"filterServerList":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// unregister has a name server list a broker no more, which goes on living.
func unregister(t *testing.T, p *Poller, nameServer, addr string) {
	t.Helper()
	const unregisterBroker = 104
	ask(t, p, nameServer, remoting.Request{Code: unregisterBroker, Fields: map[string]string{"brokerName": "broker-a", "brokerAddr": addr, "clusterName": "DemoCluster", "brokerId": "0"}})
}

// listens takes connections and says nothing.
func listens(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}
