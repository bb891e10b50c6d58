package meter

// Message is what is measured of one message. It is a value: making one allocates nothing.
type Message struct {
	Topic     string
	Partition int32
	Offset    int64 // below 0 where it is not known
	// ID names the message for whoever sends and receives it. Where it is empty, topic,
	// partition and offset do.
	ID string
	// Trace is the trace id of its traceparent, as TraceOf returns it; empty is none.
	Trace []byte
	// StampMillis is the message's timestamp, Unix milliseconds, and may be anything; 0 and
	// below is none.
	StampMillis int64
	Bytes       uint64 // uncompressed: what counts, the package of each system says

	hash uint64 // by which it is sampled, once that was asked for
}

// delayMicros is how old the message is; known is false where it has no timestamp.
func (m *Message) delayMicros(nowNanos int64) (micros uint64, known bool) {
	stamp := m.StampMillis
	if stamp <= 0 {
		return 0, false
	}
	if stamp > nowNanos/nanosPerMilli {
		return 0, true
	}
	return uint64(nowNanos-stamp*nanosPerMilli) / nanosPerMicro, true
}
