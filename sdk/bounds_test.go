package weir

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTopicsBeyondTheBound sends to more topics than have meters: the totals are right,
// and what is beyond is counted as one topic.
func TestTopicsBeyondTheBound(t *testing.T) {
	const maxTopics, topics, each = 3, 20, 50
	_, reports := startClusters(t)
	c := open(t, reports, Config{MaxTopics: maxTopics})
	h := c.Hooks()
	client := dial(t, []string{nowhere}, kgo.WithHooks(h))
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
	for _, op := range []string{opSend, opConsume} {
		got := sum(all, seriesOf{op: op})
		want(t, op+": messages", got.Messages, 4*topics*each)
		want(t, op+": bytes", got.Bytes, 4*topics*each*5)
		beyond := sum(all, seriesOf{op: op, topic: overflowTopic})
		want(t, op+": messages beyond the bound", beyond.Messages, 4*(topics-maxTopics)*each)
		own := map[string]bool{}
		for _, r := range all {
			own[r.Labels.Topic] = true
		}
		want(t, op+": topics reported", uint64(len(own)), maxTopics+1)
	}
}

// TestATopicHasOneMeter asks for a new topic's meter twice, as goroutines do that see
// it at once, where it is the last that has one of its own.
func TestATopicHasOneMeter(t *testing.T) {
	h := offlineClient(t, Config{MaxTopics: 1}).Hooks()
	if first, second := h.newMeter(&h.sends, "orders"), h.newMeter(&h.sends, "orders"); first != second {
		t.Errorf("the topic is counted as %s and as %s", first.topic, second.topic)
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
	c := open(t, reports, Config{Node: "till-7"})
	for _, name := range names {
		h := c.Hooks()
		id := name[:min(len(name), 256)] // franz-go takes no longer one
		client := dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID(id), kgo.ConsumerGroup(name), kgo.ConsumeTopics("orders"))
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: name}, nil)
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "failing"}, nil)
		client.Close()
		if !strings.Contains(h.labels.Client, "@till-7-") || h.labels.Group == "" {
			t.Errorf("client %.20q has labels client %q and group %q", name, h.labels.Client, h.labels.Group)
		}
	}
	mustClose(t, c)
	want(t, "messages", sum(readReports(t, reports), seriesOf{op: opSend}).Messages, uint64(2*len(names)))
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
			c := open(t, reports, Config{Interval: maxInterval})
			h := c.Hooks()
			client := dial(t, []string{nowhere}, kgo.WithHooks(h))
			for range 1000 {
				h.OnFetchRecordUnbuffered(&kgo.Record{Topic: "orders", Timestamp: test.timestamp}, true)
			}
			client.Close()
			mustClose(t, c)
			got := sum(readReports(t, reports), seriesOf{op: opConsume})
			want(t, "messages", got.Messages, 1000)
			want(t, "sizes", got.SizeBytes.Count(), 1000)
			want(t, "delays", got.DelayMicros.Count(), test.delays)
		})
	}
}

// TestDelay holds the delay to the microsecond.
func TestDelay(t *testing.T) {
	stamp := time.UnixMilli(1_700_000_000_123)
	for _, test := range []struct {
		later time.Duration
		want  uint64
	}{{0, 0}, {1999, 1}, {time.Millisecond, 1000}, {1500 * time.Millisecond, 1_500_000}, {-time.Second, 0}} {
		if got, known := delayMicros(stamp, stamp.UnixNano()+int64(test.later)); got != test.want || !known {
			t.Errorf("%s after its timestamp a message is %d us old, want %d", test.later, got, test.want)
		}
	}
}
