package weir

import (
	"encoding/hex"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

// traceparentHeader is the header of W3C Trace Context, level 1:
// version "00", trace id, parent id and flags in hexadecimal, joined by dashes.
const traceparentHeader = "traceparent"

const (
	traceparentBytes = 55
	traceIDAt        = 3
	traceIDEnd       = traceIDAt + 32
)

// traceID returns the trace id of a record's traceparent header, "" where there is
// none that can be read.
func traceID(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key != traceparentHeader || len(h.Value) < traceparentBytes || h.Value[traceIDAt-1] != '-' || h.Value[traceIDEnd] != '-' {
			continue
		}
		id := h.Value[traceIDAt:traceIDEnd]
		if isHex(id) {
			return string(id)
		}
	}
	return ""
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// injectTraceparent adds a new trace's header to a record that has none.
func injectTraceparent(r *kgo.Record) {
	for _, h := range r.Headers {
		if h.Key == traceparentHeader {
			return
		}
	}
	var ids [24]byte // trace id and parent id; all zeros are invalid, and never come
	for i := range ids {
		ids[i] = byte(rand.Uint32())
	}
	ids[0], ids[16] = ids[0]|1, ids[16]|1
	value := make([]byte, 0, traceparentBytes)
	value = append(value, "00-"...)
	value = hex.AppendEncode(value, ids[:16])
	value = append(value, '-')
	value = hex.AppendEncode(value, ids[16:])
	value = append(value, "-01"...)
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: traceparentHeader, Value: value})
}
