package weir

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLatencyEndsWithTheAnswer holds whose time counts: records that one answer
// acknowledged ended with it, however long the application's callbacks of those before
// them took. Without an answer a record ends when kgo says so.
func TestLatencyEndsWithTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHooks(&Client{config: Config{MaxTopics: 1}, clock: newClock()})
		pass(time.Hour)
		records := businessRecords(5)
		latency := func(r *kgo.Record) time.Duration {
			m := h.meter(&h.sends, r.Topic)
			before := m.latency.sum
			h.OnProduceRecordUnbuffered(r, nil)
			return time.Duration(m.latency.sum-before) * time.Microsecond
		}
		wantLatency := func(what string, r *kgo.Record, expected time.Duration) {
			t.Helper()
			if got := latency(r); got != expected {
				t.Errorf("%s: latency %s, want %s", what, got, expected)
			}
		}
		for _, r := range records[:3] {
			h.OnProduceRecordBuffered(r)
		}
		pass(10 * time.Millisecond)
		h.OnBrokerE2E(kgo.BrokerMetadata{}, produceKey, kgo.BrokerE2E{})
		wantLatency("the first of an answer", records[0], 10*time.Millisecond)
		pass(50 * time.Millisecond) // a callback
		wantLatency("the second of an answer", records[1], 10*time.Millisecond)
		h.OnProduceRecordBuffered(records[3])
		pass(5 * time.Millisecond)
		wantLatency("one that began after the answer", records[3], 5*time.Millisecond)
		h.OnProduceRecordBuffered(records[4])
		pass(7 * time.Millisecond)
		h.OnBrokerWrite(kgo.BrokerMetadata{}, produceKey, 0, 0, 0, nil)
		wantLatency("the first of the next answer", records[2], 72*time.Millisecond)
		pass(time.Millisecond)
		wantLatency("another of the next answer", records[4], 7*time.Millisecond)
	})
}

// pass lets time pass in a bubble, whose clock stands still while somebody works.
func pass(d time.Duration) { <-time.NewTimer(d).C }

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
			client := dial(t, measured, kgo.WithHooks(order), kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
			for i := range records {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			want(t, "records ended", uint64(order.ended.Load()), records)
		})
	}
}
