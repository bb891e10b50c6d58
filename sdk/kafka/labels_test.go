package kafka

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// TestLabels sends one message and consumes it, with every label set.
func TestLabels(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, report.Config{Env: "production", Cluster: "shop", Tier: "S1", Lane: "stable", Tag: "prod", Node: "till-7",
		Labels: map[string]string{"team": "checkout", "region": "fra", "empty": ""}})
	sendAndConsume(t, c, measured, "orders")
	mustClose(t, c)
	for _, r := range readReports(t, reports) {
		got := r.Labels
		expected := telemetry.Labels{Env: "production", Cluster: "shop", System: "kafka", Topic: "orders", Op: got.Op, Node: "till-7",
			Client: fmt.Sprintf("payments@till-7-%d", os.Getpid()), SDKLang: "go", SDKVersion: report.Version, Tier: "S1", Lane: "stable", Tag: "prod"}
		switch got.Op {
		case meter.OpSend:
		case meter.OpConsume, meter.OpGroup:
			expected.Group = "ledger"
			expected.Client = fmt.Sprintf("billing@till-7-%d", os.Getpid())
			if got.Op == meter.OpGroup {
				expected.Topic = ""
			}
		default:
			t.Errorf("op is %q", got.Op)
		}
		library := got.Get(meter.LabelClientLibrary)
		if library != "franz-go" && !strings.HasPrefix(library, "franz-go/v1.") {
			t.Errorf("client_library is %q", library)
		}
		expected.Extra = []telemetry.Label{{Name: meter.LabelClientLibrary, Value: library}, {Name: "region", Value: "fra"},
			{Name: "sdk_name", Value: "weir"}, {Name: "team", Value: "checkout"}}
		if fmt.Sprint(got) != fmt.Sprint(expected) {
			t.Errorf("got labels  %+v\nwant labels %+v", got, expected)
		}
		if r.Key != got.Client {
			t.Errorf("the record's key is %q: want the client, %q", r.Key, got.Client)
		}
	}
}

// sendAndConsume has one client, payments, send a message, and another one, billing,
// consume it in the group ledger.
func sendAndConsume(t *testing.T, c *report.Reporter, measured []string, topic string) {
	t.Helper()
	producer := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)), kgo.ClientID("payments"))
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	producer.Close()
	consumer := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)), kgo.ClientID("billing"), kgo.ConsumerGroup("ledger"),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	reported.Eventually(t, "the message is consumed", func() bool { return consumer.PollFetches(t.Context()).NumRecords() > 0 })
	consumer.Close()
}

// TestLabelsOfConfigComeFirst holds that what Config says is not replaced by what the
// client says.
func TestLabelsOfConfigComeFirst(t *testing.T) {
	c := openOffline(t, report.Config{Group: "all-ledgers", Client: "ledger-3", SDKName: "acme-kafka", SDKVersion: "7.1"})
	h := NewHooks(c)
	reported.Dial(t, []string{"127.0.0.1:1"}, kgo.WithHooks(h), kgo.ClientID("billing"), kgo.ConsumerGroup("ledger"), kgo.ConsumeTopics("orders"))
	if l := h.measured.Labels(); l.Group != "all-ledgers" || l.Client != "ledger-3" || l.Get("sdk_name") != "acme-kafka" || l.SDKVersion != "7.1" {
		t.Errorf("got group %q, client %q, name %q, version %q", l.Group, l.Client, l.Get("sdk_name"), l.SDKVersion)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if h.measured.Labels().Node != host {
		t.Errorf("node is %q: want the host's name, %q", h.measured.Labels().Node, host)
	}
}

// TestLabelsOfOneClient names the cluster and the group of one client of several.
func TestLabelsOfOneClient(t *testing.T) {
	c := openOffline(t, report.Config{Cluster: "shop", Group: "all-ledgers"})
	long := strings.Repeat("c", 300)
	for _, test := range []struct {
		options        []Option
		cluster, group string
	}{
		{nil, "shop", "all-ledgers"},
		{[]Option{Cluster("returns")}, "returns", "all-ledgers"},
		{[]Option{Group("night")}, "shop", "night"},
		{[]Option{Cluster("re\x00turns"), Group(long)}, "returns", long[:256]},
		{nil, "shop", "all-ledgers"}, // others are as they were
	} {
		h := NewHooks(c, test.options...)
		reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ConsumerGroup("ledger"), kgo.ConsumeTopics("orders"))
		if l := h.measured.Labels(); l.Cluster != test.cluster || l.Group != test.group || l.System != "kafka" {
			t.Errorf("got cluster %q, group %q, system %q; want %q and %q of kafka", l.Cluster, l.Group, l.System, test.cluster, test.group)
		}
	}
}

// TestOneClientsReportsAreInOrder holds that a client's reports are in one partition,
// and that the intervals of a series follow one another without overlap.
func TestOneClientsReportsAreInOrder(t *testing.T) {
	measured, reports := startClusters(t, "orders", "payments")
	c := open(t, reports, report.Config{Cluster: "shop"})
	var clients []*kgo.Client
	for i := range 6 {
		clients = append(clients, reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)), kgo.ClientID(fmt.Sprintf("till-%d", i))))
	}
	for range 4 {
		before := c.Stats().Acknowledged
		for i, client := range clients {
			topic := []string{"orders", "payments"}[i%2]
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		reported.Eventually(t, "a report of each client", func() bool { return c.Stats().Acknowledged >= before+uint64(len(clients)) })
	}
	for _, client := range clients {
		client.Close()
	}
	mustClose(t, c)

	partitionOf, endOf, partitions := map[string]int32{}, map[string]int64{}, []int32{}
	for _, r := range readReports(t, reports) {
		if of, known := partitionOf[r.Labels.Client]; known && of != r.Partition {
			t.Errorf("reports of %s are in partitions %d and %d", r.Labels.Client, of, r.Partition)
		}
		partitionOf[r.Labels.Client] = r.Partition
		if !slices.Contains(partitions, r.Partition) {
			partitions = append(partitions, r.Partition)
		}
		series := r.Labels.Client + " " + r.Labels.Topic
		if r.StartUnixMillis < endOf[series] {
			t.Errorf("%s: an interval begins at %d, before the last one's end %d", series, r.StartUnixMillis, endOf[series])
		}
		endOf[series] = r.StartUnixMillis + int64(r.LengthMillis)
	}
	if len(partitionOf) != len(clients) || len(partitions) < 2 {
		t.Errorf("%d clients report to %d partitions: want %d clients in several", len(partitionOf), len(partitions), len(clients))
	}
}
