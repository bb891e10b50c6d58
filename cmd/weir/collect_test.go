package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/telemetry"
)

// TestCollectOfRocketMQ polls a real broker that answers only who signs, and whose topic a consumer has read.
func TestCollectOfRocketMQ(t *testing.T) {
	t.Parallel()
	const accessKey, secretKey = "weir", "12345678"
	running := startRocketMQ(t, accessKey, secretKey)
	cluster := fmt.Sprintf(`{name: shop, env: test, system: rocketmq, name_servers: [%q], tiers: [{tier: S1, groups: [read*]}], acl: {access_key: %s, secret_key_file: %%s}}`, running.nameServer, accessKey)
	dir := folder(t, "weir.yaml", "collect: {clusters: ["+fmt.Sprintf(cluster, "key.txt")+", {name: eu, system: kafka, brokers: [\"127.0.0.1:1\"]}]}\n",
		"wrong.yaml", "collect: {clusters: ["+fmt.Sprintf(cluster, "wrong.txt")+"]}\n", "key.txt", secretKey+"\n", "wrong.txt", "87654321\n")

	const labels = `{"schema":1,"labels":{"env":"test","cluster":"shop","system":"rocketmq",`
	want := []string{labels + `"op":"broker"}`, `{"name":"brokers_alive","value":1}`,
		labels + `"topic":"orders","partition":"broker-a:3","group":"readers","op":"group","tier":"S1"}`, `{"name":"lag_messages"}`} // JSON leaves a 0 out
	var got ended
	eventually(t, func() bool { // the consumer commits every 5 s
		got = call(t, dir, "collect", "--once", "--config", "weir.yaml", "--cluster", "shop", "--json")
		return got.code == 0 && hasLine(got.stdout, want[0], want[1]) && hasLine(got.stdout, want[2], want[3])
	}, func() string {
		return fmt.Sprintf("collect exits %d and prints\n%s%s\nwant %s", got.code, got.stdout, got.stderr, want)
	})

	expectHealthOfRocketMQ(t, dir)

	got = call(t, dir, "collect", "--once", "--config", "wrong.yaml")
	const refused = ": not permitted; check the access key, the secret key and what they may do (code 16: check signature failed.)"
	if got.code != exitFailed || !strings.Contains(got.stderr, "weir: poll cluster shop: ask ") || !strings.Contains(got.stderr, refused) {
		t.Errorf("with a wrong key collect exits %d and prints\n%s%s\nwant %s", got.code, got.stdout, got.stderr, refused)
	}

	expectBacklog(t, running)
}

// expectHealthOfRocketMQ asks how the cluster is: its node answers, its group has read all, and what is Kafka's is not there.
func expectHealthOfRocketMQ(t *testing.T, dir string) {
	t.Helper()
	got := call(t, dir, "health", "--once", "--config", "weir.yaml", "--cluster", "shop", "--all")
	const node = "node 127.0.0.1:"
	if got.code != 0 || !hasLine(got.stdout, "cluster shop: score 100, ") || !hasLine(got.stdout, node, ": score 100, 5 of 5 parts known") ||
		!hasLine(got.stdout, "ok       page_cache_lock ", ", bad above 1s") || !hasLine(got.stdout, "ok       group readers (S1): score 100, ") ||
		!hasLine(got.stdout, "ok       members 1, bad below 1") || !hasLine(got.stdout, "topic orders: ") || hasLine(got.stdout, "active_controllers") {
		t.Errorf("health exits %d and prints\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// hasLine says that some line of a text has all of these.
func hasLine(text string, all ...string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		return !slices.ContainsFunc(all, func(one string) bool { return !strings.Contains(line, one) })
	})
}

// shop is a RocketMQ that knows one user.
type shop struct {
	nameServer           string // host:port
	broker               *rocketmq.Server
	guarded              rocketmq.Config // of the broker
	accessKey, secretKey string
	config               func(folder string) rocketmq.Config
	clients              *child.Child // of topic orders: group readers
}

// trade has clients send so many messages to topic orders, and a group consume them; they stay until the test ends.
func (s *shop) trade(t *testing.T, folder, group string, messages int) *child.Child {
	t.Helper()
	clients, err := rocketmq.StartTraffic(t.Context(), s.config(folder), rocketmq.Traffic{NameServer: s.nameServer, Broker: s.broker.Addr(),
		Topic: "orders", Producers: "writers", Consumers: group, Messages: messages, AccessKey: s.accessKey, SecretKey: s.secretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Kill)
	return clients
}

// startRocketMQ runs a name server, a broker with access control, and clients of topic orders until the test ends. Group readers has
// consumed what there is.
func startRocketMQ(t *testing.T, accessKey, secretKey string) *shop {
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
	config := func(folder string) rocketmq.Config {
		return rocketmq.Config{JarDir: jars, DataDir: filepath.Join(dir, folder), LogWriter: printed}
	}
	nameServer, err := rocketmq.StartNameServer(t.Context(), config("namesrv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nameServer.Kill)
	guarded := config("broker")
	guarded.Options = map[string]string{
		"authenticationEnabled":                "true",
		"authenticationProvider":               "org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider",
		"authenticationMetadataProvider":       "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
		"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, accessKey, secretKey),
		"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, accessKey, secretKey),
	}
	broker, err := rocketmq.StartBroker(t.Context(), guarded, nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)
	s := &shop{nameServer: nameServer.Addr(), broker: broker, guarded: guarded, accessKey: accessKey, secretKey: secretKey, config: config}
	s.clients = s.trade(t, "traffic", "readers", 40)
	return s
}

// TestAHeartbeatThatFailed is -1 in the table, whatever it was waited for.
func TestAHeartbeatThatFailed(t *testing.T) {
	waited := telemetry.Report{Labels: telemetry.Labels{Op: "probe", Node: "b:1"}, Gauges: []telemetry.Gauge{{Name: telemetry.GaugeHeartbeatFailed, Value: 2}}}
	waited.HeartbeatMicros.Observe(5_500_000)
	well := telemetry.Report{Labels: waited.Labels, Gauges: []telemetry.Gauge{{Name: telemetry.GaugeHeartbeatFailed}}}
	well.HeartbeatMicros.Observe(50) // a histogram is 1% off
	var printed strings.Builder
	if err := printReports(&printed, []telemetry.Report{waited, well}); err != nil {
		t.Fatal(err)
	}
	want := `OP     NODE  GROUP  TOPIC  PARTITION  VALUES
probe  b:1   -      -      -          heartbeat_failures_in_a_row=2 heartbeat=-1
probe  b:1   -      -      -          heartbeat_failures_in_a_row=0 heartbeat=49µs
`
	if printed.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &printed, want)
	}
}
