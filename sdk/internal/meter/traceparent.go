package meter

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// TraceparentHeader is the header of W3C Trace Context, level 1:
// version "00", trace id, parent id and flags in hexadecimal, joined by dashes.
const TraceparentHeader = "traceparent"

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

// text is what headers hold: bytes in Kafka, strings in RocketMQ.
type text interface{ ~string | ~[]byte }

// TraceOf returns the trace id that is part of a traceparent header's value, in hexadecimal;
// empty where that is no valid one.
func TraceOf[T text](value T) (id T) {
	if !isTraceparent(value) {
		return id
	}
	return value[traceIDAt:traceIDEnd]
}

func isTraceparent[T text](value T) bool {
	if len(value) < traceparentBytes || value[versionEnd] != '-' || value[traceIDEnd] != '-' || value[parentIDEnd] != '-' {
		return false
	}
	if len(value) > traceparentBytes && (value[0] == '0' && value[1] == '0' || value[traceparentBytes] != '-') {
		return false // version 00 has nothing more
	}
	return !(value[0] == 'f' && value[1] == 'f') && isHex(value[:versionEnd]) && isID(value[traceIDAt:traceIDEnd]) &&
		isID(value[parentIDAt:parentIDEnd]) && isHex(value[flagsAt:traceparentBytes])
}

// isID says that b is hexadecimal and not all zeros, which is no id.
func isID[T text](b T) bool {
	for i := range len(b) {
		if b[i] != '0' {
			return isHex(b)
		}
	}
	return false
}

func isHex[T text](b T) bool {
	for i := range len(b) {
		if c := b[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// NewTraceparent returns the header's value for a new trace.
func NewTraceparent() []byte {
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
	return append(value, "-01"...)
}
