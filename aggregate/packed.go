package aggregate

import (
	"encoding/binary"

	"github.com/weirmq/weir/telemetry"
)

// packedClass is the class of a list that is packed. What was written of a pane that is
// closed changes only where a report is late; as bytes it takes a fifth of its room, which
// serves the panes that come. A packed list is
//
//	sum | max | number of buckets | buckets
//
// in varints. A bucket is its count, doubled, and one more where it does not neighbour the
// one before; the distance to that follows then.
const packedClass = wideClass - 1

// packedLists are never moved, and go with their segment.
type packedLists struct {
	chunks  [][]byte
	used    int // chunks
	next    []byte
	buckets telemetry.Histogram // is unpacked here to be merged with
}

const (
	// packedChunk is the size of a chunk. Not smaller: the largest list must fit, which
	// has a distance and 33 bits for each bucket; not larger: each source has one.
	packedChunk = 1 << packedBits
	packedBits  = 15
)

// pack packs s, which was unpacked to t.
func (a *arena) pack(s *sums, t *telemetry.Totals) {
	a.packList(&s.latencies, &t.LatencyMicros)
	a.packList(&s.delays, &t.DelayMicros)
	a.packList(&s.sizes, &t.SizeBytes)
	a.packList(&s.heartbeats, &t.HeartbeatMicros)
}

// packList keeps of a list where it began: the series' next one is expected there.
func (a *arena) packList(l *bucketList, h *telemetry.Histogram) {
	if l.class == 0 || l.class >= packedClass {
		return
	}
	b := binary.AppendUvarint(binary.AppendUvarint(a.packed.next[:0], h.Sum), h.Max)
	b = binary.AppendUvarint(b, uint64(len(h.Indexes)))
	neighbour := telemetry.ZeroBucket
	for i, index := range h.Indexes {
		if count := h.Counts[i] << 1; index == int32(neighbour) {
			b = binary.AppendUvarint(b, count)
		} else {
			b = binary.AppendUvarint(binary.AppendUvarint(b, count|1), uint64(index-int32(neighbour)))
		}
		neighbour = int(index) + 1
	}
	a.packed.next = b
	blocks := l.blocks
	a.release(l)
	l.at, l.class, l.blocks = a.packed.add(b), packedClass, blocks
}

func (p *packedLists) add(list []byte) uint32 {
	if p.used == 0 || len(p.chunks[p.used-1])+len(list) > packedChunk {
		if p.used == len(p.chunks) {
			p.chunks = append(p.chunks, make([]byte, 0, packedChunk))
		}
		p.used++
	}
	chunk := &p.chunks[p.used-1]
	at := uint32((p.used-1)<<packedBits | len(*chunk))
	*chunk = append(*chunk, list...)
	return at
}

// empty forgets everything and keeps the chunks that the segment needed.
func (p *packedLists) empty() {
	clear(p.chunks[p.used:])
	p.chunks, p.used = p.chunks[:p.used], 0
	for i := range p.chunks {
		p.chunks[i] = p.chunks[i][:0]
	}
}

// unpack writes a packed list into h, which is empty.
func (p *packedLists) unpack(at uint32, h *telemetry.Histogram) {
	b := p.chunks[at>>packedBits][at&(packedChunk-1):]
	next := func() uint64 {
		if v := b[0]; v < 0x80 {
			b = b[1:]
			return uint64(v)
		}
		v, n := binary.Uvarint(b)
		b = b[n:]
		return v
	}
	h.Sum, h.Max = next(), next()
	buckets := int(next())
	h.Grow(buckets)
	index := int32(telemetry.ZeroBucket)
	for range buckets {
		count := next()
		if count&1 != 0 {
			index += int32(next())
		}
		h.Indexes, h.Counts = append(h.Indexes, index), append(h.Counts, count>>1)
		index++
	}
}

// restore makes a list that a late report is added to what it was.
func (a *arena) restore(l *bucketList) {
	h := &a.packed.buckets
	h.Reset()
	a.packed.unpack(l.at, h)
	*l = bucketList{}
	a.merge(l, h)
}
