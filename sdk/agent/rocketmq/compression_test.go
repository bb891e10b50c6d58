package rocketmq

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
)

// TestWhatIsCompressed holds which messages a command has compressed, in the format that each client of RocketMQ opens, and that the program
// has its message back as it was.
func TestWhatIsCompressed(t *testing.T) {
	t.Parallel()
	h := newHeld(t)
	h.put(func(c *control.Command) { c.LargeMessages = &control.LargeMessages{CompressBytes: 1500} })
	p := &producer[func(context.Context, *primitive.Message, error)]{commands: h.commands, client: h.client}
	noise, text := make([]byte, 3000), bytes.Repeat([]byte("order "), 500)
	_, _ = rand.Read(noise) // never fails
	message := func(body []byte) *primitive.Message { return primitive.NewMessage("orders", body) }
	reply := message(text)
	reply.WithProperty(primitive.PropertyMsgType, "reply")
	for what, of := range map[string]struct {
		messages []*primitive.Message
		want     bool
	}{
		"text":                      {[]*primitive.Message{message(text)}, true},
		"text at the limit":         {[]*primitive.Message{message(text[:1500])}, false},
		"noise":                     {[]*primitive.Message{message(noise)}, false},
		"a batch":                   {[]*primitive.Message{message(text), message(text)}, false},
		"a reply":                   {[]*primitive.Message{reply}, false},
		"no message":                {[]*primitive.Message{nil}, false},
		"text for another topic":    {[]*primitive.Message{primitive.NewMessage("returns", text)}, false},
		"what is compressed so far": {[]*primitive.Message{{Topic: "orders", Body: text, Compress: true}}, false},
	} {
		undo := p.compress(of.messages)
		m := of.messages[0]
		if m != nil && m.CompressedBody != nil != of.want {
			t.Errorf("%s: compressed %t, want %t", what, !of.want, of.want)
		}
		if of.want {
			reader, err := zlib.NewReader(bytes.NewReader(m.CompressedBody))
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := io.ReadAll(reader); err != nil || !bytes.Equal(opened, text) || !m.Compress {
				t.Errorf("%s opens to %d bytes, %v; the library is told: %t", what, len(opened), err, m.Compress)
			}
			undo()
			if m.Compress || m.CompressedBody != nil || !bytes.Equal(m.Body, text) {
				t.Errorf("%s is left compressed", what)
			}
		}
	}
	if got := h.client.Counts().Compressed; got != 1 {
		t.Errorf("%d messages are counted, want 1", got)
	}
}

// put has a command for orders in force.
func (h *held) put(ask func(*control.Command)) {
	h.t.Helper()
	now := time.Now().UTC()
	c := control.Command{Schema: control.Schema, Name: "asked", Revision: uint64(h.offset) + 1, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "r", CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	value, err := c.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	h.commands.Feed([]control.Record{{Key: []byte(c.Key()), Value: value, Offset: h.offset, AppendedAt: now}}, true, now)
	h.offset++
	h.commands.Refresh(time.Now())
}
