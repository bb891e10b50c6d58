package applied

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"sync"
)

// zlibLevel is the level at which bodies of RocketMQ are compressed. Not lower: RocketMQ's own clients, in Java and Go, have this one; not
// higher: it takes twice the time for hundredths of the size.
const zlibLevel = 5

// zlibWriters are kept, since each has close to a MiB of tables.
var zlibWriters = sync.Pool{New: func() any {
	writer, err := zlib.NewWriterLevel(nil, zlibLevel)
	if err != nil {
		return fmt.Errorf("prepare compression: %w", err)
	}
	return writer
}}

// CompressZlib is Compress in the format that all clients of RocketMQ open by themselves (RFC 1950).
func (c *Client) CompressZlib(value []byte) (compressed []byte, worth bool) {
	defer c.measured.Recover()
	writer, ok := zlibWriters.Get().(*zlib.Writer)
	if !ok {
		return nil, false
	}
	defer zlibWriters.Put(writer)
	var out bytes.Buffer
	writer.Reset(&out)
	if _, err := writer.Write(value); err != nil {
		return nil, false
	}
	if err := writer.Close(); err != nil {
		return nil, false
	}
	if float64(out.Len()) > worthShare*float64(len(value)) {
		return nil, false
	}
	c.counts.compressed.Add(1)
	return out.Bytes(), true
}

// Compresses says whether a command has values of a size compressed that are sent to a topic.
func (c *Client) Compresses(topic string, bytes int) bool {
	s := c.sendsTo(topic)
	return s != nil && s.sized && beyond(bytes, s.sizes.CompressBytes)
}
