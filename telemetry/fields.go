package telemetry

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

var (
	errMalformed = errors.New("not protobuf: cut short or damaged")
	errUTF8      = errors.New("a string is not UTF-8")
)

// field is one field of a message; number and wire type are in tag as protobuf has them.
type field struct {
	tag    uint64
	number uint64 // of a varint or a fixed number
	bytes  []byte // alias the message
}

func tagOf(number protowire.Number, wire protowire.Type) uint64 {
	return protowire.EncodeTag(number, wire)
}

// nextField reads the field that b begins with, and returns what follows it.
func nextField(b []byte) (f field, rest []byte, err error) {
	number, wire, n := protowire.ConsumeTag(b)
	if n < 0 || number > protowire.MaxValidNumber { // ConsumeTag takes greater ones, of MessageSets
		return f, nil, errMalformed
	}
	f.tag, b = tagOf(number, wire), b[n:]
	switch wire {
	case protowire.VarintType:
		f.number, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		f.number, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(number, wire, b)
	}
	if n < 0 {
		return f, nil, errMalformed
	}
	return f, b[n:], nil
}

// eachField visits the fields of a message. Readers pass over what they do not know.
func eachField(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// text is a string's bytes.
func (f *field) text() ([]byte, error) {
	if !utf8.Valid(f.bytes) {
		return nil, errUTF8
	}
	return f.bytes, nil
}

// setText copies a string.
func (f *field) setText(into *string) error {
	raw, err := f.text()
	*into = string(raw)
	return err
}

// appendNumbers reads packed varints. Nearly all have one byte.
func appendNumbers(to []uint64, packed []byte) ([]uint64, error) {
	for at := 0; at < len(packed); {
		v := uint64(packed[at])
		at++
		if v >= 0x80 {
			var n int
			if v, n = protowire.ConsumeVarint(packed[at-1:]); n < 0 {
				return to, errMalformed
			}
			at += n - 1
		}
		to = append(to, v)
	}
	return to, nil
}
