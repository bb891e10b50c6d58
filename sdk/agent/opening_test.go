package agent

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestWhatIsOpenAtOnceIsBounded holds that values which were compressed on their way are opened within the bound, before they are polled and
// by each poll, also by that of a Consumer, that a poll of few opens all of those, and that what is beyond is given as it came, with its header.
func TestWhatIsOpenAtOnceIsBounded(t *testing.T) {
	t.Parallel()
	const valueBytes, values, fit = 1 << 20, 20, 5
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled, Log: slog.New(slog.DiscardHandler)}, report.Config{})
	compressed, worth := a.Producer(reported.Dial(t, s.addrs)).bound.client.Compress(make([]byte, valueBytes))
	if !worth {
		t.Fatal("zeroes are not worth compressing")
	}
	s.writer = reported.Dial(t, s.addrs, kgo.RecordPartitioner(kgo.ManualPartitioner())) // to one partition: until it is polled, a client fetches once, maybe not of all
	for i := range values {
		s.send(&kgo.Record{Topic: "orders", Partition: 0, Key: fmt.Append(nil, i), Value: compressed,
			Headers: []kgo.RecordHeader{{Key: applied.EncodingHeader, Value: []byte(applied.EncodingZstd)}}})
	}
	for what, test := range map[string]struct {
		most, opened int
		consumer     bool
	}{"one poll of all": {values, 2 * fit, false}, "polls of few": {fit, values, false}, "one poll of a Consumer": {values, 2 * fit, true}} {
		hook := a.newOpenHook(fit * valueBytes)
		c := reported.Dial(t, s.addrs, kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(hook))
		reported.Eventually(t, what+": all is fetched", func() bool { return c.BufferedFetchRecords() == values })
		hook.mu.Lock()
		open := hook.bytes
		hook.mu.Unlock()
		if open != fit*valueBytes {
			t.Errorf("%s: %d bytes are open before they are polled, want %d", what, open, fit*valueBytes)
		}
		opened, asTheyCame, poll := 0, 0, c.PollRecords
		if test.consumer {
			poll = a.Consumer(c).PollRecords
		}
		for opened+asTheyCame < values {
			fetches := poll(t.Context(), test.most)
			fetches.EachRecord(func(r *kgo.Record) {
				if len(r.Headers) == 0 && len(r.Value) == valueBytes {
					opened++
				} else if len(r.Headers) == 1 && len(r.Value) == len(compressed) {
					asTheyCame++
				}
			})
		}
		if opened != test.opened {
			t.Errorf("%s: %d values are opened and %d given as they came, want %d opened", what, opened, asTheyCame, test.opened)
		}
		if len(hook.buffered) != 0 || hook.bytes != 0 {
			t.Errorf("%s: the hook keeps %d records of %d bytes when all are polled", what, len(hook.buffered), hook.bytes)
		}
		c.Close()
	}
}

// TestAConsumerOpensWhatNoHookDid holds that a Consumer gives values as they were sent where its client was made without KafkaOpts.
func TestAConsumerOpensWhatNoHookDid(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled, Log: slog.New(slog.DiscardHandler)}, report.Config{})
	sent := make([]byte, 1<<16)
	compressed, _ := a.Producer(reported.Dial(t, s.addrs)).bound.client.Compress(sent)
	s.send(&kgo.Record{Topic: "orders", Value: compressed, Headers: []kgo.RecordHeader{{Key: applied.EncodingHeader, Value: []byte(applied.EncodingZstd)}}})
	c := reported.Dial(t, s.addrs, kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	fetches := a.Consumer(c).PollFetches(t.Context())
	records := fetches.Records()
	if len(records) != 1 || len(records[0].Value) != len(sent) || len(records[0].Headers) != 0 {
		t.Errorf("got %d records, want one with %d bytes and no header", len(records), len(sent))
	}
}
