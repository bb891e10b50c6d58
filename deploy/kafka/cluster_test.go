package kafka

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
)

// startCluster runs three nodes until the test ends.
func startCluster(t *testing.T) *Cluster {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	logs := &child.Output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(logs)
		}
	})
	running, err := StartCluster(t.Context(), Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: logs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	return running
}

// inSync waits until a partition of three replicas has so many in sync.
func inSync(t *testing.T, admin *kadm.Client, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		topics, err := admin.ListTopics(ctx, topic)
		if got := len(topics[topic].Partitions[0].ISR); err == nil && got == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("got %+v, %v; want %d in sync", topics[topic].Partitions, err, want)
		case <-ticker.C:
		}
	}
}

// TestAClusterOutlivesItsNodes lets the nodes of a cluster hang, go on, die, start again and stop one by one: a topic of three replicas
// takes messages all the time, and has all of them in the end.
func TestAClusterOutlivesItsNodes(t *testing.T) {
	t.Parallel()
	running := startCluster(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(running.Addrs()...), kgo.DefaultProduceTopic(topic), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	admin := kadm.NewClient(client)
	two := "2"
	if _, err := admin.CreateTopic(ctx, 1, clusterNodes, map[string]*string{"min.insync.replicas": &two}, topic); err != nil {
		t.Fatal(err)
	}
	sent := 0
	send := func() {
		t.Helper()
		if err := client.ProduceSync(ctx, kgo.StringRecord("m")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	send()
	first, second, third := running.Nodes()[0], running.Nodes()[1], running.Nodes()[2]
	if err := first.Hang(); err != nil {
		t.Fatal(err)
	}
	inSync(t, admin, 2)
	send()
	if err := first.Continue(); err != nil {
		t.Fatal(err)
	}
	inSync(t, admin, 3)
	third.Kill()
	inSync(t, admin, 2)
	send()
	if err := third.Start(ctx); err != nil {
		t.Fatal(err)
	}
	inSync(t, admin, 3)
	if brokers, err := admin.ListBrokers(ctx); err != nil || len(brokers) != clusterNodes {
		t.Errorf("got brokers %v, %v; want %d", brokers, err, clusterNodes)
	}
	if err := second.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	send()
	ends, err := admin.ListEndOffsets(ctx, topic)
	if end, _ := ends.Lookup(topic, 0); err != nil || end.Offset != int64(sent) {
		t.Errorf("%d messages are there, %v; want %d", end.Offset, err, sent)
	}
}

func TestAnAddressOfAClusterIsRefused(t *testing.T) {
	_, err := StartCluster(t.Context(), Config{Addr: "127.0.0.1:9092"})
	if err == nil || !strings.Contains(err.Error(), "got the address 127.0.0.1:9092; leave it out") {
		t.Errorf("got %v", err)
	}
}
