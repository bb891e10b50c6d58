// Package parts finds the programs and libraries Weir runs on that are not Go modules: the embedded ClickHouse
// engine, Alertmanager and, for tests, Apache Kafka and RocketMQ; for measurements, vmagent and Prometheus. fetch.sh beside it fetches
// them under pinned versions into one cache folder; this package names the same folders and never touches the network.
package parts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The pinned versions; fetch.sh holds the same ones and a test compares the two.
const (
	ChDBVersion         = "26.7.3-stable.1"
	AlertmanagerVersion = "0.31.1"
	KafkaVersion        = "4.1.1"
	KafkaRevision       = "2" // of what is fetched with that version
	RocketMQVersion     = "5.3.3"
	RocketMQ4Version    = "4.9.7"
	VMAgentVersion      = "1.140.0"
	PrometheusVersion   = "0.316.0" // of the module: release 3.16.0
)

// completeMarker is the file fetch.sh writes last: a folder without it is not a part.
const completeMarker = ".complete"

// ErrMissing says that a part is not in the cache.
var ErrMissing = errors.New("part is not in the cache")

// Dir is the cache folder of the parts: $WEIR_PARTS, else weir/parts under the user's cache folder. It need not
// exist. It fails where neither $WEIR_PARTS nor a home folder is known.
func Dir() (string, error) {
	if dir := os.Getenv("WEIR_PARTS"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the parts' cache folder: %w; set WEIR_PARTS to a folder", err)
	}
	return filepath.Join(cache, "weir", "parts"), nil
}

// ChDB is the path of the embedded ClickHouse engine's library, libchdb.so. The error wraps ErrMissing where it
// was not fetched.
func ChDB() (string, error) { return find("chdb-"+ChDBVersion, "libchdb.so") }

// Alertmanager is the path of the Alertmanager program. The error wraps ErrMissing where it was not fetched.
func Alertmanager() (string, error) {
	return find("alertmanager-"+AlertmanagerVersion, "alertmanager")
}

// Kafka is the folder with the jars of Apache Kafka and of its tools. The error wraps ErrMissing where it was not fetched.
func Kafka() (string, error) { return find("kafka-"+KafkaVersion+"-"+KafkaRevision, "") }

// RocketMQ is the folder with the jars of RocketMQ's broker and name server. The error wraps ErrMissing where it was not
// fetched.
func RocketMQ() (string, error) { return find("rocketmq-"+RocketMQVersion, "") }

// RocketMQ4 is the folder with the jars of RocketMQ 4, which fleets still run. The error wraps ErrMissing where it was not fetched.
func RocketMQ4() (string, error) { return find("rocketmq4-"+RocketMQ4Version, "") }

// VMAgent is the path of the vmagent program, which measurements compare with. The error wraps ErrMissing where
// it was not fetched.
func VMAgent() (string, error) { return find("vmagent-"+VMAgentVersion, "vmagent") }

// Prometheus is the path of the Prometheus program, which measurements compare with. The error wraps ErrMissing where
// it was not fetched.
func Prometheus() (string, error) { return find("prometheus-"+PrometheusVersion, "prometheus") }

// find is the path of file inside a complete part.
func find(part, file string) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(dir, part)
	_, err = os.Stat(filepath.Join(folder, completeMarker))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("find %s in %s: %w; run `make parts`, and `deploy/parts/fetch.sh %s` for one that only tests or measurements need",
			part, dir, ErrMissing, strings.SplitN(part, "-", 2)[0])
	}
	if err != nil {
		return "", fmt.Errorf("find %s: %w", part, err)
	}
	return filepath.Join(folder, file), nil
}
