package aggregate

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/weirmq/weir/telemetry"
)

// series is one set of label values. Its labels stay encoded: what its groups list is
// at hand.
type series struct {
	encoding uint32 // of its labels
	segment  uint32 // the table's segment that it was last seen in
	newest   uint32 // cell of that segment, plus 1; 0 for none
	grouped  uint32 // the table's groupings that its memberships are of
	member   uint32 // the first of its memberships
	members  uint32 // groups that it is in
	version  uint32 // of its client library, in seriesTable.versions; 0 for none
	topic    uint32 // in seriesTable.topics
	excess   uint32 // the table's segment in which it was noted as one too many
	claims   bool   // its own labels say that it is an overflow series
	client   text
	node     text
	expected blockSpans // of its next cell
}

// text is a part of a series' encoded labels.
type text struct{ at, length uint32 }

// libraryVersion is a version of a client library.
type libraryVersion struct{ lang, version string }

// seriesTable finds series by their encoded labels. One series may be encoded in
// several ways; only the first sight of an encoding copies and parses it. Series are
// remembered beyond their segment, since nearly all come again; which of them count
// against the limit depends on the segment alone.
type seriesTable struct {
	limit     int // of series in a segment
	ofTopic   int // of those of one topic; 0 for none of its own
	encodings encodings
	series    []series         // the first takes the series beyond the limit
	versions  []libraryVersion // the first is none
	versionAt map[libraryVersion]uint32
	topics    []topicSeries
	topicAt   map[string]uint32 // by its encoded labels
	segment   uint32            // counts segments, from 1
	groupings uint32            // counts sets of groupings, from 1
	live      int               // series in the open segment
	overflows int               // overflow series in it, which are not among those
	scratch   telemetry.Labels  // read last, of the series scratchOf
	scratchOf uint32
	canonical []byte
	topicKey  []byte // of the labels read last
}

const (
	// encodingsPerSeries bounds the encodings remembered for each series. Not fewer:
	// clients in several languages order labels differently; not more: they are memory.
	encodingsPerSeries = 4
	// rememberedPerLive bounds the series that are remembered, by those of a segment
	// and, within it, by the limit. Not fewer: clients that pause for a minute would be
	// parsed again; not more: they are memory.
	rememberedPerLive = 2
	minRemembered     = 1000

	overflowSeries = 0
	noSeries       = math.MaxUint32
)

func newSeriesTable(p Parameters) seriesTable {
	t := seriesTable{limit: p.MaxSeries, ofTopic: p.MaxTopicSeries, groupings: 1}
	t.forget()
	return t
}

func (t *seriesTable) forget() {
	t.encodings, t.series, t.scratchOf = newEncodings(), nil, noSeries
	t.versions, t.versionAt = make([]libraryVersion, 1), map[libraryVersion]uint32{{}: 0}
	t.topics, t.topicAt = nil, map[string]uint32{}
	t.newOverflow(telemetry.Labels{})
}

// begin begins a segment. It returns true where all series were forgotten, because
// most of those remembered had not come in the segment before.
func (t *seriesTable) begin() (forgot bool) {
	if len(t.series) > minRemembered+rememberedPerLive*t.live || t.encodingsFull() {
		t.forget()
		forgot = true
	}
	t.segment++
	t.live, t.overflows = 0, 0
	return forgot
}

func (t *seriesTable) encodingsFull() bool {
	return len(t.encodings.entries) > encodingsPerSeries*max(t.limit, minRemembered)
}

// newSeries makes a series of labels and their canonical encoding. Their topic has been
// read.
func (t *seriesTable) newSeries(labels *telemetry.Labels, canonical []byte) uint32 {
	id := uint32(len(t.series))
	t.series = append(t.series, series{encoding: t.encodings.insert(canonical, t.encodings.hash(canonical), id),
		version: t.versionOf(labels), client: textOf(canonical, labels.Client), node: textOf(canonical, labels.Node),
		topic: t.makeTopic(), claims: t.claims(labels)})
	return id
}

// textOf finds a label's value in the encoding, wherever the same bytes are.
func textOf(canonical []byte, value string) text {
	at := bytes.Index(canonical, []byte(value))
	return text{uint32(max(at, 0)), uint32(len(value))}
}

func (t *seriesTable) versionOf(labels *telemetry.Labels) uint32 {
	v := libraryVersion{labels.SDKLang, labels.SDKVersion}
	at, ok := t.versionAt[v]
	if !ok {
		at, v = uint32(len(t.versions)), libraryVersion{strings.Clone(v.lang), strings.Clone(v.version)}
		t.versions = append(t.versions, v)
		t.versionAt[v] = at
	}
	return at
}

// find returns the series of an encoding. One seen for the first time is read. noSeries
// is one that is over a limit and not remembered: its labels were read last.
func (t *seriesTable) find(raw []byte, reader LabelReader) (uint32, error) {
	if id, ok := t.encodings.foresee(raw); ok {
		return id, nil
	}
	hash := t.encodings.hash(raw)
	if id, ok := t.encodings.find(raw, hash); ok {
		return id, nil
	}
	t.scratchOf = noSeries
	if err := reader.ReadLabels(raw, &t.scratch); err != nil {
		return 0, err
	}
	t.scratch.Canonical()
	t.canonical = telemetry.AppendLabels(t.canonical[:0], &t.scratch)
	id, ok := t.encodings.find(t.canonical, t.encodings.hash(t.canonical))
	if !ok {
		t.readTopic(&t.scratch)
		full := len(t.series) >= minRemembered+rememberedPerLive*t.limit
		if full && !t.admits(t.topic(), t.claims(&t.scratch)) {
			return noSeries, nil
		}
		id = t.newSeries(&t.scratch, t.canonical)
	}
	t.scratchOf = id
	if !bytes.Equal(raw, t.canonical) && !t.encodingsFull() {
		t.encodings.insert(raw, hash, id)
	}
	return id, nil
}

// encoded returns a series' labels as they are written.
func (t *seriesTable) encoded(id uint32) []byte { return t.encodings.bytesOf(t.series[id].encoding) }

// labels returns a series' labels, good until the next report; they are read again
// where they were not read last.
func (t *seriesTable) labels(id uint32) *telemetry.Labels {
	if t.scratchOf != id {
		labels, err := telemetry.UnmarshalLabels(t.encoded(id))
		if err != nil {
			panic(fmt.Sprintf("labels that this fold encoded do not decode: %v", err))
		}
		t.scratch, t.scratchOf = labels, id
	}
	return &t.scratch
}

// release forgets the labels read last: they share the memory of the report that they are of.
func (t *seriesTable) release() { t.scratch, t.scratchOf = telemetry.Labels{}, noSeries }

// client is who a series is of, node where it is. They share the table's memory, which
// is never written again.
func (t *seriesTable) client(id uint32) string { return t.text(id, t.series[id].client) }
func (t *seriesTable) node(id uint32) string   { return t.text(id, t.series[id].node) }

func (t *seriesTable) text(id uint32, at text) string {
	raw := t.encoded(id)[at.at:][:at.length]
	return unsafe.String(unsafe.SliceData(raw), len(raw))
}

// seriesOf finds the series of a report, an overflow series beyond the limits.
func (f *Fold) seriesOf(r *telemetry.Report, reader LabelReader) (uint32, error) {
	id, err := f.series.find(r.RawLabels, reader)
	if err != nil {
		return 0, err
	}
	if id != noSeries && f.series.isLive(id) {
		return id, nil
	}
	if id = f.admit(id); f.series.isLive(id) {
		return id, nil
	}
	s := &f.series.series[id]
	s.segment, s.newest = f.series.segment, 0
	if s.grouped != f.series.groupings {
		f.group(id)
	}
	return id, nil
}

// isLive says that a series is in the open segment.
func (t *seriesTable) isLive(id uint32) bool { return t.series[id].segment == t.segment }
