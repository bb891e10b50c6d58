package lag

// State is how a group gets on with a partition, as Burrow says it. They are ordered by Burrow's severity, so that the worst of
// many is the greatest. The zero value is unknown.
type State uint8

// The states. Where several fit, the order of Burrow's evaluator decides, not this one: see (*Partition).judge.
const (
	StateUnknown State = iota // Assessment.Why says why
	OK                        // nothing is wrong, or nothing is unread
	PAUSED                    // the group has paused consumption; it is not judged
	WARN                      // commits move, and lag never fell over the window
	ERR                       // of a group only: some partition is in one of those below
	STOP                      // nobody commits any more, and messages wait
	STALL                     // commits do not move, and messages wait
	REWIND                    // a commit fell, and has not regained what it had
)

var states = [...]string{
	StateUnknown: "UNKNOWN", OK: "OK", PAUSED: "PAUSED", WARN: "WARN", ERR: "ERR", STOP: "STOP", STALL: "STALL", REWIND: "REWIND",
}

// String is the state's name.
func (s State) String() string { return states[s] }
