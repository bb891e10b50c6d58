package clickhouse

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// seriesNumbers numbers the sets of labels of rows. Rows that follow each other mostly differ in the client only, and the series of
// a pane follow each other as they did in the pane before: that is looked at first.
type seriesNumbers struct {
	labels   []*telemetry.Labels // by number
	keys     []seriesKey         // by number
	next     []uint32            // by number: which followed it last
	numbers  map[seriesKey]uint32
	prefixes map[string]uint32  // by all labels but the client's, encoded
	common   []telemetry.Labels // by prefix

	last, prefix uint32
	mixed        []uint64          // by row: a number for the keys of all labels but the client's
	seen         map[uint64]uint32 // prefixes by it, in one block
	encoded      []byte
}

// seriesKey is a series' labels but for the client's, and the client.
type seriesKey struct {
	prefix uint32
	client string
}

func newSeriesNumbers() *seriesNumbers {
	return &seriesNumbers{numbers: map[seriesKey]uint32{}, prefixes: map[string]uint32{}, seen: map[uint64]uint32{}}
}

// number appends the series of a block's rows.
func (s *seriesNumbers) number(head *blockHead, to []uint32) ([]uint32, error) {
	rows := len(head.panes.values)
	told := s.mix(head.labels[:], rows)
	clear(s.seen)
	to = slices.Grow(to, rows)
	further, before := false, false // there are labels of extra; the row before had some
	for row := range rows {
		first, end := head.extra.of(row)
		further, before = first < end, further
		if further || before || !told || row == 0 || s.mixed[row] != s.mixed[row-1] {
			var err error
			if s.prefix, err = s.prefixOf(head, row, told && !further); err != nil {
				return nil, err
			}
		}
		to = append(to, s.of(s.prefix, head.client.at(row)))
	}
	return to, nil
}

// mix makes one number of the keys of each row. It says no where they do not fit into it.
func (s *seriesNumbers) mix(labels []keyed, rows int) bool {
	s.mixed = slices.Grow(s.mixed[:0], rows)[:rows]
	clear(s.mixed)
	most := uint64(1)
	for i := range labels {
		keys, values := labels[i].keys, uint64(len(labels[i].values.ends))
		if len(keys) == 0 || allEqual(keys) {
			continue
		}
		high, low := bits.Mul64(most, values)
		if high > 0 {
			return false
		}
		most = low
		for row, key := range keys {
			s.mixed[row] = s.mixed[row]*values + uint64(key)
		}
	}
	return true
}

func allEqual(keys []uint32) bool {
	for _, key := range keys {
		if key != keys[0] {
			return false
		}
	}
	return true
}

// prefixOf is the number of a row's labels but the client's. Where they are told by its mixed keys they are encoded once in a block.
func (s *seriesNumbers) prefixOf(head *blockHead, row int, told bool) (uint32, error) {
	if told {
		if prefix, ok := s.seen[s.mixed[row]]; ok {
			return prefix, nil
		}
	}
	s.encoded = s.encoded[:0]
	for i := range head.labels {
		if i != clientLabel {
			s.encoded = appendText(s.encoded, head.labels[i].text(row))
		}
	}
	first, end := head.extra.of(row)
	for i := first; i < end; i++ {
		s.encoded = appendText(s.encoded, head.extra.items.at(i))
	}
	prefix, ok := s.prefixes[string(s.encoded)]
	if !ok {
		var labels telemetry.Labels
		for i := range head.labels {
			if i != clientLabel {
				*labels.FieldAt(i) = string(head.labels[i].text(row))
			}
		}
		for i := first; i < end; i++ {
			label, err := parseExtra(string(head.extra.items.at(i)))
			if err != nil {
				return 0, err
			}
			labels.Extra = append(labels.Extra, label)
		}
		prefix = uint32(len(s.common))
		s.common, s.prefixes[string(s.encoded)] = append(s.common, labels), prefix
	}
	if told {
		s.seen[s.mixed[row]] = prefix
	}
	return prefix, nil
}

func appendText(to, text []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// text is a row's value.
func (c *keyed) text(row int) []byte { return c.values.at(int(c.keys[row])) }

// of is the number of a series.
func (s *seriesNumbers) of(prefix uint32, client []byte) uint32 {
	if len(s.next) > 0 {
		if guess := s.next[s.last]; s.keys[guess].prefix == prefix && s.keys[guess].client == string(client) {
			s.last = guess
			return guess
		}
	}
	number, ok := s.numbers[seriesKey{prefix, string(client)}]
	if !ok {
		key := seriesKey{prefix, string(client)}
		labels := s.common[prefix]
		labels.Client = key.client
		number = uint32(len(s.labels))
		s.labels, s.keys, s.next = append(s.labels, &labels), append(s.keys, key), append(s.next, number)
		s.numbers[key] = number
	}
	s.next[s.last] = number
	s.last = number
	return number
}
