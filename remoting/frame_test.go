package remoting

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"runtime"
	"strings"
	"testing"
)

// frameOf is a frame of a header, as it stands in a stream.
func frameOf(encoding uint32, encoded, body string) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(wordBytes+len(encoded)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, encoding<<encodingShift|uint32(len(encoded)))
	return append(append(frame, encoded...), body...)
}

func TestFrameKeepsARequest(t *testing.T) {
	want := header{Code: 14, Opaque: -7, Remark: "", Fields: map[string]string{"topic": "Bestellungen für München", "queueId": "3", "none": ""}}
	for _, binaryHeader := range []bool{false, true} {
		frame, err := encodeFrame(want, []byte("body"), binaryHeader)
		if err != nil {
			t.Fatal(err)
		}
		stream := bytes.NewReader(append(frame, frame...))
		for range 2 {
			got, body, err := readFrame(stream, MaxFrame)
			if err != nil || string(body) != "body" || got.Code != want.Code || got.Opaque != want.Opaque || !maps.Equal(got.Fields, want.Fields) {
				t.Errorf("binary %v: got %+v, body %q, %v", binaryHeader, got, body, err)
			}
		}
		if _, _, err := readFrame(stream, MaxFrame); err != io.EOF {
			t.Errorf("binary %v: got %v behind the last frame, want io.EOF", binaryHeader, err)
		}
	}
}

// TestBinaryHeaderIsRocketMQs has a header byte for byte, as RocketMQ's RocketMQSerializable writes it.
func TestBinaryHeaderIsRocketMQs(t *testing.T) {
	got, err := encodeBinaryHeader(header{Code: 105, Opaque: 1, Fields: map[string]string{"topic": "t"}})
	want := "\x00\x69" + "\x09" + "\x01\xdf" + "\x00\x00\x00\x01" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" +
		"\x00\x00\x00\x0c" + "\x00\x05topic" + "\x00\x00\x00\x01t"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestJSONHeaderIsRocketMQs(t *testing.T) {
	got, err := encodeJSONHeader(header{Code: 105, Opaque: 1, Fields: map[string]string{"topic": "t"}})
	want := `{"code":105,"opaque":1,"flag":0,"remark":"","extFields":{"topic":"t"},"language":"GO","version":479}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	const binaryStart = "\x00\x00\x09\x01\xdf\x00\x00\x00\x01\x00\x00\x00\x01"
	for name, test := range map[string]struct{ stream, want string }{
		"2 GB":              {"\x7f\xff\xff\xff....", "its length is 2147483647, 4 to 16777212 are allowed; check that this is a port of a broker or name server, with or without TLS"},
		"negative length":   {"\xff\xff\xff\xff....", "its length is 4294967295, 4 to 16777212 are allowed; check that this is a port of a broker or name server, with or without TLS"},
		"length 3":          {"\x00\x00\x00\x03...", "its length is 3, 4 to 16777212 are allowed; check that this is a port of a broker or name server, with or without TLS"},
		"HTTP":              {"HTTP/1.1 400 Bad Request\r\n", "its length is 1213486160, 4 to 16777212 are allowed; check that this is a port of a broker or name server, with or without TLS"},
		"cut length":        {"\x00\x00", "it was cut short: unexpected EOF"},
		"cut behind length": {"\x00\x00\x00\x05", "it was cut short: unexpected EOF"},
		"cut content":       {"\x00\x00\x00\x05\x00", "it was cut short: unexpected EOF"},
		"header too long":   {"\x00\x00\x00\x05\x00\x00\x00\x02{", "its header has 2 bytes, the frame only 1 more"},
		"encoding":          {string(frameOf(2, "{}", "")), "its header has encoding 2, 0 (JSON) and 1 (RocketMQ) are known"},
		"JSON as binary":    {string(frameOf(1, `{"code":0}`, "")), "its header of 10 bytes is shorter than it says itself"},
		"binary as JSON":    {string(frameOf(0, binaryStart, "")), "decode its header: invalid character '\\x00' looking for beginning of value"},
		"bare key":          {string(frameOf(0, `{code:0}`, "")), "decode its header: invalid character 'c' looking for beginning of object key string"},
		"code too large":    {string(frameOf(0, `{"code":4294967296}`, "")), "decode its header: json: cannot unmarshal number 4294967296 into Go struct field header.code of type int32"},
		"remark too long":   {string(frameOf(1, binaryStart+"\x00\x00\x00\x05hell", "")), "its header of 21 bytes is shorter than it says itself"},
		"fields too long":   {string(frameOf(1, binaryStart+"\x00\x00\x00\x00\x00\x00\x00\x09\x00\x01a\x00\x00\x00\x00", "")), "its header of 28 bytes is shorter than it says itself"},
		"value too long":    {string(frameOf(1, binaryStart+"\x00\x00\x00\x00\x00\x00\x00\x07\x00\x01a\xff\xff\xff\xff", "")), "its header of 28 bytes is shorter than it says itself"},
		"name too long":     {string(frameOf(1, binaryStart+"\x00\x00\x00\x00\x00\x00\x00\x03\x7f\xffa", "")), "its header of 24 bytes is shorter than it says itself"},
	} {
		_, _, err := readFrame(strings.NewReader(test.stream), MaxFrame)
		if want := "not a frame of RocketMQ's remoting protocol: " + test.want; !errors.Is(err, errFrame) || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", name, err, want)
		}
	}
}

// TestClaimedLengthCostsNothing has a peer that claims the longest frame and sends ten bytes of it.
func TestClaimedLengthCostsNothing(t *testing.T) {
	stream := append(binary.BigEndian.AppendUint32(nil, MaxFrame-wordBytes), "0123456789"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := readFrame(bytes.NewReader(stream), MaxFrame)
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, errFrame) || spent > MaxFrame/16 {
		t.Errorf("%d bytes were allocated for ten, error %v", spent, err)
	}
}

func TestRequestTheProtocolCannotCarryIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		header header
		body   int
		binary bool
		want   string
	}{
		"body":     {header{Code: 10}, MaxFrame, true, "encode a request of code 10: it has 16777245 bytes, RocketMQ takes 16777216"},
		"code":     {header{Code: 32768}, 0, true, "encode a request of code 32768: this encoding of headers has codes from 0 to 32767"},
		"negative": {header{Code: -1}, 0, true, "encode a request of code -1: this encoding of headers has codes from 0 to 32767"},
		"name": {header{Code: 14, Fields: map[string]string{strings.Repeat("n", 32768): ""}}, 0, true,
			"encode a request of code 14: the name of a field has 32768 bytes, 32767 are allowed"},
	} {
		if _, err := encodeFrame(test.header, make([]byte, test.body), test.binary); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// FuzzFrame has any bytes: what is a frame can be sent on as one that says the same, what is none is refused.
func FuzzFrame(f *testing.F) {
	for _, binaryHeader := range []bool{false, true} {
		frame, err := encodeFrame(header{Code: 105, Opaque: 1, Flag: 1, Remark: "r", Fields: map[string]string{"topic": "t"}}, []byte("{0:1}"), binaryHeader)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
		f.Add(frame[:len(frame)-6])
	}
	f.Add([]byte("\x7f\xff\xff\xff"))
	f.Add(frameOf(2, "{}", ""))
	f.Add(frameOf(0, "{code:1}", ""))
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, body, err := readFrame(bytes.NewReader(stream), MaxFrame)
		if err != nil {
			if err != io.EOF && !errors.Is(err, errFrame) {
				t.Errorf("got %v, want a refusal", err)
			}
			return
		}
		again, err := encodeFrame(got, body, false)
		if err != nil { // JSON takes up to six bytes for one
			if len(stream) < MaxFrame/8 {
				t.Errorf("a frame of %d bytes cannot be sent on: %v", len(stream), err)
			}
			return
		}
		back, sameBody, err := readFrame(bytes.NewReader(again), MaxFrame)
		if err != nil || back.Code != got.Code || back.Opaque != got.Opaque || back.Flag != got.Flag || !bytes.Equal(body, sameBody) || len(back.Fields) > len(got.Fields) {
			t.Errorf("got %+v of %+v: %v", back, got, err)
		}
	})
}
