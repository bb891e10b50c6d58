package weir

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRegexConsumers holds that who consumes by a pattern reports the topics that it
// consumes, and no others of the cluster.
func TestRegexConsumers(t *testing.T) {
	for name, options := range map[string][]kgo.Opt{"direct": nil, "group": {kgo.ConsumerGroup("ledger")}} {
		t.Run(name, func(t *testing.T) {
			measured, reports := startClusters(t, "orders", "orders-eu", "payments")
			c := open(t, reports, Config{})
			h := c.Hooks()
			client := dial(t, measured, append(options, kgo.WithHooks(h), kgo.ConsumeRegex(), kgo.ConsumeTopics("^orders.*"),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
			for _, topic := range []string{"orders", "orders-eu", "payments"} {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			consumed := 0
			eventually(t, "both messages are consumed", func() bool {
				consumed += client.PollFetches(t.Context()).NumRecords()
				return consumed == 2
			})
			h.look(1000)
			client.Close()
			mustClose(t, c)
			var topics []string
			for _, r := range readReports(t, reports) {
				if r.Labels.Op == opConsume && !slices.Contains(topics, r.Labels.Topic) {
					topics = append(topics, r.Labels.Topic)
				}
			}
			slices.Sort(topics)
			if want := []string{"orders", "orders-eu"}; !slices.Equal(topics, want) {
				t.Errorf("it reports consumption of %v, want %v", topics, want)
			}
		})
	}
}

// TestAShareGroupIsAGroup holds that members of a share group have its label.
func TestAShareGroupIsAGroup(t *testing.T) {
	h := offlineClient(t, Config{}).Hooks()
	dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ShareGroup("ledger"), kgo.ConsumeTopics("orders"))
	if got := h.labels.Group; got != "ledger" {
		t.Errorf("the label group is %q, want that of the share group", got)
	}
}
