package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
)

// remotingHeader is that of a question or an answer in RocketMQ's remoting protocol.
type remotingHeader struct {
	Code     int               `json:"code"`
	Language string            `json:"language"`
	Version  int               `json:"version"`
	Opaque   int               `json:"opaque"` // by which an answer finds its question
	Flag     int               `json:"flag"`   // 1 of an answer
	Remark   string            `json:"remark,omitempty"`
	Fields   map[string]string `json:"extFields"`
}

// refusal is the error of an answer that refuses.
func (h remotingHeader) refusal() error {
	if h.Code != 0 {
		return fmt.Errorf("refused with code %d: %s", h.Code, h.Remark)
	}
	return nil
}

// frameBytes bounds what a broker says here.
const frameBytes = 1 << 20

// writeRemoting sends a frame: the length of what follows, that of the header, the header as JSON, and the body.
func writeRemoting(connection net.Conn, of remotingHeader, body []byte) error {
	of.Language, of.Version = "JAVA", 479 // a client of release 5.3.3
	header, err := json.Marshal(of)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	_, err = connection.Write(append(append(frame, header...), body...))
	return err
}

// readRemoting reads a frame, of which the header is returned.
func readRemoting(connection net.Conn) (remotingHeader, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(connection, lengths[:]); err != nil {
		return remotingHeader{}, err
	}
	length, headerLength := binary.BigEndian.Uint32(lengths[:4]), binary.BigEndian.Uint32(lengths[4:])
	if length > frameBytes || headerLength > length-4 {
		return remotingHeader{}, fmt.Errorf("a frame has %d bytes, of a header %d", length, headerLength)
	}
	rest := make([]byte, length-4)
	if _, err := io.ReadFull(connection, rest); err != nil {
		return remotingHeader{}, err
	}
	var header remotingHeader
	return header, json.Unmarshal(rest[:headerLength], &header)
}
