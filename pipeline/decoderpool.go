package pipeline

import (
	"sync"

	"github.com/weirmq/weir/ingest"
)

// decoderPool lends decoders. What a decoder has read last shares the memory of all records
// that were fetched with it: the fewer decoders, the less is held.
type decoderPool struct{ sync.Pool }

func (p *decoderPool) take() *ingest.Decoder {
	if decoder, ok := p.Get().(*ingest.Decoder); ok {
		return decoder
	}
	return ingest.NewDecoder(ingest.DefaultLimits())
}

func (p *decoderPool) put(decoder *ingest.Decoder) { p.Put(decoder) }
