package telemetry

import (
	"encoding/binary"
	"strings"
)

// Which messages are sampled is decided by a hash of what names a message everywhere: of
// the trace id that its traceparent header has, or else of its message id. So whoever
// sends it and whoever receives it decide alike, without a word to each other.

// FNV-1a of 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// TraceIDDigits is how many hexadecimal digits a trace id has.
const TraceIDDigits = 32

// IsTraceID says that an id has the form of a trace id of W3C Trace Context.
func IsTraceID(id string) bool {
	return len(id) == TraceIDDigits && strings.Trim(id, "0123456789abcdef") == ""
}

// Sampled says that a message with a hash is among the one of so many that are sampled;
// 0 samples none. Whatever one of 1,000 samples, one of 100 samples too.
func Sampled(hash uint64, oneOf uint32) bool { return hash <= SampleBound(oneOf) && oneOf != 0 }

// SampleBound is the greatest hash that one of so many samples, 0 where oneOf is.
func SampleBound(oneOf uint32) uint64 {
	if oneOf == 0 {
		return 0
	}
	return ^uint64(0) / uint64(oneOf)
}

// TraceHash is the hash of a trace id of TraceIDDigits lower-case hexadecimal digits: its
// last 16 as a number, mixed. Where a digit is none the hash is of no use, and always the same.
func TraceHash[T string | []byte](id T) uint64 {
	const digits, part = TraceIDDigits, 8
	var text [2 * part]byte
	copy(text[:], id[digits-2*part:digits])
	return mixed(hexNumber(binary.BigEndian.Uint64(text[:]))<<32 | hexNumber(binary.BigEndian.Uint64(text[part:])))
}

// hexNumber is the number that eight digits say, which stand in the bytes of text.
func hexNumber(text uint64) uint64 {
	const letters = 9 // a letter's low four bits are 1 for ten
	n := text&0x0f0f0f0f0f0f0f0f + letters*(text>>6&0x0101010101010101)
	n = (n | n>>4) & 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return (n | n>>16) & 0xffffffff
}

// MessageHash is the hash of a message id: FNV-1a of its bytes, mixed.
func MessageHash(id string) uint64 { return mixed(PrefixOf(id)) }

// IDPrefix is FNV-1a of the bytes that many message ids begin with.
type IDPrefix uint64

// PrefixOf returns the prefix of ids that begin with text.
func PrefixOf(text string) IDPrefix { return withText(fnvOffset, text) }

// With returns the prefix of ids that go on with text after this one.
func (p IDPrefix) With(text []byte) IDPrefix { return withText(p, text) }

func withText[T string | []byte](p IDPrefix, text T) IDPrefix {
	h := uint64(p)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * fnvPrime
	}
	return IDPrefix(h)
}

// HashWithDigits is the MessageHash of the id that ends with a number below 100 after the
// prefix, written with at least so many digits, one or two.
func (p IDPrefix) HashWithDigits(number uint64, digits int) uint64 {
	h := uint64(p)
	if digits > 1 || number >= 10 {
		h = (h ^ ('0' + number/10)) * fnvPrime
	}
	return mixed((h ^ ('0' + number%10)) * fnvPrime)
}

// mixed spreads a number over all bits: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func mixed[T IDPrefix | uint64](number T) uint64 {
	z := uint64(number)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
