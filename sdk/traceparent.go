package weir

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

// traceparentHeader is the header of W3C Trace Context, level 1:
// version "00", trace id, parent id and flags in hexadecimal, joined by dashes.
const traceparentHeader = "traceparent"

// Where things are in a traceparent; a later version may have more after a dash.
const (
	versionEnd       = 2
	traceIDAt        = 3
	traceIDEnd       = traceIDAt + 32
	parentIDAt       = traceIDEnd + 1
	parentIDEnd      = parentIDAt + 16
	flagsAt          = parentIDEnd + 1
	traceparentBytes = flagsAt + 2
)

// traceID is a trace id in hexadecimal; the zero value is none.
type traceID [traceIDEnd - traceIDAt]byte

func (t traceID) String() string {
	if t == (traceID{}) {
		return ""
	}
	return string(t[:])
}

// traceOf returns the trace id of the traceparent header of a record's headers, none where
// there is no valid one.
func traceOf(headers []kgo.RecordHeader) (id traceID) {
	for _, h := range headers {
		if h.Key == traceparentHeader && isTraceparent(h.Value) {
			copy(id[:], h.Value[traceIDAt:traceIDEnd])
			return id
		}
	}
	return id
}

func isTraceparent(value []byte) bool {
	if len(value) < traceparentBytes || value[versionEnd] != '-' || value[traceIDEnd] != '-' || value[parentIDEnd] != '-' {
		return false
	}
	version := string(value[:versionEnd])
	if len(value) > traceparentBytes && (version == "00" || value[traceparentBytes] != '-') {
		return false
	}
	return version != "ff" && isHex(value[:versionEnd]) && isID(value[traceIDAt:traceIDEnd]) &&
		isID(value[parentIDAt:parentIDEnd]) && isHex(value[flagsAt:traceparentBytes])
}

// isID says that b is hexadecimal and not all zeros, which is no id.
func isID(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return isHex(b)
		}
	}
	return false
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// injectTraceparent adds a new trace's header to a record that has none. The record
// gets headers of its own: the host may share one slice between records.
func injectTraceparent(r *kgo.Record) {
	for _, h := range r.Headers {
		if h.Key == traceparentHeader {
			return
		}
	}
	var ids [24]byte // trace id and parent id; all zeros are invalid, and never come
	for at := 0; at < len(ids); at += 8 {
		binary.BigEndian.PutUint64(ids[at:], rand.Uint64())
	}
	ids[0], ids[16] = ids[0]|1, ids[16]|1
	value := make([]byte, 0, traceparentBytes)
	value = append(value, "00-"...)
	value = hex.AppendEncode(value, ids[:16])
	value = append(value, '-')
	value = hex.AppendEncode(value, ids[16:])
	value = append(value, "-01"...)
	headers := make([]kgo.RecordHeader, 0, len(r.Headers)+1)
	r.Headers = append(append(headers, r.Headers...), kgo.RecordHeader{Key: traceparentHeader, Value: value})
}
