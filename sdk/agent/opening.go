package agent

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// maxOpenBytes bounds what values open to that one client holds before they are polled, and again what one poll opens. Not less: what kgo
// fetches at once unless told otherwise (50 MiB) may open to five times as much; not more: it is in the host's memory, and whoever can
// write to a topic could ask for a thousand times what they send.
const maxOpenBytes = 256 << 20

// openHook opens values where they are fetched, for programs that poll the client itself. What is beyond the bound then is opened when it
// is polled.
type openHook struct {
	commands *applied.Commands
	registry *meter.Registry // counts panics
	most     int             // bytes

	mu       sync.Mutex
	buffered map[*kgo.Record]int // what opened values have, that are not polled yet; beyond is of one that is not opened
	bytes    int                 // of all of them
	polled   int                 // bytes that were opened by this poll
}

// beyond is of a value that is not opened yet.
const beyond = -1

func (a *Agent) newOpenHook(most int) *openHook {
	return &openHook{commands: a.commands, registry: a.config.Telemetry.Registry(), most: most, buffered: map[*kgo.Record]int{}}
}

// OnFetchRecordBuffered opens a value; kgo calls it before anybody sees the record.
func (h *openHook) OnFetchRecordBuffered(r *kgo.Record) {
	if len(r.Headers) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.registry.Recover()
	switch bytes, err := openValue(h.commands, r, h.most-h.bytes); {
	case errors.Is(err, applied.ErrBeyond):
		h.buffered[r] = beyond
	case bytes > 0:
		h.buffered[r] = bytes
		h.bytes += bytes
	}
}

// OnPollStart begins to count what a poll opens.
func (h *openHook) OnPollStart(context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.polled = 0
}

// OnFetchRecordUnbuffered opens a value that could not be opened before; kgo calls it before the poll returns.
func (h *openHook) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.registry.Recover()
	bytes, is := h.buffered[r]
	if !is {
		return
	}
	delete(h.buffered, r)
	if bytes != beyond {
		h.bytes -= bytes
		return
	}
	if !polled {
		return
	}
	bytes, err := openValue(h.commands, r, h.most-h.polled)
	if h.polled += bytes; errors.Is(err, applied.ErrBeyond) {
		h.commands.Unopened()
	}
}

// openValue opens a value that was compressed on its way, where that has at most so many bytes, and says how many. One that cannot be
// opened is left as it is, with its header.
func openValue(commands *applied.Commands, r *kgo.Record, most int) (bytes int, err error) {
	for i := range r.Headers {
		if r.Headers[i].Key != applied.EncodingHeader {
			continue
		}
		value, err := commands.Open(string(r.Headers[i].Value), r.Value, most)
		if err != nil {
			return 0, err
		}
		r.Value = value
		r.Headers = slices.Delete(slices.Clone(r.Headers), i, i+1)
		return len(value), nil
	}
	return 0, nil
}
