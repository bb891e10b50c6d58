package remoting

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// realClient is who the tests of a real cluster ask.
type realClient struct {
	*Client
	nameServer NameServer
	broker     Broker
	addr       string // of the broker
}

func newRealClient(t *testing.T, config Config) realClient {
	t.Helper()
	c := realCluster(t)
	client := newClient(t, config)
	return realClient{client, client.NameServer(c.nameServer), client.Broker(c.broker), c.broker}
}

// must is a value that was asked for.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func mustFail(t *testing.T, err, want error) {
	t.Helper()
	if refusal := (*Error)(nil); !errors.Is(err, want) || !errors.As(err, &refusal) {
		t.Errorf("got %v, want a refusal: %v", err, want)
	}
}

// TestRealClusterAnswers asks a real name server and broker every call, with headers in both encodings.
func TestRealClusterAnswers(t *testing.T) {
	for name, binaryHeaders := range map[string]bool{"JSON headers": false, "binary headers": true} {
		t.Run(name, func(t *testing.T) {
			c := newRealClient(t, Config{AccessKey: realAccessKey, SecretKey: realSecretKey, BinaryHeaders: binaryHeaders})
			for name, check := range map[string]func(*testing.T, realClient){"name server": checkNameServer, "route": checkRoute, "state": checkState, "topics": checkTopics,
				"offsets": checkOffsets, "waits": checkWaits, "clients": checkClients, "running info": checkRunningInfo, "unknown": checkUnknown} {
				t.Run(name, func(t *testing.T) { check(t, c) })
			}
		})
	}
}

func checkNameServer(t *testing.T, c realClient) {
	info := must[ClusterInfo](t)(c.nameServer.ClusterInfo(within(t)))
	if set := info.Brokers["broker-a"]; set.Addrs[MasterID] != c.addr || set.Cluster != "DemoCluster" {
		t.Errorf("got %+v, want the broker at %s", info, c.addr)
	}
}

func checkRoute(t *testing.T, c realClient) {
	route := must[TopicRoute](t)(c.nameServer.TopicRoute(within(t), realTopic))
	if len(route.Brokers) != 1 || route.Brokers[0].Name != "broker-a" || route.Brokers[0].Addrs[MasterID] != c.addr ||
		len(route.Queues) != 1 || route.Queues[0] != (RouteQueues{"broker-a", 4}) {
		t.Errorf("got %+v, want four queues of the broker at %s", route, c.addr)
	}
	_, err := c.nameServer.TopicRoute(within(t), "nope")
	mustFail(t, err, ErrNoTopic)
}

func checkState(t *testing.T, c realClient) {
	info := must[RuntimeInfo](t)(c.broker.RuntimeInfo(within(t)))
	disk, known := info.DiskRatio()
	written, _ := info.Int(KeyLogMax)
	if !known || disk <= 0 || disk > 1 || written < realMessages*100 {
		t.Errorf("disk %v, %v, %d bytes, all it says is %v", disk, known, written, info.Values)
	}
	for _, key := range []string{KeySendQueueMillis, KeyPageLockMillis} {
		if _, known := info.Int(key); !known {
			t.Errorf("%s is %q, want a number", key, info.Values[key])
		}
	}
	if settings := must[map[string]string](t)(c.broker.Settings(within(t))); settings[SettingRetentionHours] != "72" || settings["brokerName"] != "broker-a" {
		t.Errorf("got settings %v", settings)
	}
}

func checkTopics(t *testing.T, c realClient) {
	configs := must[map[string]TopicConfig](t)(c.broker.TopicConfigs(within(t)))
	if configs[realTopic] != (TopicConfig{4, 4, 6}) {
		t.Errorf("got %+v of %d topics", configs[realTopic], len(configs))
	}
	queues := must[map[Queue]QueueRange](t)(c.broker.TopicStats(within(t), realTopic))
	var messages int64
	for id := range 4 {
		queue := queues[Queue{realTopic, "broker-a", id}]
		messages += queue.Max - queue.Min
	}
	if len(queues) != 4 || messages != realMessages {
		t.Errorf("got %+v, want %d messages in four queues", queues, realMessages)
	}
	_, err := c.broker.TopicStats(within(t), "nope")
	mustFail(t, err, ErrNoTopic)
	ends := must[map[Queue]int64](t)(c.broker.TopicEnds(within(t), []string{"nope", realTopic}))
	for queue, held := range queues {
		if end, known := ends[queue]; len(ends) != len(queues) || !known || end != held.Max {
			t.Errorf("asked at once the ends are %v, want those of %v", ends, queues)
		}
	}
	_, err = c.broker.TopicEnds(within(t), []string{"nope"}) // as of a broker that passes over the list
	mustFail(t, err, ErrUnsupported)
	entries := must[[]QueueEntry](t)(c.broker.QueueEntries(within(t), Queue{Topic: realTopic, ID: 0}, 1, 2))
	if len(entries) != 2 || entries[0].Bytes < 100 || entries[1].Position <= entries[0].Position {
		t.Errorf("got %+v, want the second and third place of a queue", entries)
	}
	if none := must[[]QueueEntry](t)(c.broker.QueueEntries(within(t), Queue{Topic: realTopic, ID: 0}, 1000, 2)); len(none) != 0 {
		t.Errorf("got %+v behind the end of a queue", none)
	}
}

// checkOffsetsAtOnce holds that the offsets of all groups, and those of a list of topics, are those of a group and topic that are asked for.
func checkOffsetsAtOnce(t *testing.T, c realClient, stats ConsumeStats) {
	table := must[map[Reading]map[QueueID]int64](t)(c.broker.ConsumerOffsets(within(t)))
	some := must[map[Queue]ConsumedOffset](t)(c.broker.ConsumeStatsOf(within(t), realConsumers, []string{realTopic, "nope"}))
	for queue, offset := range stats.Queues {
		if got, committed := table[Reading{realTopic, realConsumers}][QueueID(queue.ID)]; !committed || got != offset.Commit {
			t.Errorf("%v: among all offsets it is %d, %v, want %d", queue, got, committed, offset.Commit)
		}
		if some[queue] != offset {
			t.Errorf("%v: of a list of topics it is %+v, want %+v", queue, some[queue], offset)
		}
	}
	if _, there := table[Reading{realTopic, "never"}]; there {
		t.Error("a group that never committed has offsets")
	}
}

// checkOffsets waits for the consumer's commits, which it makes every 200 ms.
func checkOffsets(t *testing.T, c realClient) {
	var stats ConsumeStats
	eventually(t, func() error {
		stats = must[ConsumeStats](t)(c.broker.ConsumeStats(within(t), realConsumers, realTopic))
		var committed int64
		for queue, offset := range stats.Queues {
			if queue.Topic == realTopic {
				committed += offset.Commit
			}
		}
		if committed != realMessages {
			return fmt.Errorf("%d messages are committed, want %d", committed, realMessages)
		}
		return nil
	})
	for queue, offset := range stats.Queues {
		if offset.Commit != offset.End || offset.CommitMillis == 0 {
			t.Errorf("%v is at %+v, want its end", queue, offset)
		}
		if got := must[int64](t)(c.broker.QueryOffset(within(t), realConsumers, realTopic, queue.ID)); got != offset.Commit {
			t.Errorf("%v: got %d, want %d", queue, got, offset.Commit)
		}
	}
	checkOffsetsAtOnce(t, c, stats)
	all := must[ConsumeStats](t)(c.broker.ConsumeStats(within(t), realConsumers, ""))
	if len(stats.Queues) != 4 || len(all.Queues) < len(stats.Queues) {
		t.Errorf("got %+v of one topic and %+v of all", stats, all)
	}
	if unknown := must[ConsumeStats](t)(c.broker.ConsumeStats(within(t), "never", "")); len(unknown.Queues) != 0 {
		t.Errorf("got %+v of an unknown group", unknown)
	}
	_, err := c.broker.QueryOffset(within(t), "never", realTopic, 0)
	mustFail(t, err, ErrNeverCommitted)
}

func checkClients(t *testing.T, c realClient) {
	consumers := must[Consumers](t)(c.broker.ConsumerConnections(within(t), realConsumers))
	if len(consumers.Connections) != 1 || consumers.Model != "CLUSTERING" || consumers.Type != "CONSUME_PASSIVELY" || consumers.Subscriptions[realTopic].Expression != "*" {
		t.Errorf("got consumers %+v", consumers)
	}
	if release, known := consumers.Connections[0].Release(); release != "5.3.3" || !known {
		t.Errorf("the consumer is of release %q", release)
	}
	producers := must[map[string][]Producer](t)(c.broker.Producers(within(t)))[realProducers]
	if len(producers) != 1 || producers[0].Language != "JAVA" || producers[0].Addr == "" || producers[0].HeartbeatMillis == 0 {
		t.Errorf("got producers %+v", producers)
	}
	groups := must[map[string]GroupConfig](t)(c.broker.Groups(within(t)))
	if groups[realConsumers] != (GroupConfig{Enabled: true, Broadcast: true, MaxRetries: 16}) {
		t.Errorf("got groups %+v", groups)
	}
	_, err := c.broker.ConsumerConnections(within(t), "never")
	mustFail(t, err, ErrOffline)
}

func checkRunningInfo(t *testing.T, c realClient) {
	consumers := must[Consumers](t)(c.broker.ConsumerConnections(within(t), realConsumers))
	info := must[RunningInfo](t)(c.broker.RunningInfo(within(t), realConsumers, consumers.Connections[0].ClientID))
	var queues []Queue
	for queue := range maps.Keys(info.Queues) {
		if queue.Topic == realTopic {
			queues = append(queues, queue)
		}
	}
	if len(queues) != 4 {
		t.Errorf("got %+v", info)
	}
	_, err := c.broker.RunningInfo(within(t), realConsumers, "nobody")
	mustFail(t, err, ErrOffline)
}

func checkUnknown(t *testing.T, c realClient) {
	_, err := c.Do(within(t), c.addr, Request{Code: 9999})
	mustFail(t, err, ErrUnsupported)
	_, err = c.broker.target.client.NameServer(c.addr).ClusterInfo(within(t))
	mustFail(t, err, ErrUnsupported)
}

// TestRealBrokerChecksWhoAsks asks a broker with access control unsigned, and signed with a wrong key.
func TestRealBrokerChecksWhoAsks(t *testing.T) {
	for remark, config := range map[string]Config{
		"username cannot be null.":  {},
		"User:nobody is not found.": {AccessKey: "nobody", SecretKey: realSecretKey},
		"check signature failed.":   {AccessKey: realAccessKey, SecretKey: "wrong"},
	} {
		c := newRealClient(t, config)
		_, err := c.broker.QueryOffset(within(t), realConsumers, realTopic, 0)
		want := "ask " + c.addr + " for the offset of group readers in queue 0 of topic orders: " +
			"not permitted; check the access key, the secret key and what they may do (code 16: " + remark + ")"
		if !errors.Is(err, ErrNoPermission) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestSignature has what any HMAC-SHA1 makes of the values in their order and the body.
func TestSignature(t *testing.T) {
	request := Request{Code: 14, Fields: map[string]string{"topic": "orders", "consumerGroup": "readers"}, Body: []byte("body")}
	got := signed(request, "rocketmq", "12345678")
	want := map[string]string{"topic": "orders", "consumerGroup": "readers", "AccessKey": "rocketmq", "Signature": "TToWr8SOM+1YAphH9WJXIU9lSa0="}
	if !maps.Equal(got.Fields, want) || string(got.Body) != "body" || got.Code != 14 || len(request.Fields) != 2 {
		t.Errorf("got %+v of %+v", got, request)
	}
}

// TestRealBrokerSpeaksTLS asks over TLS, with the broker's certificate checked.
func TestRealBrokerSpeaksTLS(t *testing.T) {
	config := Config{TLS: &tls.Config{RootCAs: realCluster(t).roots}, AccessKey: realAccessKey, SecretKey: realSecretKey}
	c := newRealClient(t, config)
	if info := must[RuntimeInfo](t)(c.broker.RuntimeInfo(within(t))); len(info.Values) == 0 {
		t.Errorf("got %v", info.Values)
	}
	config.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	_, err := newRealClient(t, config).broker.RuntimeInfo(within(t))
	want := "ask " + c.addr + " for its state: connect: tls: failed to verify certificate: x509: certificate signed by unknown authority"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
