package remoting

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the most bytes of a frame, its length field included. Not smaller: an answer that RocketMQ's own tools take would be
// refused. Not larger: it is what RocketMQ itself takes (com.rocketmq.remoting.frameMaxLength), so a longer one is not an answer but
// another protocol on this port, and each connection may hold as much.
const MaxFrame = 16 << 20

// The encodings of a header, the top byte of the word before it.
const (
	encodingJSON   = 0
	encodingBinary = 1 // RocketMQ's own
)

const (
	wordBytes        = 4 // of the length of a frame, and of the word with the encoding and length of its header
	headerLengthMask = 1<<24 - 1
	encodingShift    = 24
)

// responseFlag is the bit of a header that tells an answer from a request.
const responseFlag = 1

// errFrame says that what arrived is not a frame of this protocol.
var errFrame = errors.New("not a frame of RocketMQ's remoting protocol")

// header is what a frame says of itself, request or answer.
type header struct {
	Code   int32             `json:"code"`
	Opaque int32             `json:"opaque"` // by which an answer finds its request
	Flag   int32             `json:"flag"`
	Remark string            `json:"remark"`
	Fields map[string]string `json:"extFields"`
}

// readFrame reads one frame of at most so many bytes. Its memory grows with what has arrived, not with the length that is claimed. The error is
// io.EOF where the stream ends between two frames, and wraps errFrame where what arrived is none.
func readFrame(r io.Reader, most int) (header, []byte, error) {
	var word [wordBytes]byte
	if _, err := io.ReadFull(r, word[:]); err != nil {
		return header{}, nil, cut(err)
	}
	length := binary.BigEndian.Uint32(word[:])
	if length < wordBytes || int64(length) > int64(most-wordBytes) {
		return header{}, nil, fmt.Errorf("%w: its length is %d, %d to %d are allowed; check that this is a port of a broker or name server, with or without TLS",
			errFrame, length, wordBytes, most-wordBytes)
	}
	var content bytes.Buffer
	if _, err := io.CopyN(&content, r, int64(length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return header{}, nil, cut(err)
	}
	return decodeFrame(content.Bytes())
}

// cut says of an end inside a frame that it is one; io.EOF stays what it is.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it was cut short: %w", errFrame, err)
	}
	return err
}

// decodeFrame decodes what follows the length of a frame. The body is a part of content.
func decodeFrame(content []byte) (header, []byte, error) {
	word := binary.BigEndian.Uint32(content)
	content = content[wordBytes:]
	length := int(word & headerLengthMask)
	if length > len(content) {
		return header{}, nil, fmt.Errorf("%w: its header has %d bytes, the frame only %d more", errFrame, length, len(content))
	}
	var h header
	var err error
	switch encoding := word >> encodingShift; encoding {
	case encodingJSON:
		h, err = decodeJSONHeader(content[:length])
	case encodingBinary:
		h, err = decodeBinaryHeader(content[:length])
	default:
		err = fmt.Errorf("%w: its header has encoding %d, %d (JSON) and %d (RocketMQ) are known", errFrame, encoding, encodingJSON, encodingBinary)
	}
	return h, content[length:], err
}

// encodeFrame is a request as a frame, with a header in RocketMQ's own encoding or in JSON. The error says that it is too long for
// its peer.
func encodeFrame(h header, body []byte, binaryHeader bool) ([]byte, error) {
	encode, encoding := encodeJSONHeader, uint32(encodingJSON)
	if binaryHeader {
		encode, encoding = encodeBinaryHeader, encodingBinary
	}
	encoded, err := encode(h)
	if err != nil {
		return nil, err
	}
	length := 2*wordBytes + len(encoded) + len(body)
	if length > MaxFrame {
		return nil, fmt.Errorf("encode a request of code %d: it has %d bytes, RocketMQ takes %d", h.Code, length, MaxFrame)
	}
	frame := make([]byte, 0, length)
	frame = binary.BigEndian.AppendUint32(frame, uint32(length-wordBytes))
	frame = binary.BigEndian.AppendUint32(frame, encoding<<encodingShift|uint32(len(encoded)))
	return append(append(frame, encoded...), body...), nil
}
