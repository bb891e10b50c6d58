package remoting

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// protocolVersion is what a request says of its sender: RocketMQ 5.3.3. Below 4.9.4 a name server answers a question for a route
// with what is not JSON; nothing higher changes an answer.
const protocolVersion = 479

// Go, as the two encodings of a header name a language.
const (
	languageName = "GO"
	languageCode = 9
)

// decodeJSONHeader decodes a header in JSON.
func decodeJSONHeader(encoded []byte) (header, error) {
	var h header
	if err := json.Unmarshal(encoded, &h); err != nil {
		return header{}, fmt.Errorf("%w: decode its header: %w", errFrame, err)
	}
	return h, nil
}

// encodeJSONHeader encodes the header of a request in JSON.
func encodeJSONHeader(h header) ([]byte, error) {
	encoded, err := json.Marshal(struct {
		header
		Language string `json:"language"`
		Version  int32  `json:"version"`
	}{h, languageName, protocolVersion})
	if err != nil {
		return nil, fmt.Errorf("encode the header of a request of code %d: %w", h.Code, err)
	}
	return encoded, nil
}

// encodeBinaryHeader encodes the header of a request in RocketMQ's own encoding:
//
//	int16 code, int8 language, int16 version, int32 opaque, int32 flag,
//	int32 length and bytes of the remark,
//	int32 length of all fields, of each: int16 length and bytes of its name, int32 length and bytes of its value
func encodeBinaryHeader(h header) ([]byte, error) {
	if h.Code < 0 || h.Code > math.MaxInt16 {
		return nil, fmt.Errorf("encode a request of code %d: this encoding of headers has codes from 0 to %d", h.Code, math.MaxInt16)
	}
	var fields []byte
	for _, name := range slices.Sorted(maps.Keys(h.Fields)) {
		if len(name) > math.MaxInt16 {
			return nil, fmt.Errorf("encode a request of code %d: the name of a field has %d bytes, %d are allowed", h.Code, len(name), math.MaxInt16)
		}
		fields = append(binary.BigEndian.AppendUint16(fields, uint16(len(name))), name...)
		fields = append(binary.BigEndian.AppendUint32(fields, uint32(len(h.Fields[name]))), h.Fields[name]...)
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(h.Code))
	out = append(out, languageCode)
	out = binary.BigEndian.AppendUint16(out, protocolVersion)
	out = binary.BigEndian.AppendUint32(out, uint32(h.Opaque))
	out = binary.BigEndian.AppendUint32(out, uint32(h.Flag))
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(h.Remark))), h.Remark...)
	return append(binary.BigEndian.AppendUint32(out, uint32(len(fields))), fields...), nil
}

// decodeBinaryHeader decodes a header in RocketMQ's own encoding.
func decodeBinaryHeader(encoded []byte) (header, error) {
	r := reader{left: encoded}
	h := header{Code: int32(int16(r.uint16()))}
	r.take(1) // the language of the sender
	r.take(2) // and its version
	h.Opaque, h.Flag = int32(r.uint32()), int32(r.uint32())
	h.Remark = string(r.take(int(r.uint32())))
	fields := reader{left: r.take(int(r.uint32())), failed: r.failed}
	for len(fields.left) > 0 && !fields.failed {
		if h.Fields == nil {
			h.Fields = map[string]string{}
		}
		name := string(fields.take(int(fields.uint16())))
		h.Fields[name] = string(fields.take(int(fields.uint32())))
	}
	if fields.failed {
		return header{}, fmt.Errorf("%w: its header of %d bytes is shorter than it says itself", errFrame, len(encoded))
	}
	return h, nil
}

// reader takes bytes off a slice. After one that is not there it has failed, and everything further is zero.
type reader struct {
	left   []byte
	failed bool
}

// take is the next n bytes.
func (r *reader) take(n int) []byte {
	if r.failed || n > len(r.left) {
		r.failed, r.left = true, nil
		return nil
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}
