package kafka

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// TestLatencyEndsWithItsAnswer holds that answers to produce requests, and produce requests
// that have none, end the records that come after them: what meter makes of it is tested there.
func TestLatencyEndsWithItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hooks{measured: meter.NewRegistry(meter.Settings{MaxTopics: 1}).NewClient(meter.Identity{}, nil)}
		records := businessRecords(4)
		for _, r := range records {
			h.OnProduceRecordBuffered(r)
		}
		for i, end := range []func(){
			func() { h.OnBrokerE2E(kgo.BrokerMetadata{}, produceKey, kgo.BrokerE2E{}) },
			func() {}, // a callback
			func() { h.OnBrokerWrite(kgo.BrokerMetadata{}, produceKey, 0, 0, 0, nil) },
			func() { h.OnBrokerE2E(kgo.BrokerMetadata{}, 1, kgo.BrokerE2E{}) }, // of a fetch
		} {
			<-time.NewTimer(time.Second).C
			end()
			h.OnProduceRecordUnbuffered(records[i], nil)
		}
		got := taken(h)[reported.Series{Op: meter.OpSend, Topic: "orders"}]
		const answered = (1 + 1 + 3 + 3) * 1_000_000
		reported.Want(t, "sum of latencies", got.LatencyMicros.Sum, answered)
	})
}

// answerOrder fails where a record ends before kgo tells of the answer to its request,
// or of the request where it has no answer.
type answerOrder struct {
	t                *testing.T
	unanswered       bool
	answers, ended   atomic.Int64
	answersWhenBegun atomic.Int64
}

func (o *answerOrder) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if o.unanswered && key == produceKey {
		o.answers.Add(1)
	}
}

func (o *answerOrder) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, _ kgo.BrokerE2E) {
	if !o.unanswered && key == produceKey {
		o.answers.Add(1)
	}
}

func (o *answerOrder) OnProduceRecordBuffered(*kgo.Record) {
	o.answersWhenBegun.Store(o.answers.Load())
}

func (o *answerOrder) OnProduceRecordUnbuffered(_ *kgo.Record, err error) {
	o.ended.Add(1)
	if answers, before := o.answers.Load(), o.answersWhenBegun.Load(); err != nil || answers != before+1 {
		o.t.Errorf("the record ended with %v after %d answers, %d of them before it began: want one since then", err, answers, before)
	}
}

// TestRecordsEndAfterTheirAnswer holds what latencies build on, with one record at a
// time: kgo tells of an answer before it ends the records.
func TestRecordsEndAfterTheirAnswer(t *testing.T) {
	for name, acks := range map[string]kgo.Acks{"all": kgo.AllISRAcks(), "none": kgo.NoAck()} {
		t.Run("acks="+name, func(t *testing.T) {
			const records = 100
			measured, _ := startClusters(t, "orders")
			order := &answerOrder{t: t, unanswered: name == "none"}
			client := reported.Dial(t, measured, kgo.WithHooks(order), kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
			for i := range records {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			reported.Want(t, "records ended", uint64(order.ended.Load()), records)
		})
	}
}
