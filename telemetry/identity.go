package telemetry

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Names of Weir's topics.
const (
	TopicTelemetry  = "weir.telemetry"
	TopicCells      = "weir.cells"
	TopicGroups     = "weir.groups"
	TopicAlerts     = "weir.alerts"
	TopicDeadLetter = "weir.deadletter"
	TopicParameters = "weir.parameters" // compacted: the fold's fixed parameters, once
)

// Source is one partition of weir.telemetry, told from one of a topic of the same
// name created again by the topic's id.
type Source struct {
	TopicID   [16]byte
	Partition int32
}

// String returns the id in hexadecimal, a slash and the partition.
func (s Source) String() string {
	return fmt.Sprintf("%s/%d", hex.EncodeToString(s.TopicID[:]), s.Partition)
}

// BlockOffsets is how many offsets of a source share a block. Not smaller: a fast
// partition would cut segments before a minute is over and aggregate less; not
// larger: a block bounds how long a broker clock that leapt ahead keeps its minute.
const BlockOffsets = 4 << 20

// SegmentLength is the append time that one segment spans. Not smaller: segments would
// hold too few reports to aggregate; not larger: a restart replays one, and an open one
// is in memory.
const SegmentLength = time.Minute

// Segment is the reports of one source that the broker appended in one minute
// within one block. It depends on the log alone.
type Segment struct {
	Block      uint64
	MinuteUnix int64 // minutes since 1970
}

// Begin is the start of the segment's minute, by the broker's clock.
func (s Segment) Begin() time.Time { return time.Unix(s.MinuteUnix*60, 0).UTC() }

// Before says whether s comes earlier in its source than o.
func (s Segment) Before(o Segment) bool {
	return s.Block < o.Block || s.Block == o.Block && s.MinuteUnix < o.MinuteUnix
}

// Cell is what one segment of one source contributed to one series in one pane.
// Its version is Totals.Reports.
type Cell struct {
	Pane   time.Time // start
	Labels Labels
	Totals Totals
}

// CellBatch is a record of weir.cells.
type CellBatch struct {
	Source  Source
	Segment Segment
	Cells   []Cell
	Ledger  *Ledger // set in the last batch of a flush
	Details []ReportDetail
}

// Ledger says how many reports a segment held; its version is Reports + Refused.
type Ledger struct {
	Reports, Refused, Bytes uint64
	FirstOffset, EndOffset  int64
	Closed                  bool
}

// Grouping is a set of labels that some rule groups by, over the series that Where admits.
type Grouping struct {
	ID    string // names By and Where; equal for equal text
	By    []string
	Where func(*Labels) bool // nil admits all
	Omit  Parts              // what no rule of this grouping reads
}

// Parts are the costly parts of a group's totals.
type Parts uint8

// The parts, with the bits of telemetry.proto.
const (
	PartLatency Parts = 1 << iota
	PartDelay
	PartSize
	PartHeartbeat
	PartDistincts // clients, nodes and versions

	AllParts = PartLatency | PartDelay | PartSize | PartHeartbeat | PartDistincts
)

// Has says that any part of other is in p.
func (p Parts) Has(other Parts) bool { return p&other != 0 }

// Values returns the group that a series belongs to; ok is false where Where
// refuses it.
func (g *Grouping) Values(labels *Labels) (values []string, ok bool) {
	if g.Where != nil && !g.Where(labels) {
		return nil, false
	}
	values = make([]string, len(g.By))
	for i, name := range g.By {
		values[i] = labels.Get(name)
	}
	return values, true
}

// AppendKey appends the key of the group that a series belongs to; ok is false where
// Where refuses it.
func (g *Grouping) AppendKey(b []byte, labels *Labels) (key []byte, ok bool) {
	if g.Where != nil && !g.Where(labels) {
		return b, false
	}
	b = append(b, g.ID...)
	for _, name := range g.By {
		b = append(append(b, valueSeparator...), labels.Get(name)...)
	}
	if len(g.By) == 0 {
		b = append(b, valueSeparator...)
	}
	return b, true
}

// valueSeparator stands between the values of a group; no value has it.
const valueSeparator = "\x00"

// GroupKey returns the key of a group, which decides its partition of weir.groups and weir.alerts.
func GroupKey(grouping string, values []string) string {
	return grouping + valueSeparator + strings.Join(values, valueSeparator)
}

// GroupPartition returns the partition of n that holds a group, by FNV-1a of its
// key; weir.groups and weir.alerts have equally many, so that whoever owns a group
// owns its alerts.
func GroupPartition(key string, n int32) int32 {
	const offset, prime = 2166136261, 16777619
	hash := uint32(offset)
	for _, b := range []byte(key) {
		hash = (hash ^ uint32(b)) * prime
	}
	return int32(hash % uint32(n))
}

// GroupBatch is a record of weir.groups: what one segment of one source contributed to
// groups of one partition.
type GroupBatch struct {
	Source  Source
	Segment Segment
	Groups  []GroupPartials
}

// GroupPartials are what a batch holds of one group, in several panes. A partial's version
// is its Totals.Reports.
type GroupPartials struct {
	Grouping string
	Values   []string
	Omitted  Parts // what the partials' totals lack
	Partials []GroupPartial
}

// GroupPartial is a group's totals in one pane.
type GroupPartial struct {
	Pane   time.Time // start
	Totals Totals
}

// Watermark says how far a source has come; every partition of weir.groups gets it, in a
// record with those of other sources.
type Watermark struct {
	Source      Source
	EventTime   time.Time // panes that end at or before it get late reports only
	Idle        bool      // read to its end, nothing new
	Offset      int64     // next to be read
	At          time.Time // by the aggregator's clock
	LateReports uint64    // since the segment began
	Sources     int32     // partitions of weir.telemetry
}
