package main

import (
	"net"
	"strings"
	"testing"
)

// TestTakenPorts: nothing is said to listen where another does; the demo says whose port it is.
func TestTakenPorts(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	addr := other.Addr().String()
	_, port, _ := strings.Cut(addr, ":")
	dir := folder(t, "rules.d/rules.yaml", largeMessageRule, "weir.yaml", "http: {addr: '"+addr+"'}\n")
	taken := func(flag string) string {
		return "port " + port + " of " + flag + " is taken by another process: give another, or 0 for a free one\n"
	}
	for command, want := range map[string]string{
		"broker --addr " + addr:                 "address already in use; choose a free address, or port 0 for any\n",
		"clickhouse --addr " + addr:             "address already in use; choose a free address, or port 0 for any\n",
		"run --config weir.yaml":                "weir: open http.addr: listen tcp " + addr + ": bind: address already in use: choose another address or stop what uses it\n",
		"demo --data a --kafka " + addr:         taken("--kafka"),
		"demo --data b --clickhouse " + addr:    taken("--clickhouse"),
		"demo --data c --alertmanager " + addr:  taken("--alertmanager"),
		"demo --data d --http " + addr:          taken("--http"),
		"demo --data e --http 127.0.0.1":        "listen on the address of --http: listen tcp: address 127.0.0.1: missing port in address; give host:port",
		"demo --data f --alertmanager 1.1.1.1:": "listen on the address of --alertmanager: ",
	} {
		got := call(t, dir, strings.Fields(command)...)
		if got.code != exitFailed || !strings.Contains(got.stderr, want) || strings.Contains(got.stdout, "listens") || strings.Contains(got.stderr, "weir runs") {
			t.Errorf("weir %s: got %+v, want %s", command, got, want)
		}
	}
}
