package docs_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
)

// seededBroker starts a broker that has a topic orders of two partitions, with 10 and 4 messages, of which the group billing has
// committed 3 and 4. Its port has four digits, as that which pages show: columns are then as wide.
func seededBroker(t *testing.T) string {
	t.Helper()
	var running *broker.Broker
	for port := 9092; running == nil; port++ {
		var err error
		if running, err = broker.Start(broker.Config{Addr: fmt.Sprintf("127.0.0.1:%d", port)}); err != nil && port == 9999 {
			t.Fatal(err)
		}
	}
	t.Cleanup(running.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(running.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(t.Context(), 2, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	for i := range 14 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Partition: int32(i / 10), Value: []byte("order")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var commits kadm.Offsets
	commits.AddOffset("orders", 0, 3, -1)
	commits.AddOffset("orders", 1, 4, -1)
	if err := admin.CommitAllOffsets(t.Context(), "billing", commits); err != nil {
		t.Fatal(err)
	}
	return running.Addrs()[0]
}
