package kafka

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// noise is so many bytes that nothing compresses.
func noise(size int) []byte {
	out, random := make([]byte, size), rand.NewChaCha8([32]byte{})
	_, _ = random.Read(out) // never fails, by its documentation
	return out
}

// startSized runs a cluster with topic orders of one partition that takes messages of 3 MB, and sends it a large message and a small one behind.
func startSized(t *testing.T, large *kgo.Record) []string {
	t.Helper()
	addrs := startBroker(t, "").Addrs()
	client := reported.Dial(t, addrs, kgo.ProducerBatchMaxBytes(4<<20))
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("3000000")}, "orders"); err != nil {
		t.Fatal(err)
	}
	large.Topic = "orders"
	for _, r := range []*kgo.Record{large, {Topic: "orders", Key: []byte("small"), Value: []byte("behind")}} {
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return addrs
}

// lettersOf reads so many dead letters of topic orders for the group billing.
func lettersOf(t *testing.T, addrs []string, count int) []*kgo.Record {
	t.Helper()
	client := reported.Dial(t, addrs, kgo.ConsumeTopics("orders.billing.dead-letter"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), reported.Patience)
	defer cancel()
	var out []*kgo.Record
	for len(out) < count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("got %d dead letters of %d: %v", len(out), count, err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func headersByKey(r *kgo.Record) map[string]string {
	out := map[string]string{}
	for _, h := range r.Headers {
		out[h.Key] = string(h.Value)
	}
	return out
}

func failAlways(context.Context, []*weir.Delivery) error { return errors.New("nobody can") }

// TestADeadLetterThatIsTooLargeHasNoBody holds that a message which the topic of dead letters does not take is put away without its body, that
// this is counted, and that its partition goes on.
func TestADeadLetterThatIsTooLargeHasNoBody(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	addrs := startSized(t, &kgo.Record{Key: []byte("large"), Value: noise(2_000_000), Headers: []kgo.RecordHeader{{Key: "note", Value: noise(900_000)}, {Key: meter.TraceparentHeader, Value: []byte(trace)}}})
	reports := startBroker(t, "").Addrs()
	reported.CreateTopic(t, reports)
	reported.CreateTopics(t, addrs, "orders.billing.dead-letter") // somebody has, and it takes what topics take by default
	telemetry := open(t, reports, report.Config{})
	_, end := openReceiver(t, addrs, failAlways, func(c *weir.ReceiverConfig) { c.Reporter = telemetry })
	for _, letter := range lettersOf(t, addrs, 2) {
		headers := headersByKey(letter)
		switch string(letter.Key) {
		case "large":
			if len(letter.Value) != 0 || letter.Value == nil || headers[HeaderDeadBodyBytes] != "2000000" || headers[meter.TraceparentHeader] != trace || headers["note"] != "" {
				t.Errorf("a body of %d bytes (nil: %v), headers %q: want neither a body nor the other header, and how large the body was", len(letter.Value), letter.Value == nil, headers)
			}
			if headers[HeaderDeadTopic] != "orders" || headers[HeaderDeadPartition] != "0" || headers[HeaderDeadOffset] != "0" || headers[HeaderDeadError] != "nobody can" {
				t.Errorf("headers are %q: want where the message is", headers)
			}
		case "small":
			if _, without := headers[HeaderDeadBodyBytes]; without || string(letter.Value) != "behind" {
				t.Errorf("the small one is %q with headers %q: want it whole", letter.Value, headers)
			}
		default:
			t.Errorf("a letter has the key %q", letter.Key)
		}
	}
	end()
	mustClose(t, telemetry)
	total := reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpSend, Topic: "orders.billing.dead-letter"})
	reported.Want(t, "letters reported as sent", total.Messages, 2)
	refused := total.ErrorsByClass["too_large"]
	if refused != 1 && refused != 2 {
		t.Errorf("%d letters are reported as too large: want one, or two where the answer took longer than deadLetterAlone and it was sent once more", refused)
	}
	reported.WantErrors(t, total, map[string]uint64{"too_large": refused})
}

// TestDeadLettersMayBeAsLargeAsTheirMessages holds that the topic which is created for them takes what the consumed one takes.
func TestDeadLettersMayBeAsLargeAsTheirMessages(t *testing.T) {
	t.Parallel()
	value := noise(2_999_900) // with headers about it, it is too large
	addrs := startSized(t, &kgo.Record{Key: []byte("large"), Value: value})
	openReceiver(t, addrs, failAlways, nil)
	letters := lettersOf(t, addrs, 2)
	if !bytes.Equal(letters[0].Value, value) {
		t.Errorf("a body of %d bytes with headers %q: want it whole", len(letters[0].Value), headersByKey(letters[0]))
	}
}

// TestProducerOptionsOfTheProgramCount holds that bounds which the program sets for what is sent hold for dead letters, too.
func TestProducerOptionsOfTheProgramCount(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]kgo.Opt{
		"batches": {kgo.ProducerBatchMaxBytes(1 << 20)},
		"writes":  {kgo.BrokerMaxWriteBytes(2 << 20), kgo.BrokerMaxReadBytes(200 << 20)}, // less than a dead letter might need
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addrs := startSized(t, &kgo.Record{Key: []byte("large"), Value: noise(2_900_000)})
			openReceiver(t, addrs, failAlways, nil, options...)
			letters := lettersOf(t, addrs, 2)
			if headers := headersByKey(letters[0]); headers[HeaderDeadBodyBytes] != strconv.Itoa(2_900_000) {
				t.Errorf("a body of %d bytes with headers %q: want none", len(letters[0].Value), headers)
			}
		})
	}
}

// TestALargeKeyIsLeftOutToo holds that a letter without its body is small whatever the message had.
func TestALargeKeyIsLeftOutToo(t *testing.T) {
	t.Parallel()
	r := &receiver{config: weir.ReceiverConfig{Group: "billing", Route: weir.Route{Topic: "orders"}}}
	from := &kgo.Record{Topic: "orders", Key: noise(maxDeadKeyBytes + 1), Headers: []kgo.RecordHeader{{Key: meter.TraceparentHeader, Value: noise(maxDeadKeyBytes + 1)}}}
	letter := r.letterWithoutBody(from, r.deadHeaders(from, 1, errors.New(string(noise(1<<20)))))
	size := len(letter.Key)
	for _, h := range letter.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if size > deadHeadersBytes || letter.Key != nil {
		t.Errorf("it has %d bytes, %d of them its key: want at most %d", size, len(letter.Key), deadHeadersBytes)
	}
}
