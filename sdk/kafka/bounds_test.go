package kafka

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestTopicsBeyondTheBound sends to more topics than have meters: the totals are right,
// and what is beyond is counted as one topic.
func TestTopicsBeyondTheBound(t *testing.T) {
	const maxTopics, topics, each = 3, 20, 50
	_, reports := startClusters(t)
	c := open(t, reports, report.Config{MaxTopics: maxTopics})
	h := NewHooks(c)
	client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h))
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for i := range topics * each {
				r := &kgo.Record{Topic: fmt.Sprint("topic-", i%topics), Value: []byte("12345")}
				h.OnProduceRecordUnbuffered(r, nil)
				h.OnFetchRecordUnbuffered(r, true)
			}
		})
	}
	sending.Wait()
	client.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	for _, op := range []string{meter.OpSend, meter.OpConsume} {
		got := reported.Sum(all, reported.Series{Op: op})
		reported.Want(t, op+": messages", got.Messages, 4*topics*each)
		reported.Want(t, op+": bytes", got.Bytes, 4*topics*each*5)
		beyond := reported.Sum(all, reported.Series{Op: op, Topic: meter.OverflowTopic})
		reported.Want(t, op+": messages beyond the bound", beyond.Messages, 4*(topics-maxTopics)*each)
		own := map[string]bool{}
		for _, r := range all {
			own[r.Labels.Topic] = true
		}
		reported.Want(t, op+": topics reported", uint64(len(own)), maxTopics+1)
	}
}

// names are those that a client may have and a report may not.
var names = map[string]string{
	"long":                  strings.Repeat("n", 1000),
	"long, of wide letters": strings.Repeat("ü", 200),
	"not UTF-8":             "name-\xff\xfe",
	"with NUL":              "na\x00me",
	"with line breaks":      "na\nme\u0085",
}

// TestNamesOfClientsNeverSpoilReports gives client and group names that the ingest
// stage would refuse. The host and the process stay part of the client label.
func TestNamesOfClientsNeverSpoilReports(t *testing.T) {
	_, reports := startClusters(t)
	c := open(t, reports, report.Config{Node: "till-7"})
	for _, name := range names {
		h := NewHooks(c)
		id := name[:min(len(name), 256)] // franz-go takes no longer one
		client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID(id), kgo.ConsumerGroup(name), kgo.ConsumeTopics("orders"))
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: name}, nil)
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "failing"}, nil)
		client.Close()
		if !strings.Contains(h.measured.Labels().Client, "@till-7-") || h.measured.Labels().Group == "" {
			t.Errorf("client %.20q has labels client %q and group %q", name, h.measured.Labels().Client, h.measured.Labels().Group)
		}
	}
	mustClose(t, c)
	reported.Want(t, "messages", reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpSend}).Messages, uint64(2*len(names)))
}

// TestMessagesOfAnyAgeAreReported consumes messages whose timestamps are missing, wrong
// or so old that their delays add up to more than the ingest stage takes.
func TestMessagesOfAnyAgeAreReported(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		what      string
		timestamp time.Time
		delays    uint64
	}{
		{"a month old", now.Add(-30 * 24 * time.Hour), 1000},
		{"no timestamp", time.UnixMilli(-1), 0},
		{"the time of 1970", time.UnixMilli(0), 0},
		{"the second of 1970", time.UnixMilli(1000), 1000},
		{"no time", time.Time{}, 0},
		{"tomorrow", now.Add(24 * time.Hour), 1000},
		{"the greatest timestamp", time.UnixMilli(math.MaxInt64), 1000},
		{"the least timestamp", time.UnixMilli(math.MinInt64), 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, reports := startClusters(t)
			c := open(t, reports, report.Config{Interval: seldom})
			h := NewHooks(c)
			client := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h))
			for range 1000 {
				h.OnFetchRecordUnbuffered(&kgo.Record{Topic: "orders", Timestamp: test.timestamp}, true)
			}
			client.Close()
			mustClose(t, c)
			got := reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpConsume})
			reported.Want(t, "messages", got.Messages, 1000)
			reported.Want(t, "sizes", got.SizeBytes.Count(), 1000)
			reported.Want(t, "delays", got.DelayMicros.Count(), test.delays)
		})
	}
}
