package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What is said at the end where a command asks a Weir that does not run, and Kafka that is not there.
const (
	startOne   = "; start one there, by weir run or weir demo, or name one that runs by --url, or its configuration by --config\n"
	startKafka = ": connect: connection refused; start Kafka there, or give another address in the file of --config, or by WEIR_KAFKA_BROKERS\n"
)

// TestWithoutAnythingRunning each command says which address was tried, what names it, and what to do.
func TestWithoutAnythingRunning(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	dir := folder(t, "weir.yaml", "http: {addr: \""+addr+"\"}\nkafka:\n  tls: {enabled: false}\n  brokers: [\""+addr+"\"]\nrules: {dir: rules.d}\n",
		"rules.d/rules.yaml", largeMessageRule, "control.d/pause.yaml", "commands: []\n", "empty.yaml", "http: {}\n")
	file := filepath.Join(dir, "weir.yaml")
	kafka := "no broker answers at " + addr + ", as kafka.brokers (" + file + ":4) says: unable to dial: dial tcp " + addr + startKafka
	for args, want := range map[string]string{
		"topics create":                kafka,
		"audit":                        "audit: " + kafka,
		"control list":                 "read weir.control: " + kafka,
		"control diff":                 "read weir.control: " + kafka,
		"control apply control.d":      "read weir.control: " + kafka,
		"control expire a --author li": "read weir.control: " + kafka,
		"rules backtest --from-kafka":  "backtest: " + kafka,
		"health":                       "ask weir: none runs at http://" + addr + ", as http.addr (" + file + ":1) says: dial tcp " + addr + ": connect: connection refused" + startOne,
		"rules explain Surge":          "ask weir: none runs at http://" + addr + ", as http.addr (" + file + ":1) says: dial tcp " + addr + ": connect: connection refused" + startOne,
		"rules explain Surge --url http://127.0.0.1:1": "ask weir: none runs at http://127.0.0.1:1, as --url says: dial tcp 127.0.0.1:1: connect: connection refused" + startOne,
	} {
		got := call(t, dir, append(strings.Fields(args), "--config", "weir.yaml")...)
		if _, said, _ := strings.Cut(got.stderr, "weir: "); got.code != exitFailed || got.stdout != "" || said != want {
			t.Errorf("weir %s: got %+v, want %s", args, got, want)
		}
	}
	for args, want := range map[string]string{
		"topics create":                     " as kafka.brokers (by default, as no --config is given) says: ",
		"topics create --config empty.yaml": " as kafka.brokers (by default, as " + filepath.Join(dir, "empty.yaml") + " has no such key) says: ",
		"health --config empty.yaml":        " as http.addr (by default, as " + filepath.Join(dir, "empty.yaml") + " has no such key) says: ",
	} {
		if got := call(t, dir, strings.Fields(args)...); got.code == exitFailed && !strings.Contains(got.stderr, want) { // somebody may listen there
			t.Errorf("weir %s: got %+v, want %s in it", args, got, want)
		}
	}
}
