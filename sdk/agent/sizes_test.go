package agent

import (
	"bytes"
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// received is what a plain client reads of a topic, and what it reads with an agent's options.
func (s *shop) received(a *Agent, topic string, count int) (plain, opened map[string]*kgo.Record) {
	s.t.Helper()
	read := func(options ...kgo.Opt) map[string]*kgo.Record {
		c := reported.Dial(s.t, s.addrs, append(options, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		defer c.Close()
		out := map[string]*kgo.Record{}
		for len(out) < count {
			fetches := c.PollFetches(s.t.Context())
			if err := fetches.Err(); err != nil {
				s.t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) { out[string(r.Key)] = r })
		}
		return out
	}
	return read(), read(a.KafkaOpts()...)
}

// TestLargeMessages holds what becomes of messages by their size: flagged ones are counted, larger ones travel compressed and come out as they
// went in, and the largest are refused and counted as failed.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	producer := a.Producer(reported.Dial(t, s.addrs))
	s.put(command("large", "orders", func(c *control.Command) {
		c.LargeMessages = &control.LargeMessages{FlagBytes: 2000, CompressBytes: 10_000, RefuseBytes: 100_000}
	}))
	noise := make([]byte, 20_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	reported.Eventually(t, "the command applies", func() bool { return producer.bound.client.SendsTouched("orders") })
	messages := map[string][]byte{"small": []byte("one"), "flagged": bytes.Repeat([]byte("order "), 1000), "at the limit": bytes.Repeat([]byte{'x'}, 10_000),
		"text": bytes.Repeat([]byte("order "), 10_000), "noise": noise}
	headers := []kgo.RecordHeader{{Key: "source", Value: []byte("shop")}}
	var sent sync.WaitGroup
	for key, value := range messages {
		r := &kgo.Record{Topic: "orders", Key: []byte(key), Value: value, Headers: headers}
		sent.Add(1)
		producer.Produce(t.Context(), r, func(r *kgo.Record, err error) {
			defer sent.Done()
			if err != nil || !bytes.Equal(r.Value, value) || len(r.Headers) != 1 {
				t.Errorf("%s: the promise gets %d bytes with %d headers and %v: want the record as it was", key, len(r.Value), len(r.Headers), err)
			}
		})
	}
	sent.Wait()
	err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Key: []byte("huge"), Value: make([]byte, 100_001)}).FirstErr()
	const want = "the message is larger than a command allows: its value has 100001 bytes, at most 100000 are allowed by large@1; send less, or have the command changed; the message was not sent"
	if !errors.Is(err, ErrTooLarge) || err.Error() != want {
		t.Errorf("a message that is too large: got %v\nwant %s", err, want)
	}

	plain, opened := s.received(a, "orders", len(messages))
	for key, value := range messages {
		if r := opened[key]; r == nil || !bytes.Equal(r.Value, value) || len(r.Headers) != 1 || r.Headers[0].Key != "source" {
			t.Errorf("%s does not come out as it went in: %d headers", key, len(r.Headers))
		}
		compressed := len(plain[key].Headers) == 2 && plain[key].Headers[1].Key == applied.EncodingHeader && string(plain[key].Headers[1].Value) == "zstd"
		if compressed != (key == "text") || compressed && len(plain[key].Value) > len(value)/10 {
			t.Errorf("%s travels with %d bytes of %d, compressed: %t", key, len(plain[key].Value), len(value), compressed)
		}
	}
	state := a.State().Clients[0]
	if state.Flagged != 5 || state.Compressed != 1 || state.TooLarge != 1 {
		t.Errorf("%d are flagged, %d compressed, %d too large: want 5, 1, 1", state.Flagged, state.Compressed, state.TooLarge)
	}
}

// TestWhatCannotBeOpenedIsGivenAsItIs holds that a value with the header that is none of this encoding, or one that opens to more than memory
// allows, does not harm the host.
func TestWhatCannotBeOpenedIsGivenAsItIs(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	client := a.Producer(reported.Dial(t, s.addrs)).bound.client
	bomb, _ := client.Compress(make([]byte, 64<<20))
	values := map[string]kgo.RecordHeader{"no frame": {Key: applied.EncodingHeader, Value: []byte("zstd")}, "unknown": {Key: applied.EncodingHeader, Value: []byte("br")},
		"nil": {Key: applied.EncodingHeader}}
	for key, header := range values {
		s.send(&kgo.Record{Topic: "orders", Key: []byte(key), Value: []byte(key), Headers: []kgo.RecordHeader{header}})
	}
	_, opened := s.received(a, "orders", len(values))
	for key := range values {
		if r := opened[key]; string(r.Value) != key || len(r.Headers) != 1 {
			t.Errorf("%s is given as %q with %d headers", key, r.Value, len(r.Headers))
		}
	}
	if value, err := a.commands.Open("zstd", append(bomb, bomb...), maxOpenBytes); err == nil {
		t.Errorf("a value that opens to %d bytes is opened", len(value))
	}
}
