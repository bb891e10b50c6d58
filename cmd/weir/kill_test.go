package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/weirmq/weir/deploy/broker"
)

// TestKilledInMidFlow kills weir with SIGKILL again and again while clients send.
// Each time it starts again, and at the end the sums are exact and the ledger says so.
func TestKilledInMidFlow(t *testing.T) {
	t.Parallel()
	running, err := broker.Start(broker.Config{DataDir: filepath.Join(t.TempDir(), "broker")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	h := newHouse(t, running.Addrs(), largeMessageRule)
	client := openClient(t, h.brokers, "orders")
	const rounds, perRound, valueBytes = 4, 1500, 200
	for round := range rounds {
		weir := h.startWeir()
		client.produce(perRound, valueBytes)
		if round == 0 { // so that what is killed is in mid-flow: some rows are stored
			eventually(t, func() bool {
				rows, err := h.query("SELECT count() > 0 FROM rollup_10s")
				return err == nil && rows == "1"
			}, func() string { return "nothing was stored before the first kill" })
		}
		weir.Kill()
		client.produce(perRound, valueBytes)
	}
	h.startWeir()
	client.close()
	sent := 2 * rounds * perRound
	h.await("SELECT sum(messages), sum(bytes) FROM rollup_10s FINAL WHERE topic = 'orders' AND op = 'send'",
		fmt.Sprintf("%d\t%d", sent, sent*valueBytes))
	// Every report that the ledger counts is in a cell, and nothing was refused.
	h.await("SELECT (SELECT sum(reports) FROM ledger FINAL) = (SELECT sum(reports) FROM rollup_10s FINAL), (SELECT sum(refused) FROM ledger FINAL)", "1\t0")
}
