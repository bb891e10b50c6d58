package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/rocketmq"
)

// patientPolicy lets messages of the highest tier wait for so long, and counts a name server and a broker. All else of the rules is as it is
// shipped, but for the durations of shortened.
const patientPolicy = `tiers:
  S1: {lag_age: 5s}
  "": {lag_age: 30m}
inventory:
  clusters:
    shop: {nodes: 2}
`

// expectBacklog kills the consumers of a group of RocketMQ and has messages sent: the shipped rules miss the consumers and tell of the backlog,
// until they are back. Meanwhile the broker is killed: that is told in time, and holds back what follows from it, until it is back.
func expectBacklog(t *testing.T, on *shop) {
	t.Helper()
	h := newHouse(t, embeddedBroker(t), shippedRules(t, "consumers.yaml", shortened))
	for name, text := range map[string]string{"backlog.yaml": shippedRules(t, "backlog.yaml", shortened), "brokers.yaml": shippedRules(t, "brokers.yaml", shortened),
		"cluster.yaml": shippedRules(t, "cluster.yaml", shortened), "policy.yaml": patientPolicy} {
		if err := os.WriteFile(filepath.Join(h.rulesDir(), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.startExampleAlertmanager()
	polled := fmt.Sprintf("collect: {name: test, clusters: [{name: shop, env: test, system: rocketmq, name_servers: [%q], tiers: [{tier: S1, groups: [read*]}], acl: {access_key: %s, secret_key: %q}}]}\nrules:",
		on.nameServer, on.accessKey, on.secretKey)
	config, addr := h.writeConfig("rules:", polled)
	f := &faultHouse{house: h, cluster: "shop", weir: h.launchWith(config, addr, "--roles", "collect,aggregate,rules,alertmanager")}
	f.weir.awaitReady()

	on.clients.Kill()
	died := time.Now()
	on.trade(t, "others", "others", 20)
	f.awaitFires(died, "GroupOffline", "readers", "active")
	f.awaitFires(died, "BacklogHigh", "readers", "active")
	for _, rule := range []string{"BacklogHigh", "GroupOffline"} {
		if got := f.posted(rule, "others"); len(got) > 0 {
			t.Errorf("%s fires of a group that is well: %+v", rule, got)
		}
	}
	f.expectBrokerMissed(on)
	on.trade(t, "again", "readers", 1)
	f.awaitOver("GroupOffline", "BacklogHigh")
	f.weir.stopInOrder()
}

// expectBrokerMissed kills the only broker, and starts it again at another address.
func (f *faultHouse) expectBrokerMissed(on *shop) {
	f.t.Helper()
	before := on.broker.Addr()
	on.broker.Kill()
	killed := time.Now()
	heartbeat, node := f.awaitFires(killed, "HeartbeatFailed", before, "active"), f.awaitFires(killed, "NodeMissing", "", "active")
	if heartbeat > toldWithin || node > toldWithin {
		f.t.Errorf("a broker that was killed is told of after %s and %s, want %s at most", heartbeat, node, toldWithin)
	}
	f.awaitFires(killed, "BacklogHigh", "readers", "suppressed")
	f.awaitFires(killed, "GroupOffline", "readers", "suppressed")
	var err error
	on.broker, err = rocketmq.StartBroker(f.t.Context(), on.guarded, on.nameServer)
	f.must(err)
	f.t.Cleanup(on.broker.Kill)
	f.awaitOver("HeartbeatFailed", "NodeMissing")
}
