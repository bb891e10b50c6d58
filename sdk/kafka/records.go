package kafka

import (
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// Keys of the requests whose going and coming the hooks follow.
const (
	produceKey = 0
	// syncGroupKey is what a member sends once in each generation of its group, after it
	// was told the generation.
	syncGroupKey = 14
)

// OnProduceRecordBuffered starts a message's send latency; kgo calls it.
func (h *Hooks) OnProduceRecordBuffered(r *kgo.Record) {
	if h.injects {
		injectTraceparent(r)
	}
	h.measured.Begin(keyOf(r))
}

// OnProduceRecordUnbuffered counts a message that was acknowledged or failed; kgo
// calls it.
func (h *Hooks) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	var m meter.Message
	describe(&m, r)
	switch {
	case err != nil:
		m.Offset = -1
		h.measured.Failed(keyOf(r), &m, classOf(err))
		return
	case h.unanswered.Load():
		m.Offset = -1
	}
	h.measured.Sent(keyOf(r), &m)
}

// OnBrokerWrite notes that records may end soon that ask for no acknowledgement; kgo
// calls it.
func (h *Hooks) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == produceKey {
		h.measured.Answered()
	}
}

// OnBrokerE2E notes that records may end soon, and looks at the group when the client
// has asked for its share of a new generation: the callbacks that tell of it belong to
// the application. kgo calls it before it handles the answer.
func (h *Hooks) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, _ kgo.BrokerE2E) {
	switch key {
	case produceKey:
		h.measured.Answered()
	case syncGroupKey:
		h.lookAtGroup(h.measured.WallMillis())
	}
}

// OnFetchRecordUnbuffered counts a message that the application was given; kgo calls it.
func (h *Hooks) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if !polled || r.Attrs.IsControl() {
		return // it is given back by a rebalance or by Close; or it is the end of a transaction, and no message
	}
	var m meter.Message
	describe(&m, r)
	m.StampMillis = r.Timestamp.UnixMilli()
	poll := h.polls.Load() + 1
	if !h.measured.ReceivedTogether(poll, &m) {
		h.measured.ReceivedFirst(poll, &m, h.isThrownAway(r))
	}
}

// keyOf names the record while it is sent: the client holds it until it is unbuffered, so
// its address names one record meanwhile.
func keyOf(r *kgo.Record) uintptr { return uintptr(unsafe.Pointer(r)) }

// A record is no smaller than keys are apart: this does not compile otherwise.
const _ = uint(unsafe.Sizeof(kgo.Record{}) - meter.KeyBytes)

// describe fills in what is measured of a record, wherever it is.
func describe(m *meter.Message, r *kgo.Record) {
	m.Topic, m.Partition, m.Offset = r.Topic, r.Partition, r.Offset
	size := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		h := &r.Headers[i]
		size += len(h.Key) + len(h.Value)
		if h.Key == meter.TraceparentHeader && m.Trace == nil { // the first valid one
			m.Trace = meter.TraceOf(h.Value)
		}
	}
	m.Bytes = uint64(size)
}

// injectTraceparent adds a new trace's header to a record that has none. The record
// gets headers of its own: the host may share one slice between records.
func injectTraceparent(r *kgo.Record) {
	for _, h := range r.Headers {
		if h.Key == meter.TraceparentHeader {
			return
		}
	}
	headers := make([]kgo.RecordHeader, 0, len(r.Headers)+1)
	r.Headers = append(append(headers, r.Headers...), kgo.RecordHeader{Key: meter.TraceparentHeader, Value: meter.NewTraceparent()})
}
