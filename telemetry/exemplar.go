package telemetry

// Exemplar is one step that one message took. Latency and delay are 0 where they are not
// known, and so is Attempt, which counts from 1.
type Exemplar struct {
	TimeUnixMillis           int64 // when the step ended
	TraceID, MessageID       string
	LatencyMicros, SizeBytes uint64
	ErrorClass               string // empty where the step did not fail
	Attempt                  uint32
	DelayMicros              uint64 // from the message's timestamp until it was received, or its handling began
	Kept                     Kept
	Step                     Step
	SampledOf                uint32 // KeptSampled: one of so many is kept
}

// Step is what a message did.
type Step int32

// The steps, numbered as in telemetry.proto.
const (
	StepSent         Step = 1
	StepReceived     Step = 2
	StepHandled      Step = 3
	StepDeadLettered Step = 4
)

// stepNames are the names of steps in the store and on pages.
var stepNames = [...]string{StepSent: "sent", StepReceived: "received", StepHandled: "handled", StepDeadLettered: "dead_lettered"}

// String is the step's name; empty where it is unknown, such as one of a later contract.
func (s Step) String() string { return nameAt(stepNames[:], int32(s)) }

// Kept is why a message is told of.
type Kept int32

// The reasons, numbered as in telemetry.proto.
const (
	KeptSlow    Kept = 1
	KeptError   Kept = 2
	KeptSampled Kept = 3
	KeptSlowest Kept = 4
	KeptLargest Kept = 5
)

var keptNames = [...]string{KeptSlow: "slow", KeptError: "error", KeptSampled: "sampled", KeptSlowest: "slowest", KeptLargest: "largest"}

// String is the reason's name; empty where it is unknown.
func (k Kept) String() string { return nameAt(keptNames[:], int32(k)) }

func nameAt(names []string, at int32) string {
	if at < 0 || int(at) >= len(names) {
		return ""
	}
	return names[at]
}
