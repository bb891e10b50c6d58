package pipeline

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOriginOfAKey says what gave a key its value.
func TestOriginOfAKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte("kafka:\n  tls: {enabled: true}\n  brokers: [a:1]\ncollect:\n  clusters:\n    - {name: eu, system: kafka, brokers: [b:1]}\n"+
		"    - name: us\n      system: kafka\n      brokers: [c:1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, variable, key, want string
	}{
		{path, "", "kafka.brokers", " (" + path + ":3)"},
		{path, "", "collect.clusters.0.brokers", " (" + path + ":6)"},
		{path, "", "collect.clusters.1.brokers", " (" + path + ":9)"},
		{path, "WEIR_KAFKA_BROKERS=b:1", "kafka.brokers", " (set by WEIR_KAFKA_BROKERS)"},
		{path, "", "kafka.sasl.user", " (by default, as " + path + " has no such key)"},
		{path, "", "http.addr", " (by default, as " + path + " has no such key)"},
		{"", "", "http.addr", " (by default, as no --config is given)"},
		{"", "WEIR_HTTP_ADDR=127.0.0.1:1", "http.addr", " (set by WEIR_HTTP_ADDR)"},
	} {
		config, err := LoadConfig(test.path, strings.Fields(test.variable))
		if err != nil {
			t.Fatal(err)
		}
		if held := fmt.Sprint(config.origin.variables); strings.Contains(held, "=") {
			t.Errorf("values of variables are held: %s", held)
		}
		if got := config.origin.of(test.key); got != test.want {
			t.Errorf("%s of %q with %q: got %q, want %q", test.key, test.path, test.variable, got, test.want)
		}
	}
	if made := DefaultConfig(); made.origin.of("http.addr") != "" {
		t.Errorf("what a program makes comes from %q", made.origin.of("http.addr"))
	}
}

// TestAwayClusterIsNamed by its key, or by what its brokers say of themselves.
func TestAwayClusterIsNamed(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Collect.Clusters = []ClusterConfig{{Name: "eu", System: systemKafka, Brokers: []string{"10.0.0.1:9092"}}}
	eu := &config.Collect.Clusters[0]
	refused := func(port int) error {
		return fmt.Errorf("ask: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: port}, Err: errors.New("refused")})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{refused(9092), "ask: dial tcp 10.0.0.1:9092: refused; start the cluster there, or name others in collect.clusters (eu).brokers"},
		{refused(9093), "ask: dial tcp 10.0.0.1:9093: refused; collect.clusters (eu).brokers names 10.0.0.1:9092, and brokers say by themselves where others are: look at the addresses that they advertise"},
		{errors.New("ask: it answers nonsense"), "ask: it answers nonsense"},
	} {
		if got := config.clusterAway(eu, test.err); got.Error() != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
