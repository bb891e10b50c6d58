package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestRegexConsumers holds that who consumes by a pattern reports the topics that it
// consumes, and no others of the cluster.
func TestRegexConsumers(t *testing.T) {
	for name, options := range map[string][]kgo.Opt{"direct": nil, "group": {kgo.ConsumerGroup("ledger")}} {
		t.Run(name, func(t *testing.T) {
			measured, reports := startClusters(t, "orders", "orders-eu", "payments")
			c := open(t, reports, report.Config{})
			h := NewHooks(c)
			client := reported.Dial(t, measured, append(options, kgo.WithHooks(h), kgo.ConsumeRegex(), kgo.ConsumeTopics("^orders.*"),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
			for _, topic := range []string{"orders", "orders-eu", "payments"} {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			consumed := 0
			reported.Eventually(t, "both messages are consumed", func() bool {
				consumed += client.PollFetches(t.Context()).NumRecords()
				return consumed == 2
			})
			h.look(1000)
			client.Close()
			mustClose(t, c)
			var topics []string
			for _, r := range readReports(t, reports) {
				if r.Labels.Op == meter.OpConsume && !slices.Contains(topics, r.Labels.Topic) {
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
	h := NewHooks(openOffline(t, report.Config{}))
	reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ShareGroup("ledger"), kgo.ConsumeTopics("orders"))
	if got := h.measured.Labels().Group; got != "ledger" {
		t.Errorf("the label group is %q, want that of the share group", got)
	}
}
