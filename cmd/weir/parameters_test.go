package main

import (
	"strings"
	"testing"
)

// TestChangedParametersAreRefused: a process whose panes are of another length than
// those recorded ends and names both, and the one that runs goes on.
func TestChangedParametersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	running := h.startWeir("--roles", "aggregate,rules")
	config, _ := h.writeConfig("pane: 1s", "pane: 2s")
	refused := call(t, h.dir, "run", "--config", config, "--roles", "aggregate,rules")
	if refused.code != exitFailed || !strings.Contains(refused.stderr, "weir: telemetry parameters are {Pane:2s") || !strings.Contains(refused.stderr, "{Pane:1s") {
		t.Errorf("got %+v, want exit code %d and both panes", refused, exitFailed)
	}
	if !running.status().Ready {
		t.Errorf("the process with the recorded parameters does not go on: %+v", running.status())
	}
}

// TestAnAddressInUseIsRefused: nobody would see such a process.
func TestAnAddressInUseIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, []string{freeAddr(t)}, largeMessageRule)
	config, addr := h.writeConfig()
	h.launchWith(config, addr)
	got := call(t, h.dir, "run", "--config", config)
	if want := "open http.addr: listen tcp " + addr + ": bind: address already in use: choose another address"; got.code != exitFailed ||
		!strings.Contains(got.stderr, want) {
		t.Errorf("got %+v, want exit code %d and %q", got, exitFailed, want)
	}
}
