package kafka

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestWhatAPauseThrowsAwayIsNotConsumed: messages that had been fetched when their topic or partition was paused are given to the application
// after the pause, and count once.
func TestWhatAPauseThrowsAwayIsNotConsumed(t *testing.T) {
	const messages = 20
	for name, pause := range map[string]struct{ begin, end func(*kgo.Client) }{
		"topic": {func(c *kgo.Client) { c.PauseFetchTopics("orders") }, func(c *kgo.Client) { c.ResumeFetchTopics("orders") }},
		"partition": {func(c *kgo.Client) { c.PauseFetchPartitions(map[string][]int32{"orders": {0}}) },
			func(c *kgo.Client) { c.ResumeFetchPartitions(map[string][]int32{"orders": {0}}) }},
	} {
		for _, most := range []int{0, 3, 1000} {
			t.Run(fmt.Sprintf("%s, polls of %d", name, most), func(t *testing.T) {
				measured, reports := startClusters(t, "orders")
				hooks := NewHooks(open(t, reports, report.Config{Cluster: "shop", Interval: seldom}))
				client := reported.Dial(t, measured, kgo.WithHooks(hooks), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"orders": {0: kgo.NewOffset().AtStart()}}),
					kgo.RecordPartitioner(kgo.ManualPartitioner()))
				for i := range messages {
					if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
				given := 0
				poll := func(ctx context.Context) {
					fetches := client.PollRecords(ctx, most)
					given += fetches.NumRecords()
				}
				reported.Eventually(t, "something is fetched", func() bool { return client.BufferedFetchRecords() > 0 })
				pause.begin(client)
				poll(nil) // of what is there
				if given != 0 {
					t.Fatalf("%d messages were given while they were paused", given)
				}
				pause.end(client)
				for given < messages {
					poll(t.Context())
				}
				got := taken(hooks)[reported.Series{Op: meter.OpConsume, Topic: "orders"}].Messages
				if got != messages {
					t.Errorf("%d of %d messages are reported as consumed", got, messages)
				}
			})
		}
	}
}
