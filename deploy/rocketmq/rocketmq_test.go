package rocketmq

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/parts"
)

// newConfig is a configuration of a folder of its own, whose output is shown where the test fails.
func newConfig(t *testing.T, folder string) Config {
	t.Helper()
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	printed := newWatch(&bytes.Buffer{}, "\x00")
	t.Cleanup(func() {
		if t.Failed() {
			printed.mu.Lock()
			defer printed.mu.Unlock()
			t.Logf("%s printed\n%s", folder, printed.to)
		}
	})
	return Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), folder), LogWriter: printed}
}

// TestClientsFindABrokerByItsNameServer has a name server, a broker with an option of its own, and clients that send and consume.
func TestClientsFindABrokerByItsNameServer(t *testing.T) {
	nameServer, err := StartNameServer(t.Context(), newConfig(t, "namesrv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nameServer.Kill)
	config := newConfig(t, "broker")
	config.Options = map[string]string{"brokerName": "broker-x"}
	broker, err := StartBroker(t.Context(), config, nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)
	traffic, err := StartTraffic(t.Context(), newConfig(t, "traffic"), Traffic{NameServer: nameServer.Addr(), Broker: broker.Addr(),
		Topic: "orders", Producers: "writers", Consumers: "readers", Messages: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traffic.Kill)
	options, err := os.ReadFile(optionsPath(config.DataDir))
	if err != nil || !strings.Contains(string(options), "\nbrokerName=broker-x\n") {
		t.Errorf("the broker's options are %s, %v", options, err)
	}
}

func TestMissingJavaNamesTheRemedy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	const remedy = `: exec: "java": executable file not found in $PATH; install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)`
	if _, err := StartNameServer(t.Context(), Config{}); err == nil || err.Error() != "find java, which RocketMQ runs on"+remedy {
		t.Errorf("got %v", err)
	}
	if _, err := StartTraffic(t.Context(), Config{}, Traffic{}); err == nil || err.Error() != "find java, which RocketMQ's client runs on"+remedy {
		t.Errorf("got %v", err)
	}
	if _, err := Admin(t.Context(), Config{}, "127.0.0.1:1", "clusterList"); err == nil || err.Error() != "find java, which RocketMQ's admin tool runs on"+remedy {
		t.Errorf("got %v", err)
	}
}

func TestMissingJarsNameTheRemedy(t *testing.T) {
	_, err := StartBroker(t.Context(), Config{JarDir: "nowhere", DataDir: t.TempDir()}, "127.0.0.1:1")
	want := "find RocketMQ's jars in \"nowhere\": there is no rocketmq-broker-*.jar; run `make parts-test` and pass the folder that parts.RocketMQ names"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWatchFindsATextInPieces(t *testing.T) {
	var passed bytes.Buffer
	w := newWatch(&passed, "boot success")
	for _, piece := range []string{"The broker boot", " suc", "cess. "} {
		if w.seen() {
			t.Errorf("the text was seen before %q", piece)
		}
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("wrote %d of %q, %v", n, piece, err)
		}
	}
	if !w.seen() || passed.String() != "The broker boot success. " {
		t.Errorf("seen %v, passed %q", w.seen(), &passed)
	}
}
