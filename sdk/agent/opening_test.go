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
// by each poll, that a poll of few opens all of those, and that what is beyond is given as it came, with its header.
func TestWhatIsOpenAtOnceIsBounded(t *testing.T) {
	t.Parallel()
	const valueBytes, values, fit = 1 << 20, 20, 5
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled, Log: slog.New(slog.DiscardHandler)}, report.Config{})
	compressed, worth := a.Producer(reported.Dial(t, s.addrs)).bound.client.Compress(make([]byte, valueBytes))
	if !worth {
		t.Fatal("zeroes are not worth compressing")
	}
	for i := range values {
		s.send(&kgo.Record{Topic: "orders", Partition: 0, Key: fmt.Append(nil, i), Value: compressed,
			Headers: []kgo.RecordHeader{{Key: applied.EncodingHeader, Value: []byte(applied.EncodingZstd)}}})
	}
	for what, test := range map[string]struct{ most, opened int }{"one poll of all": {values, 2 * fit}, "polls of few": {fit, values}} {
		hook := a.newOpenHook(fit * valueBytes)
		c := reported.Dial(t, s.addrs, kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(hook))
		reported.Eventually(t, what+": all is fetched", func() bool { return c.BufferedFetchRecords() == values })
		hook.mu.Lock()
		open := hook.bytes
		hook.mu.Unlock()
		if open != fit*valueBytes {
			t.Errorf("%s: %d bytes are open before they are polled, want %d", what, open, fit*valueBytes)
		}
		opened, asTheyCame := 0, 0
		for opened+asTheyCame < values {
			c.PollRecords(t.Context(), test.most).EachRecord(func(r *kgo.Record) {
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
