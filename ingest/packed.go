package ingest

import (
	"encoding/binary"

	"github.com/weirmq/weir/telemetry"
)

// Eight bytes are read as one number, the first byte lowest, and looked at all at once.
const (
	wordBytes = 8
	byteOnes  = 0x0101010101010101
	topBits   = oneByte * byteOnes // set in all bytes of a varint but its last
	lowBits   = topBits - byteOnes
)

// word is the eight bytes from at on.
func word(b []byte, at int) uint64 {
	return binary.LittleEndian.Uint64(b[at : at+wordBytes : at+wordBytes])
}

// longVarint reads the number at at, of two to seven bytes. next is beyond b where the number has more or is cut short.
// b has eight bytes at least.
func longVarint(b []byte, at int) (v uint64, next int) {
	if at+1 < len(b) && b[at+1] < oneByte {
		return uint64(b[at]&(oneByte-1)) | uint64(b[at+1])<<7, at + 2
	}
	// Asking each byte whether it is the last would cost more: their number varies from report to report, and a processor
	// that guesses it wrong loses more time than this takes. After the end of b there are zeros.
	from := min(at, len(b)-wordBytes)
	w := word(b, from) >> (8 * uint(at-from) & 63)
	upToLast := ^w & topBits
	upToLast ^= upToLast - 1
	size := int(upToLast & byteOnes * byteOnes >> 56)
	if size == wordBytes {
		return 0, len(b) + 1
	}
	w &= upToLast & lowBits
	// Seven bits of each byte close up to 14, 28, 56.
	w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
	w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
	return w&0x000000000fffffff | w&0x0fffffff00000000>>4, at + size
}

// Nearly all indexes have two bytes, a pair; four are looked at at once. In the first byte of a pair the top bit is set,
// and the lowest, the sign, is not; in the second the top bit is not.
const (
	pairs      = wordBytes / 2
	pairBits   = 16
	pairMask   = 1<<pairBits - 1
	pairTops   = 0x8000800080008000
	laterOnes  = 0x0001000100010000 // 1 in each pair but the first
	shapeMask  = 0x8081808180818081
	shape      = 0x0080008000800080
	firstBits  = 0x007e007e007e007e // of an index, in the first byte
	secondBits = 0x7f007f007f007f00
)

// readIndexes reads the list that b ends with, from at on, where it is valid: indexes of one byte, then of two, that
// ascend. It returns false for any other.
func readIndexes(to []int32, b []byte, at int) (indexes []int32, ok bool) {
	if room := len(b) - at + pairs; cap(to) < room { // each has a byte at least
		to = make([]int32, 2*room)
	}
	to = to[:cap(to)]
	n, least := 0, int32(telemetry.ZeroBucket)
	for ; at < len(b) && b[at] < oneByte; at++ {
		index := zigZag(uint64(b[at]))
		if index < least {
			return to[:0], false
		}
		to[n], least = index, index+1
		n++
	}
	if len(b) < wordBytes || (len(b)-at)%2 != 0 {
		return to[:0], false
	}
	// What is wrong is gathered and asked for at the end.
	after, misshapen, rising := uint64(max(least, 0)), uint64(0), uint64(pairTops)
	for ; at+wordBytes <= len(b); at += wordBytes {
		w := word(b, at)
		misshapen |= w ^ shape
		x := spreadIndexes((*[pairs]int32)(to[n:n+pairs:n+pairs]), w)
		rising &= risingPairs(x, after)
		after = x>>(pairBits*(pairs-1)) + 1
		n += pairs
	}
	if rest := uint(len(b) - at); rest > 0 {
		// They are the upper ones of the last word.
		w, mask := word(b, len(b)-wordBytes)>>(64-8*rest), uint64(1)<<(8*rest)-1
		misshapen |= (w ^ shape) & mask
		x := spreadIndexes((*[pairs]int32)(to[n:n+pairs:n+pairs]), w)
		rising &= risingPairs(x, after) | ^mask
		n += int(rest / 2)
	}
	to = to[:n]
	return to, misshapen&shapeMask == 0 && rising&pairTops == pairTops && (n == 0 || to[n-1] < telemetry.MaxHistogramBuckets)
}

// spreadIndexes writes four pairs as indexes, and returns them, 16 bits each.
func spreadIndexes(to *[pairs]int32, w uint64) uint64 {
	x := w&firstBits>>1 | w&secondBits>>2
	to[0], to[1], to[2], to[3] = int32(x&pairMask), int32(x>>16&pairMask), int32(x>>32&pairMask), int32(x>>48)
	return x
}

// risingPairs has the top bit of each index of x that is above the one before it; of the first, that is at least after.
func risingPairs(x, after uint64) uint64 { return x + (pairTops - laterOnes) - x<<pairBits - after }

// readCounts reads the list that b ends with, from at on: n counts above 0. It returns false for any other, and every bit
// that is set in any count.
func readCounts(to []uint64, b []byte, at, n int) (counts []uint64, set uint64, ok bool) {
	if room := n + wordBytes; cap(to) < room {
		to = make([]uint64, 2*room)
	}
	to = to[:n+wordBytes]
	if len(b)-at != n || len(b) < wordBytes {
		return readLongCounts(to, b, at, n)
	}
	done, long, positive := 0, uint64(0), uint64(topBits)
	for ; at+wordBytes <= len(b); at += wordBytes {
		w := word(b, at)
		long |= w
		positive &= w + lowBits // the top bit of each byte above 0
		spreadCounts((*[wordBytes]uint64)(to[done:done+wordBytes:done+wordBytes]), w)
		done += wordBytes
	}
	if rest := uint(len(b) - at); rest > 0 {
		w := word(b, len(b)-wordBytes) >> (64 - 8*rest)
		long |= w
		positive &= w + lowBits | ^uint64(0)<<(8*rest)
		spreadCounts((*[wordBytes]uint64)(to[done:done+wordBytes:done+wordBytes]), w)
	}
	return to[:n], oneByte - 1, long&topBits == 0 && positive == topBits
}

// spreadCounts writes eight counts of a byte each.
func spreadCounts(to *[wordBytes]uint64, w uint64) {
	to[0], to[1], to[2], to[3] = w&0xff, w>>8&0xff, w>>16&0xff, w>>24&0xff
	to[4], to[5], to[6], to[7] = w>>32&0xff, w>>40&0xff, w>>48&0xff, w>>56
}

// readLongCounts is readCounts where some counts have several bytes. to has room for eight more than n.
func readLongCounts(to []uint64, b []byte, at, n int) (counts []uint64, set uint64, ok bool) {
	if len(b) < wordBytes {
		return to[:0], 0, false
	}
	done := 0
	for set = oneByte - 1; done < n; {
		if at+wordBytes <= len(b) {
			if w := word(b, at); w&topBits == 0 {
				if (w+lowBits)&topBits != topBits {
					return to[:0], 0, false
				}
				spreadCounts((*[wordBytes]uint64)(to[done:done+wordBytes:done+wordBytes]), w)
				done, at = done+wordBytes, at+wordBytes
				continue
			}
		}
		for stop := min(done+wordBytes, n); done < stop; done++ {
			if at >= len(b) {
				return to[:0], 0, false
			}
			v, next := uint64(b[at]), at+1
			if v >= oneByte {
				v, next = longVarint(b, at)
			}
			if v == 0 {
				return to[:0], 0, false
			}
			to[done], at = v, next
			set |= v
		}
	}
	return to[:n], set, at == len(b) && done == n
}
