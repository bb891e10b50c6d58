package applied

import (
	"bytes"
	"errors"
	"testing"

	"github.com/weirmq/weir/control"
)

// TestAValueOpensToWhatItSays: more frames behind the first, which says how much there is, would be more than is left of what may be open.
func TestAValueOpensToWhatItSays(t *testing.T) {
	g := newGround(t, control.CapabilityLargeMessages)
	value := bytes.Repeat([]byte("orders "), 1000)
	compressed, worth := g.client.Compress(value)
	if !worth {
		t.Fatal("it is not worth it")
	}
	if got, err := g.commands.Open(EncodingZstd, compressed, len(value)); err != nil || !bytes.Equal(got, value) {
		t.Errorf("got %d bytes, %v, want the value", len(got), err)
	}
	if _, err := g.commands.Open(EncodingZstd, compressed, len(value)-1); !errors.Is(err, ErrBeyond) {
		t.Errorf("where less may be open: got %v, want %v", err, ErrBeyond)
	}
	nothing := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0} // a frame that says it has nothing, and has nothing
	if got, err := g.commands.Open(EncodingZstd, append(nothing, compressed...), len(value)-1); err == nil || errors.Is(err, ErrBeyond) {
		t.Errorf("behind a frame of nothing it opens to %d bytes, %v, want that it is refused", len(got), err)
	}
}
