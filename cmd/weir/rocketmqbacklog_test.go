package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// patientPolicy lets messages of the highest tier wait for so long. All else of the rules is as it is shipped, but for the durations
// of shortened.
const patientPolicy = `tiers:
  S1: {lag_age: 5s}
  "": {lag_age: 30m}
`

// expectBacklog kills the consumers of a group of RocketMQ and has messages sent: the shipped rules miss the consumers and tell of the backlog,
// until they are back.
func expectBacklog(t *testing.T, on *shop) {
	t.Helper()
	h := newHouse(t, embeddedBroker(t), shippedRules(t, "consumers.yaml"))
	for name, text := range map[string]string{"backlog.yaml": shippedRules(t, "backlog.yaml"), "policy.yaml": patientPolicy} {
		if err := os.WriteFile(filepath.Join(h.rulesDir(), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.startAlertmanager()
	polled := fmt.Sprintf("collect: {name: test, clusters: [{name: shop, env: test, system: rocketmq, name_servers: [%q], tiers: [{tier: S1, groups: [read*]}], acl: {access_key: %s, secret_key: %q}}]}\nrules:",
		on.nameServer, on.accessKey, on.secretKey)
	config, addr := h.writeConfig("rules:", polled)
	c := &consumers{house: h, weir: h.launchWith(config, addr, "--roles", "collect,aggregate,rules,alertmanager")}
	c.weir.awaitReady()

	on.clients.Kill()
	died := time.Now()
	on.trade(t, "others", "others", 20)
	c.await(t, "GroupOffline", "readers", "firing", died)
	c.await(t, "BacklogHigh", "readers", "firing", died)
	c.never(t, "BacklogHigh", "others")
	c.never(t, "GroupOffline", "others")

	again := time.Now()
	on.trade(t, "again", "readers", 1)
	c.await(t, "GroupOffline", "readers", "resolved", again)
	c.await(t, "BacklogHigh", "readers", "resolved", again)
	c.weir.stopInOrder()
}
