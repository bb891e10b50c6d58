package main

import (
	"testing"
	"time"
)

// TestAMessageAfterSilenceIsAlertedOn: a client that was silent for longer than panes
// stay open reports a message in the pane in which it was sent.
func TestAMessageAfterSilenceIsAlertedOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	h.startAlertmanager()
	h.startWeir("--roles", "aggregate,rules,alertmanager")
	client := openClient(t, h.brokers, "orders")
	client.produce(1, smallBytes)
	said := time.Now()
	eventually(t, func() bool { return time.Since(said) > 6*time.Second }, func() string { return "the clock stands still" })
	client.produce(1, largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	client.close()
}
