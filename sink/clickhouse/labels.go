package clickhouse

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// labelSets are the labels of rows that are added up by them. Those that were seen before are found by their encoded bytes.
type labelSets map[string]*telemetry.Labels

// errCutShort is of labels that end before the last of them.
var errCutShort = errors.New("they are cut short")

// of reads the labels of labelList as RowBinary has them.
func (s labelSets) of(raw string) (*telemetry.Labels, error) {
	if kept, ok := s[raw]; ok {
		return kept, nil
	}
	rest := []byte(raw)
	text := func() (out string, err error) {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return "", errCutShort
		}
		out, rest = string(rest[n:n+int(length)]), rest[n+int(length):]
		return out, nil
	}
	labels := &telemetry.Labels{}
	var err error
	for i := range telemetry.LabelNames {
		if *labels.FieldAt(i), err = text(); err != nil {
			return nil, err
		}
	}
	extra, n := binary.Uvarint(rest)
	if n <= 0 {
		return nil, errCutShort
	}
	rest = rest[n:]
	for range extra {
		written, err := text()
		if err != nil {
			return nil, err
		}
		label, err := parseExtra(written)
		if err != nil {
			return nil, err
		}
		labels.Extra = append(labels.Extra, label)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last of them", len(rest))
	}
	s[strings.Clone(raw)] = labels
	return labels, nil
}

// origin is where a cell's reports stood.
type origin struct {
	source telemetry.Source
	err    error
}

// parseSource reads what telemetry.Source.String wrote.
func parseSource(text string) (out telemetry.Source, err error) {
	topic, partition, ok := strings.Cut(text, "/")
	number, numberErr := strconv.ParseInt(partition, 10, 32)
	raw, hexErr := hex.DecodeString(topic)
	if !ok || numberErr != nil || hexErr != nil || len(raw) != len(out.TopicID) {
		return out, fmt.Errorf("source %q, want a topic's id of 32 hexadecimal digits, a slash and a partition", text)
	}
	copy(out.TopicID[:], raw)
	out.Partition = int32(number)
	return out, nil
}

// parseExtra reads what extraColumn wrote.
func parseExtra(text string) (telemetry.Label, error) {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '=':
			return telemetry.Label{Name: name.String(), Value: text[i+1:]}, nil
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		name.WriteByte(text[i])
	}
	return telemetry.Label{}, fmt.Errorf("extra label %q has no =", text)
}
