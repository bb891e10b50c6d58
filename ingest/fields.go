package ingest

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// Wire types of protobuf that a report's fields have; a tag is number<<3 | type.
const (
	wireVarint  = uint64(protowire.VarintType)
	wireFixed64 = uint64(protowire.Fixed64Type)
	wireBytes   = uint64(protowire.BytesType)
	wireBits    = 3
	wireMask    = 1<<wireBits - 1
)

// oneByte is what a varint of one byte is less than: nearly all of a report's are.
const oneByte = 0x80

// errMalformed is the error of a record that is not protobuf.
var errMalformed = errors.New("not a protobuf report: cut short or damaged")

// fields walks the fields of one message, one at a time. It is written for speed, with
// indexes and not slices: a record has some thirty fields and fifty packed numbers, and
// walking them is the time that decoding takes.
type fields struct {
	message []byte
	at      int // next to be read
	// tag is the current field's; number or bytes is its value, by its wire type.
	tag    uint64
	number uint64
	from   int   // where its bytes begin; they end at at
	err    error // errMalformed after next returned false for it
}

// bytes alias the message.
func (f *fields) bytes() []byte { return f.message[f.from:f.at] }

// next reads one field; false at the end of the message and where it is malformed.
func (f *fields) next() bool {
	b, at := f.message, f.at
	if at >= len(b) {
		return false
	}
	tag := uint64(b[at])
	at++
	if tag >= oneByte || tag < 1<<wireBits {
		var n int
		tag, n = protowire.ConsumeVarint(b[at-1:])
		if n < 0 || tag>>wireBits < uint64(protowire.MinValidNumber) || tag>>wireBits > uint64(protowire.MaxValidNumber) {
			return f.fail()
		}
		at += n - 1
	}
	f.tag = tag
	wire := tag & wireMask
	if wire != wireVarint && wire != wireBytes {
		return f.other(at)
	}
	var v uint64
	if at < len(b) && b[at] < oneByte {
		v = uint64(b[at])
		at++
	} else {
		var n int
		if v, n = protowire.ConsumeVarint(b[at:]); n < 0 {
			return f.fail()
		}
		at += n
	}
	if wire == wireBytes {
		if v > uint64(len(b)-at) {
			return f.fail()
		}
		f.from, at = at, at+int(v)
	}
	f.number, f.at = v, at
	return true
}

// other reads the value of a field that is neither a varint nor bytes.
func (f *fields) other(at int) bool {
	b := f.message[at:]
	if f.tag&wireMask == wireFixed64 && len(b) >= 8 {
		f.number, f.at = binary.LittleEndian.Uint64(b), at+8
		return true
	}
	n := protowire.ConsumeFieldValue(protowire.Number(f.tag>>wireBits), protowire.Type(f.tag&wireMask), b)
	if n < 0 {
		return f.fail()
	}
	f.at = at + n
	return true
}

func (f *fields) fail() bool {
	f.err = errMalformed
	return false
}

// appendNumbers reads a packed list of varints.
func appendNumbers(to []uint64, b []byte) ([]uint64, error) {
	for at := 0; at < len(b); {
		v := uint64(b[at])
		at++
		if v >= oneByte {
			var n int
			if v, n = protowire.ConsumeVarint(b[at-1:]); n < 0 {
				return to, errMalformed
			}
			at += n - 1
		}
		to = append(to, v)
	}
	return to, nil
}

// appendIndexes reads a packed list of bucket indexes. Nearly all have two bytes: those
// from 64 on, of values above 3.
func appendIndexes(to []int32, b []byte) ([]int32, error) {
	for at := 0; at < len(b); {
		v := uint64(b[at])
		at++
		switch {
		case v < oneByte:
		case at < len(b) && b[at] < oneByte:
			v = v&(oneByte-1) | uint64(b[at])<<7
			at++
		default:
			var n int
			if v, n = protowire.ConsumeVarint(b[at-1:]); n < 0 {
				return to, errMalformed
			}
			at += n - 1
		}
		to = append(to, zigZag(v))
	}
	return to, nil
}

// zigZag decodes a signed number of 32 bits; higher bits are ignored as the generated
// decoder does.
func zigZag(v uint64) int32 { return int32(uint32(v)>>1) ^ -int32(v&1) }
