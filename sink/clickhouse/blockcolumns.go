package clickhouse

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// Bounds of what a block says of itself, so that one that is damaged is an error before it is out of memory.
const (
	// Not fewer: a server gives blocks of max_block_size rows, and some more than that; not more: each row has an entry in every column.
	maxBlockRows = 1 << 20
	// Not fewer: a million rows have lists of hundreds of values; not more: their places must fit into an int of 32 bits.
	maxBlockValues = 1 << 30
	// Not smaller: labels are cut at less; not larger: room for a text is made before it is read.
	maxTextBytes = 1 << 20
	// pieceValues is how many values room is made for before they come. Not fewer: a block's histograms have as many, and growing
	// copies; not more: it is what a damaged length costs, for each column.
	pieceValues = 1 << 18
)

// decoder decodes one column of a block, into the memory of the block before.
type decoder interface {
	decode(r *proto.Reader, rows int) error
}

// stateful are columns that have something before their values, in arrays also before the array's ends.
type stateful interface {
	state(r *proto.Reader) error
}

// plain are values of a fixed size.
type plain[E any, T ~[]E, P interface {
	*T
	proto.ColResult
}] struct{ values T }

type (
	uint8s  = plain[uint8, proto.ColUInt8, *proto.ColUInt8]
	int16s  = plain[int16, proto.ColInt16, *proto.ColInt16]
	uint16s = plain[uint16, proto.ColUInt16, *proto.ColUInt16]
	uint32s = plain[uint32, proto.ColUInt32, *proto.ColUInt32]
	uint64s = plain[uint64, proto.ColUInt64, *proto.ColUInt64]
)

// decode makes room for what is expected, and for more as it comes: the number may be wrong.
func (c *plain[E, T, P]) decode(r *proto.Reader, rows int) error {
	P(&c.values).Reset()
	if rows > cap(c.values) {
		c.values = make(T, 0, min(rows+rows/16, pieceValues)) // the next block has some more
	}
	if rows <= cap(c.values) {
		return P(&c.values).DecodeColumn(r, rows)
	}
	var piece T
	for rows > 0 {
		P(&piece).Reset()
		if err := P(&piece).DecodeColumn(r, min(rows, pieceValues)); err != nil {
			return err
		}
		c.values = append(c.values, piece...)
		rows -= len(piece)
	}
	return nil
}

// textColumn is strings one behind the other.
type textColumn struct {
	bytes []byte
	ends  []int
}

func (c *textColumn) at(i int) []byte {
	if i == 0 {
		return c.bytes[:c.ends[0]]
	}
	return c.bytes[c.ends[i-1]:c.ends[i]]
}

// decode reads each text together with the first byte of the next one's length: a read costs more than the text.
func (c *textColumn) decode(r *proto.Reader, rows int) error {
	c.bytes, c.ends = c.bytes[:0], c.ends[:0]
	if rows == 0 {
		return nil
	}
	first, err := r.ReadByte()
	for row := range rows {
		length := uint64(first)
		if err == nil && length >= continued {
			length, err = longLength(r, length)
		}
		if err != nil {
			return err
		}
		if length > maxTextBytes {
			return fmt.Errorf("a text has %d bytes, at most %d are read", length, maxTextBytes)
		}
		begin, end, next := len(c.bytes), len(c.bytes)+int(length), 1
		if row == rows-1 {
			next = 0
		}
		c.bytes = slices.Grow(c.bytes, int(length)+next)[:end+next]
		if err := r.ReadFull(c.bytes[begin:]); err != nil {
			return err
		}
		if next == 1 {
			first = c.bytes[end]
		}
		c.bytes, c.ends = c.bytes[:end], append(c.ends, end)
	}
	return nil
}

// continued is the bit of a length's byte that says that more follow.
const continued = 0x80

// longLength reads what follows the first byte of a length.
func longLength(r *proto.Reader, first uint64) (uint64, error) {
	rest, err := r.UVarInt()
	if err == nil && rest > maxTextBytes {
		err = fmt.Errorf("a text has %d bytes and more, at most %d are read", rest, maxTextBytes)
	}
	return first&^continued | rest<<7, err
}

// lists are the lists of rows, one behind the other.
type lists[C any, P interface {
	*C
	decoder
}] struct {
	ends  uint64s
	items C
}

func (c *lists[C, P]) state(r *proto.Reader) error {
	if items, ok := any(P(&c.items)).(stateful); ok {
		return items.state(r)
	}
	return nil
}

func (c *lists[C, P]) decode(r *proto.Reader, rows int) error {
	if err := c.ends.decode(r, rows); err != nil {
		return err
	}
	var last uint64
	for _, end := range c.ends.values {
		if end < last || end > maxBlockValues {
			return fmt.Errorf("a list ends at %d, the one before at %d, and none may after %d", end, last, maxBlockValues)
		}
		last = end
	}
	return P(&c.items).decode(r, int(last))
}

// of is where a row's list stands among the items.
func (c *lists[C, P]) of(row int) (first, end int) { return span(c.ends.values, row) }

func span(ends []uint64, row int) (first, end int) {
	if row > 0 {
		first = int(ends[row-1])
	}
	return first, int(ends[row])
}

// keyed are texts of which there are few, and for each row which it is.
type keyed struct {
	values textColumn
	keys   []uint32
	narrow uint8s
	medium uint16s
	wide   uint32s
}

// Parts of the word before a dictionary.
const (
	keyWidth         = 0xff
	globalDictionary = 1 << 8
	ownValues        = 1 << 9
	dictionaryState  = 1 // the only version of it
)

func (c *keyed) state(r *proto.Reader) error {
	version, err := r.Int64()
	if err == nil && version != dictionaryState {
		err = fmt.Errorf("the dictionary's version is %d, want %d", version, dictionaryState)
	}
	return err
}

func (c *keyed) decode(r *proto.Reader, rows int) error {
	c.keys, c.values.ends = c.keys[:0], c.values.ends[:0]
	if rows == 0 {
		return nil
	}
	head, err := r.UInt64()
	if err != nil {
		return err
	}
	if head&globalDictionary != 0 || head&ownValues == 0 {
		return errors.New("the dictionary is not in the block")
	}
	held, err := r.UInt64()
	if err != nil {
		return err
	}
	if held > maxBlockValues {
		return fmt.Errorf("the dictionary has %d values, at most %d are read", held, maxBlockValues)
	}
	if err := c.values.decode(r, int(held)); err != nil {
		return err
	}
	keys, err := r.UInt64()
	if err != nil {
		return err
	}
	if keys != uint64(rows) {
		return fmt.Errorf("the dictionary is of %d values, want %d", keys, rows)
	}
	return c.decodeKeys(r, proto.CardinalityKey(head&keyWidth), rows)
}

func (c *keyed) decodeKeys(r *proto.Reader, width proto.CardinalityKey, rows int) (err error) {
	var greatest uint32
	switch width {
	case proto.KeyUInt8:
		err = c.narrow.decode(r, rows)
		c.keys, greatest = widen(c.keys, c.narrow.values)
	case proto.KeyUInt16:
		err = c.medium.decode(r, rows)
		c.keys, greatest = widen(c.keys, c.medium.values)
	case proto.KeyUInt32:
		err = c.wide.decode(r, rows)
		c.keys, greatest = widen(c.keys, c.wide.values)
	default: // 64 bits are for more values than a block has
		return fmt.Errorf("the keys of a dictionary have the width %d", width)
	}
	if err == nil && int(greatest) >= len(c.values.ends) {
		err = fmt.Errorf("a key is %d, the dictionary has %d values", greatest, len(c.values.ends))
	}
	return err
}

// widen appends keys and says which is the greatest.
func widen[T uint8 | uint16 | uint32](to []uint32, keys []T) ([]uint32, uint32) {
	var greatest T
	to = slices.Grow(to, len(keys))[:len(keys)]
	for i, key := range keys {
		to[i] = uint32(key)
		greatest = max(greatest, key)
	}
	return to, uint32(greatest)
}
