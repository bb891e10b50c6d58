package applied

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/weirmq/weir/control"
)

// ErrTooLarge is what a send fails with whose message is larger than a command allows. It was not sent.
var ErrTooLarge = errors.New("the message is larger than a command allows")

const (
	// EncodingHeader is the header, or the property, of a message whose value was compressed on its way: it names the
	// encoding. Who reads it opens the value and takes the header off.
	EncodingHeader = "weir-encoding"
	// EncodingZstd is one frame of Zstandard (RFC 8878), with the size of its content.
	EncodingZstd = "zstd"

	// maxOpenedBytes bounds what a value opens to. Not smaller: commands compress what is that large; not larger: it is
	// in the host's memory, and whoever can write to a topic could ask for it.
	maxOpenedBytes = 64 << 20
	// worthShare is the most that a compressed value may have of what it was. Not more: opening it would cost consumers
	// more than the bytes do; not less: a tenth of a large message is much.
	worthShare = 0.9
)

// Fit says what becomes of a message by the size of its value, as the program gave it: whether to compress it.
// The error says that it is too large.
func (c *Client) Fit(topic string, bytes int) (compress bool, err error) {
	defer c.measured.Recover()
	s := c.sendsTo(topic)
	if s == nil || !s.sized {
		return false, nil
	}
	if beyond(bytes, s.shadowSizes.RefuseBytes) || beyond(bytes, s.shadowSizes.CompressBytes) {
		c.counts.wouldTouch.Add(1)
	}
	if beyond(bytes, s.sizes.FlagBytes) {
		c.counts.flagged.Add(1)
	}
	if beyond(bytes, s.sizes.RefuseBytes) {
		c.counts.tooLarge.Add(1)
		return false, fmt.Errorf("%w: its value has %d bytes, at most %d are allowed by %s; send less, or have the command changed; the message was not sent",
			ErrTooLarge, bytes, s.sizes.RefuseBytes, s.sizedBy)
	}
	return beyond(bytes, s.sizes.CompressBytes), nil
}

// beyond says that a size is above a limit, of which 0 is none.
func beyond(bytes, limit int) bool { return limit > 0 && bytes > limit }

// codec compresses and opens values. Its methods may be called from any goroutine.
type codec struct {
	encoder *zstd.Encoder
	// exact opens to no more than there is room for, whatever frames follow the first, which says how much it is; decoder to maxOpenedBytes.
	exact, decoder *zstd.Decoder
}

func newCodec() (*codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxOpenedBytes))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	exact, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxOpenedBytes), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	return &codec{encoder, exact, decoder}, nil
}

// Compress compresses a value, and says whether it is worth it.
func (c *Client) Compress(value []byte) (compressed []byte, worth bool) {
	if len(value) > maxOpenedBytes {
		return nil, false // nobody would open it
	}
	compressed = c.commands.codec.encoder.EncodeAll(value, nil)
	if float64(len(compressed)) > worthShare*float64(len(value)) {
		return nil, false
	}
	c.counts.compressed.Add(1)
	return compressed, true
}

// ErrBeyond is what Open returns of a value that opens to more than is left of what may be open at once.
var ErrBeyond = errors.New("it opens to more than may be open at once")

// Open opens a value that has EncodingHeader with that encoding, and at most so many bytes. One that cannot be opened is counted, unless the error
// is ErrBeyond: it may be opened later.
func (c *Commands) Open(encoding string, value []byte, most int) ([]byte, error) {
	opened, err := c.open(encoding, value, most)
	if err != nil && !errors.Is(err, ErrBeyond) {
		c.Unopened()
	}
	return opened, err
}

// Unopened counts a value that is given as it came.
func (c *Commands) Unopened() { c.unreadable.Add(1) }

func (c *Commands) open(encoding string, value []byte, most int) ([]byte, error) {
	if encoding != EncodingZstd {
		return nil, fmt.Errorf("header %s is %.32q: %s is known", EncodingHeader, encoding, EncodingZstd)
	}
	var header zstd.Header
	size, said := uint64(maxOpenedBytes), false // of a frame that does not say
	if err := header.Decode(value); err == nil && header.HasFCS {
		size, said = header.FrameContentSize, true
	}
	if size <= maxOpenedBytes && size > uint64(max(most, 0)) {
		return nil, ErrBeyond
	}
	opened, err := []byte(nil), error(nil)
	if said && size <= maxOpenedBytes {
		opened, err = c.codec.exact.DecodeAll(value, make([]byte, 0, size))
	} else {
		opened, err = c.codec.decoder.DecodeAll(value, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("open a value of %d bytes: %w", len(value), err)
	}
	return opened, nil
}

// sizesOf is what a command says of sizes.
func sizesOf(command *control.Command) (sizes control.LargeMessages, by string) {
	if command == nil {
		return control.LargeMessages{}, ""
	}
	return *command.LargeMessages, command.String()
}
