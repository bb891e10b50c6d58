package telemetry

// Schema is the version of the wire contract of reports that this code writes and reads.
const Schema = 1

// BatchSchema is that of what stages write for each other: batches of cells, of groups and
// of watermarks. 2: counts of buckets in two columns, many groups to a record. 3: watermarks
// of many sources to a record.
const BatchSchema = 3

// Report is what one client or one broker saw of one series in one interval.
// telemetry.proto documents the fields and their units.
type Report struct {
	Schema uint32
	// RawLabels is the encoded label region: equal bytes mean equal labels. It may
	// alias the buffer that the report was decoded from.
	RawLabels       []byte
	Labels          Labels
	StartUnixMillis int64
	LengthMillis    uint32
	Messages, Bytes uint64
	Errors          []ErrorCount
	LatencyMicros   Histogram
	DelayMicros     Histogram
	SizeBytes       Histogram
	HeartbeatMicros Histogram
	Gauges          []Gauge
	Rebalances      uint64
	DroppedReports  uint64
	Exemplars       []Exemplar
	Events          []Event
	// LeftOutExemplars counts messages that belong among Exemplars, of which there are as
	// many as the sender keeps.
	LeftOutExemplars uint64
}

// ErrorCount is a number of failed messages of one class.
type ErrorCount struct {
	Class string
	Count uint64
}

// ErrorClassHandler is the class of errors of messages that were delivered and whose handler
// failed: they are among the messages already.
const ErrorClassHandler = "handler"

// Gauge is a value as it stood at the end of a report's interval.
type Gauge struct {
	Name  string
	Value float64
}

// EventKind is what happened to a client.
type EventKind int32

// The kinds of lifecycle events, numbered as in telemetry.proto.
const (
	EventStarted    EventKind = 1
	EventStopped    EventKind = 2
	EventPaused     EventKind = 3
	EventResumed    EventKind = 4
	EventRebalanced EventKind = 5
	// What became of a command: the detail is its name and revision, and why.
	EventApplied  EventKind = 6
	EventReverted EventKind = 7
	EventRefused  EventKind = 8

	eventKindEnd EventKind = 9
)

var eventNames = [...]string{EventStarted: "started", EventStopped: "stopped", EventPaused: "paused", EventResumed: "resumed", EventRebalanced: "rebalanced",
	EventApplied: "applied", EventReverted: "reverted", EventRefused: "refused"}

// Known says that the kind is one of those above.
func (k EventKind) Known() bool { return k >= EventStarted && k < eventKindEnd }

// String is the kind's name; empty where it is unknown.
func (k EventKind) String() string { return nameAt(eventNames[:], int32(k)) }

// Event is a lifecycle event of one client.
type Event struct {
	Kind           EventKind
	TimeUnixMillis int64
	Detail         string
}
