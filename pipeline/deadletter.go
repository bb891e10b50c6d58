package pipeline

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds of what is kept of a refused record's headers, names and values together. Not
// smaller: traces and baggage have some KB; not larger: a dead letter must fit.
const (
	maxKeptHeaders     = 64
	maxKeptHeaderBytes = 16 << 10
)

// headerOriginal begins the names of headers that were the refused record's own, so that
// none passes for one of Weir's.
const headerOriginal = "weir-header-"

// originalHeaders are the headers of a dead letter that say what the record had besides
// key and value: when the broker appended it, and its headers as far as they fit.
func originalHeaders(record *kgo.Record) []kgo.RecordHeader {
	out := []kgo.RecordHeader{{Key: "weir-timestamp", Value: strconv.AppendInt(nil, record.Timestamp.UnixMilli(), 10)}}
	left, leftOut := maxKeptHeaderBytes, 0
	for _, header := range record.Headers {
		size := len(header.Key) + len(header.Value)
		if size > left || len(out) > maxKeptHeaders {
			leftOut++
			continue
		}
		left -= size
		out = append(out, kgo.RecordHeader{Key: headerOriginal + header.Key, Value: header.Value})
	}
	if leftOut > 0 {
		out = append(out, kgo.RecordHeader{Key: "weir-headers-left-out", Value: strconv.AppendInt(nil, int64(leftOut), 10)})
	}
	return out
}
