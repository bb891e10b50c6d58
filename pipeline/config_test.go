package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig(t *testing.T) {
	path := writeConfig(t, "kafka:\n  brokers: [a:9092, b:9092]\ntelemetry:\n  pane: 5s\n")
	config, err := LoadConfig(path, []string{"WEIR_KAFKA_BROKERS=c:1,d:2", "WEIR_TELEMETRY_PARTITIONS=3",
		"WEIR_KAFKA_TLS_ENABLED=true", "WEIR_ALERTMANAGER_RESEND_DELAY=30s", "HOME=/"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(config.Kafka.Brokers, " ") != "c:1 d:2" || config.Telemetry.Partitions != 3 || !config.Kafka.TLS.Enabled ||
		config.Alertmanager.ResendDelay != 30*time.Second {
		t.Errorf("the environment does not override the file: %+v", config)
	}
	if config.Telemetry.Pane != 5*time.Second {
		t.Errorf("got pane %s, want the file's", config.Telemetry.Pane)
	}
	if config.HTTP.Addr != DefaultHTTPAddr {
		t.Errorf("got address %s, want the default", config.HTTP.Addr)
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "kafka:\n  brokers: [a:1]\n  broker: b\n", "weir.yaml:3: unknown key broker: allowed here are brokers, tls, sasl, replication_factor, create_topics"},
		{"wrong type", "telemetry:\n  pane: many\n", "weir.yaml:2: cannot unmarshal"},
		{"no YAML", "kafka: [\n", "weir.yaml:1: did not find expected node content"},
		{"pane out of bounds", "telemetry: {pane: 5ms}\n", "pane"},
		{"address without port", "kafka: {brokers: [here]}\n", `got "here", want host:port`},
		{"unknown role", "roles: [aggregate, dance]\n", `got "dance", allowed are aggregate, rules, clickhouse, alertmanager`},
		{"unknown mechanism", "kafka: {sasl: {mechanism: MAGIC}}\n", "allowed are PLAIN"},
	} {
		_, err := LoadConfig(writeConfig(t, c.text), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
	if _, err := LoadConfig("", []string{"WEIR_TELEMETRY_PARTITIONS=many"}); err == nil || !strings.Contains(err.Error(), "WEIR_TELEMETRY_PARTITIONS") {
		t.Errorf("got %v, want the variable's name", err)
	}
}

func TestMaskedYAMLHidesSecrets(t *testing.T) {
	config := DefaultConfig()
	config.Kafka.SASL.Password = "hunter2"
	config.ClickHouse.DSN = "https://weir:hunter3@host:8443/db?password=hunter4"
	text, err := config.MaskedYAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter") {
		t.Errorf("a secret is printed:\n%s", text)
	}
	if !strings.Contains(string(text), "host:8443") || config.Kafka.SASL.Password != "hunter2" {
		t.Errorf("masking hides what is no secret, or changes the configuration:\n%s", text)
	}
	var again Config
	again, err = LoadConfig(writeConfig(t, string(text)), nil)
	if err != nil {
		t.Errorf("what is printed does not load: %v", err)
	}
	if again.Telemetry != config.Telemetry {
		t.Errorf("got %+v back, want %+v", again.Telemetry, config.Telemetry)
	}
}
