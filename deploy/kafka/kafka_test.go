package kafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
)

// patience bounds every wait for an answer of the broker. Below 10 s a busy machine is taken for a fault; above a minute a broken
// one is waited for in vain.
const patience = 45 * time.Second

const topic = "weir.telemetry"

// start runs Kafka until the test ends.
func start(t *testing.T, config Config) *Server {
	t.Helper()
	logs := &child.Output{}
	config.LogWriter = logs
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(logs)
		}
	})
	running, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	return running
}

// newConfig is a configuration of a folder of its own.
func newConfig(t *testing.T) Config {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	return Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka")}
}

// withClient calls do with a client of the broker and a time by which it must be done.
func withClient(t *testing.T, running *Server, do func(context.Context, *kgo.Client), options ...kgo.Opt) {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(running.Addr()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	do(ctx, client)
}

// create makes the topic with one partition, which stamps records as they are appended.
func create(t *testing.T, running *Server) {
	t.Helper()
	withClient(t, running, func(ctx context.Context, client *kgo.Client) {
		appendTime := "LogAppendTime"
		configs := map[string]*string{"message.timestamp.type": &appendTime}
		if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, configs, topic); err != nil {
			t.Fatal(err)
		}
	})
}

// produce appends records numbered from first, which claim to be of 1970.
func produce(t *testing.T, running *Server, first, count int) {
	t.Helper()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", first+i), Timestamp: time.Unix(0, 0)}
	}
	withClient(t, running, func(ctx context.Context, client *kgo.Client) {
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	})
}

// expect reads the topic from its start: it holds records 0 to count-1, each at the offset of its number and stamped
// when it was appended.
func expect(t *testing.T, running *Server, count int) {
	t.Helper()
	withClient(t, running, func(ctx context.Context, client *kgo.Client) {
		for next := 0; next < count; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("after %d of %d records: %v", next, count, err)
			}
			for _, record := range fetches.Records() {
				if record.Offset != int64(next) || string(record.Value) != fmt.Sprint(next) {
					t.Fatalf("record %d came back as %q at offset %d", next, record.Value, record.Offset)
				}
				if age := time.Since(record.Timestamp); age < 0 || age > time.Hour || record.Attrs.TimestampType() != 1 {
					t.Fatalf("record %d has time %v, want its append time", next, record.Timestamp)
				}
				next++
			}
		}
	}, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

// leaveUnfinished makes the folder as a format that was killed leaves it.
func leaveUnfinished(t *testing.T, config Config) {
	t.Helper()
	unfinished := filepath.Join(config.DataDir, "log.new", "__cluster_metadata-0")
	if err := os.MkdirAll(unfinished, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(unfinished, "bootstrap.checkpoint"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRestartContinues starts on a folder whose formatting was once cut short, then again after a stop and after
// SIGKILL, on the same address.
func TestRestartContinues(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	leaveUnfinished(t, config)
	running := start(t, config)
	config.Addr = running.Addr()
	create(t, running)
	produce(t, running, 0, 100)
	expect(t, running, 100)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := running.Stop(ctx); err != nil {
		t.Fatal(err)
	}

	running = start(t, config)
	if running.Addr() != config.Addr {
		t.Errorf("after a stop it listens on %s, want %s", running.Addr(), config.Addr)
	}
	expect(t, running, 100)
	produce(t, running, 100, 10)
	running.Kill()

	running = start(t, config)
	expect(t, running, 110)
	produce(t, running, 110, 10)
	expect(t, running, 120)
}

func TestMissingJavaNamesTheRemedy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Config{DataDir: t.TempDir()})
	want := `find java, which Apache Kafka runs on: exec: "java": executable file not found in $PATH; ` +
		"install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMissingJarsNameTheRemedy(t *testing.T) {
	_, err := Start(t.Context(), Config{JarDir: "nowhere", DataDir: t.TempDir()})
	want := "find Kafka's jars in \"nowhere\": there is no kafka_*.jar; run `make parts` and pass the folder that parts.Kafka names"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUnusableAddressIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := newConfig(t)
	for addr, want := range map[string]string{
		"127.0.0.1":           `read Kafka's address "127.0.0.1": address 127.0.0.1: missing port in address; write host:port`,
		":9092":               `read Kafka's address ":9092": a host and a port other than 0 are needed`,
		"127.0.0.1:0":         `read Kafka's address "127.0.0.1:0": a host and a port other than 0 are needed`,
		taken.Addr().String(): "listen on Kafka's address " + taken.Addr().String() + ": listen tcp",
	} {
		config.Addr = addr
		if _, err := Start(t.Context(), config); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", addr, err, want)
		}
	}
}

func TestCancelledStartLeavesNothingFormatted(t *testing.T) {
	config := newConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, config); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled start", err)
	}
	if _, err := os.Stat(filepath.Join(config.DataDir, "log")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("storage must be there only when it is whole: %v", err)
	}
}
