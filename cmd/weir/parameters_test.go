package main

import (
	"strings"
	"testing"
	"time"
)

// TestChangedParametersAreRefused: a process whose panes are of another length than
// those recorded ends and names both, and the one that runs goes on.
func TestChangedParametersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	running := h.startWeir("--roles", "aggregate,rules")
	config, addr := h.writeConfig("pane: 1s", "pane: 2s")
	refused := h.launchWith(config, addr, "--roles", "aggregate,rules")
	select {
	case <-refused.Done():
	case <-time.After(stopLimit):
		code, text := refused.get("/-/ready")
		t.Fatalf("the process does not end; /-/ready answers %d %s", code, text)
	}
	if err := refused.Wait(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("the process ended with %v, want exit status 1", err)
	}
	if logs := h.logs.String(); !strings.Contains(logs, "weir: telemetry parameters are {Pane:2s") || !strings.Contains(logs, "{Pane:1s") {
		t.Errorf("the process does not name both panes")
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
