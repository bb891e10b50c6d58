package parts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingPartNamesTheRemedy(t *testing.T) {
	t.Setenv("WEIR_PARTS", t.TempDir())
	for name, find := range map[string]func() (string, error){"chdb": ChDB, "alertmanager": Alertmanager, "kafka": Kafka, "rocketmq": RocketMQ, "rocketmq4": RocketMQ4, "vmagent": VMAgent, "prometheus": Prometheus} {
		_, err := find()
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "make parts") || !strings.Contains(err.Error(), "fetch.sh "+name) {
			t.Errorf("%s: got %v, want ErrMissing with the remedy", name, err)
		}
	}
}

func TestUnfinishedPartIsMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("WEIR_PARTS", dir)
	folder := filepath.Join(dir, "chdb-"+ChDBVersion)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "libchdb.so"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if path, err := ChDB(); !errors.Is(err, ErrMissing) {
		t.Errorf("got %q, %v for a part without its marker, want ErrMissing", path, err)
	}
}

func TestScriptPinsTheSameVersions(t *testing.T) {
	script, err := os.ReadFile("fetch.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"chdb_version=" + ChDBVersion, "alertmanager_version=" + AlertmanagerVersion, "kafka_version=" + KafkaVersion, "kafka_revision=" + KafkaRevision,
		"rocketmq_version=" + RocketMQVersion, "rocketmq4_version=" + RocketMQ4Version,
		"vmagent_version=" + VMAgentVersion, "prometheus_version=" + PrometheusVersion} {
		if !strings.Contains(string(script), want+"\n") {
			t.Errorf("fetch.sh lacks %q", want)
		}
	}
	for part, want := range map[string]string{
		"alertmanager": "github.com/prometheus/alertmanager v" + AlertmanagerVersion,
		"vmagent":      "github.com/VictoriaMetrics/VictoriaMetrics v" + VMAgentVersion,
		"prometheus":   "github.com/prometheus/prometheus v" + PrometheusVersion,
	} {
		module, err := os.ReadFile(filepath.Join(part, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(module), want+" ") {
			t.Errorf("%s/go.mod does not require %s", part, want)
		}
	}
	for file, version := range map[string]string{"kafka-pom.xml": KafkaVersion, "rocketmq-pom.xml": RocketMQVersion, "rocketmq4-pom.xml": RocketMQ4Version} {
		pom, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(pom), "<version>"+version+"</version>") {
			t.Errorf("%s does not pin version %s", file, version)
		}
	}
}

func TestFetchedPartsAreThere(t *testing.T) {
	for name, find := range map[string]func() (string, error){"chdb": ChDB, "alertmanager": Alertmanager, "kafka": Kafka, "rocketmq": RocketMQ, "rocketmq4": RocketMQ4} {
		path, err := find()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
