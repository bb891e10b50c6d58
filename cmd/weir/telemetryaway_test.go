package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/broker"
)

// silenceRules are true of a topic that is used steadily, and of one that is not.
const silenceRules = `
groups:
  - name: silence
    rules:
      - {alert: Used, by: [topic], where: op == "send", window: 3s, expr: messages > 0}
      - {alert: Silent, by: [topic], where: op == "send", window: 3s, expr: messages == 0}
`

// TestTelemetryAway lets telemetry's own Kafka be away while the business goes on elsewhere. Clients keep what they
// measured, and send it when it is back: nothing resolves, and nobody is taken for silent.
func TestTelemetryAway(t *testing.T) {
	t.Parallel()
	config := broker.Config{Addr: freeAddr(t), DataDir: filepath.Join(t.TempDir(), "telemetry")}
	running, err := broker.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if running != nil {
			running.Close()
		}
	}()
	h := newHouse(t, running.Addrs(), silenceRules)
	h.startAlertmanager()
	weir := h.startWeir("--roles", "aggregate,rules,alertmanager")
	client := openClientOf(t, h.brokers, embeddedBroker(t), "orders")
	produced := client.flow()
	h.awaitFiring("Used", "orders")

	running.Close()
	away := time.Now() // for longer than its group waits for a member
	eventually(t, func() bool { return time.Since(away) > 12*time.Second }, func() string { return "the clock stands still" })
	if running, err = broker.Start(config); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	eventually(t, func() bool { return weir.alertOf("Used").EvaluatedAt.After(back.Add(5 * time.Second)) }, func() string { return "nothing is evaluated any more" })
	if got := weir.alertState("Silent"); got != "" {
		t.Errorf("Silent is %s", got)
	}
	if _, resolved := h.notified("Used", "orders"); resolved > 0 {
		t.Error("Used resolved while messages were sent all the time")
	}
	produced()
	client.close()
	h.awaitFiring("Silent", "orders")
	h.awaitResolved("Used", "orders")
}
